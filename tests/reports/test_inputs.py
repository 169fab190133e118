"""What a node hands over is what the notebook loads."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.clients import Client, Schema
from workbench.engines import connection
from workbench.errors import ReportError
from workbench.reports.inputs import HandedInputs, hand_over, rows


def test_models_records_and_tables_come_back_as_they_were(tmp_path: Path, acme: Client) -> None:
    schema = Schema.model_validate({"tables": {"orders": {"columns": {"id": {"type": "int64"}}}}})
    table = pa.table({"a": [1, None], "b": ["x", "y"], "c": [[0.1, 0.9], [0.2, 0.8]]})
    expression = connection().create_table("orders_of_this_test", table).filter(ibis._.a == 1)
    given = {"client": acme, "schema": schema, "record": {"x": [1, "ü", None]}, "table": table, "lazy": expression}
    hand_over(given, tmp_path)
    loaded = HandedInputs(tmp_path)
    assert loaded.load("client") == acme
    assert loaded.load("schema") == schema
    assert loaded.load("record") == given["record"]
    assert loaded.load("table").equals(table)
    assert rows(loaded.load("lazy")) == rows(expression) == [{"a": 1, "b": "x", "c": [0.1, 0.9]}]


def test_a_client_without_a_schema(tmp_path: Path) -> None:
    hand_over({"schema": None}, tmp_path)
    assert HandedInputs(tmp_path).load("schema") is None


def test_a_missing_input_is_named_with_what_there_is(tmp_path: Path) -> None:
    hand_over({"record": {}}, tmp_path)
    (tmp_path.parent / "secret.json").write_text("{}")
    pq.write_table(pa.table({"a": [1]}), tmp_path.parent / "secret.parquet")
    for name in ("other", "../secret", "/etc/passwd", str(tmp_path.parent / "secret")):
        with pytest.raises(ReportError, match=r"was not handed.*record"):
            HandedInputs(tmp_path).load(name)


def test_an_input_that_is_no_identifier_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="not an identifier"):
        hand_over({"../x": {}}, tmp_path)
    with pytest.raises(ValueError, match="Out of range float"):
        hand_over({"x": {"a": float("nan")}}, tmp_path)
    assert list(tmp_path.iterdir()) == []
