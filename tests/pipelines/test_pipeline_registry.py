"""The graph as a whole: what is in the catalog, what is light to import, what is described."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.project import configure_project, pipelines
from kedro.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
CATALOG: dict[str, Any] = yaml.safe_load((ROOT / "conf/base/catalog.yml").read_text())
PARAMETERS: dict[str, Any] = yaml.safe_load((ROOT / "conf/base/parameters.yml").read_text())
ORDER = ["ingest", "prepare", "train", "evaluate", "register", "score", "report"]
APART = ["monitor", "tune", "deploy"]  # run by name only


@pytest.fixture(scope="module")
def all_pipelines() -> dict[str, Pipeline]:
    configure_project("pipelines")
    return dict(pipelines)


def test_every_dataset_is_in_the_catalog_and_every_entry_is_used(all_pipelines: dict[str, Pipeline]) -> None:
    used = set.union(*(pipeline.datasets() for pipeline in all_pipelines.values()))
    assert {name for name in used if not name.startswith("params:")} == set(CATALOG)
    assert {name.removeprefix("params:") for name in used if name.startswith("params:")} == set(PARAMETERS)


@pytest.mark.parametrize("name", CATALOG)
def test_every_dataset_has_a_description(name: str) -> None:
    assert len(CATALOG[name]["metadata"]["description"]) > 20


def test_the_default_pipeline_is_all_of_them_in_order(all_pipelines: dict[str, Pipeline]) -> None:
    assert set(all_pipelines) == {*ORDER, *APART, "__default__"}
    nodes = [node.name for node in all_pipelines["__default__"].nodes]
    assert sorted(nodes) == sorted(node.name for name in ORDER for node in all_pipelines[name].nodes)
    # Each pipeline's inputs come from the ones before it, so the order in which people type them is a valid one.
    made: set[str] = set()
    for name in ORDER:
        outputs_of_all = all_pipelines["__default__"].all_outputs()
        assert all_pipelines[name].inputs() & outputs_of_all <= made, name
        made |= all_pipelines[name].all_outputs()


def test_every_node_is_named_and_tagged_by_its_pipeline(all_pipelines: dict[str, Pipeline]) -> None:
    for name in [*ORDER, *APART]:
        for node in all_pipelines[name].nodes:
            assert node.name.isidentifier(), node.name
            assert name in node.tags, node.name


def test_building_the_pipelines_imports_nothing_heavy() -> None:
    script = textwrap.dedent(
        """
        import sys
        from pipelines.pipeline_registry import register_pipelines
        register_pipelines()
        heavy = {"torch", "mlflow", "pandas", "pyarrow", "ibis", "duckdb", "sklearn", "pandera", "numpy", "papermill",
                 "transformers", "peft", "tokenizers", "openai"}
        found = sorted(heavy & set(sys.modules))
        sys.exit(f"imported: {found}" if found else 0)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_typed_defaults_are_those_of_the_file(name: str) -> None:
    from importlib import import_module

    module = import_module(f"pipelines.{name}.parameters")
    model = getattr(module, f"{name.capitalize()}Parameters")
    assert model().model_dump(mode="json") == PARAMETERS[name]
    assert all(field.description for field in model.model_fields.values())


def test_kedro_finds_the_model_of_every_parameter(
    all_pipelines: dict[str, Pipeline], caplog: pytest.LogCaptureFixture
) -> None:
    from kedro.validation import TypeExtractor

    found = TypeExtractor(all_pipelines).extract_types_from_pipelines()
    assert set(found) == set(PARAMETERS)
    assert caplog.text == "", "an annotation of a node cannot be resolved at run time"
