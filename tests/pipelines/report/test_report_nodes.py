"""The pipeline ``report``: what it shows it names as inputs, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import ibis
import pyarrow as pa
import pytest
import yaml

from pipelines.report import nodes
from pipelines.report.parameters import ReportParameters
from pipelines.report.pipeline import create_pipeline
from workbench.engines import connection
from workbench.reports import find_template, template_names

ROOT = Path(__file__).parents[3]
CLIENTS = [name for name in template_names(ROOT) if name != "fleet_overview"]


def test_every_template_has_its_node_and_every_node_its_tag() -> None:
    names = {node.name for node in create_pipeline().nodes}
    assert {f"render_{name}" for name in CLIENTS} <= names
    assert all(node.tags == {"report"} for node in create_pipeline().nodes)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_template_loads_what_its_node_was_given(name) -> None:
    """A dataset that is loaded but not named would be made after the report, or be missing from it."""
    source = find_template(ROOT, name).path.read_text()
    node = next(node for node in create_pipeline().nodes if node.name == f"render_{name}")
    loaded = {part.split('\\"')[1] for part in source.split("data.load(")[1:]}
    assert loaded == {one for one in node.inputs if not one.startswith("params:")}


def test_kedro_can_resolve_the_annotations_that_it_validates_parameters_by() -> None:
    for node in create_pipeline().nodes:
        hints = get_type_hints(node.func)
        assert ("params:report" in node.inputs) == (hints.get("report") is ReportParameters)


def test_the_defaults_are_those_of_the_configuration() -> None:
    configured = yaml.safe_load((ROOT / "conf/base/parameters.yml").read_text())["report"]
    assert ReportParameters.model_validate(configured) == ReportParameters()


def test_a_page_gets_its_numbers_from_the_tables_that_are_saved_beside_it() -> None:
    for name in CLIENTS:
        node = next(node for node in create_pipeline().nodes if node.name == f"render_{name}")
        assert node.outputs == [name, f"{name}_tables"]
        given = {one for one in node.inputs if not one.startswith("params:")}
        assert given - {"client", "schema"} == {f"{name}_numbers", f"{name}_changes"}


def test_samples_are_what_training_wrote_down() -> None:
    row = {"model": "linear", "learned_rows": 5, "training_rows": 9, "judged_rows": 2, "validation_rows": 3}
    assert nodes.describe_samples(pa.Table.from_pylist([row | {"seconds": 1.0, "chosen": True}])) == [row]
    before = {name: row[name] for name in ("model", "learned_rows", "training_rows")}
    assert nodes.describe_samples(pa.Table.from_pylist([before])) == [
        before | {"judged_rows": None, "validation_rows": None}
    ]


def test_importing_the_pipeline_imports_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.report.pipeline\n"
        "heavy = {'papermill', 'nbconvert', 'nbformat', 'matplotlib', 'pyarrow', 'ibis', 'mlflow', 'torch', 'nh3'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.fixture
def features():
    when = ["2024-01-01", "2024-01-02", "2024-02-01", "2024-03-01"]
    columns = {"when": when, "fold": ["train", "train", "test", "validation"], "y": [1, 0, 1, 1], "k": list("abca")}
    made = connection().create_table("report_features", columns, overwrite=True)
    return made.mutate(when=ibis._.when.cast("timestamp"))


def test_folds_have_their_rows_span_and_target_in_the_order_of_their_use(features) -> None:
    roles = {"fold": "fold", "time": "when", "target": "y", "task": "binary"}
    found = nodes.describe_folds(features, roles)
    assert list(found) == ["train", "validation", "test"]
    assert found["train"] == {
        "rows": 2,
        "first": "2024-01-01 00:00:00",
        "last": "2024-01-02 00:00:00",
        "target": 0.5,
    }


def test_without_time_and_with_named_classes_less_is_said(features) -> None:
    found = nodes.describe_folds(features, {"fold": "fold", "time": None, "target": "k", "task": "multiclass"})
    assert found["test"] == {"rows": 1, "first": None, "last": None, "target": None}
