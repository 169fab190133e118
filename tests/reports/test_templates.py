"""The shipped notebooks: clean in the repository, and fit for every task."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pyarrow as pa
import pytest

from workbench.clients import Client
from workbench.errors import ReportError
from workbench.reports import find_template, template_names
from workbench.reports.compare import compare
from workbench.reports.holdout import describe_errors
from workbench.reports.inputs import hand_over
from workbench.reports.numbers import as_numbers
from workbench.reports.parameters import TAG

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*/*.ipynb"))
TASKS = {"binary": ("roc_auc", "brier"), "multiclass": ("accuracy", "log_loss"), "regression": ("rmse", "r2")}
CLASSES = ["a", "b", "c"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_anything_that_can_differ(path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.from_dict(raw))
    # People's notebooks open on the warm kernel; a template of a report is given its kernel by the renderer.
    names = (
        ("python3", "Python 3 (ipykernel)") if path.parent.name == "reports" else ("workbench_warm", "Workbench (warm)")
    )
    kernelspec = dict(zip(("name", "display_name"), names, strict=True)) | {"language": "python"}
    assert raw["metadata"] == {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    identities = [cell["id"] for cell in raw["cells"]]
    assert len(set(identities)) == len(identities)
    for cell in raw["cells"]:
        assert re.fullmatch(r"[a-z0-9-]{1,64}", cell["id"]), "an id of words, not a random one"
        assert set(cell["metadata"]) <= {"tags"}
        most = 24 if path.parent.name == "templates" else 12  # a recipe to start from is a function
        assert len("".join(cell["source"]).splitlines()) <= most, "logic lies in modules"
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_every_report_declares_what_the_renderer_fills_in() -> None:
    assert set(template_names(ROOT)) >= {"model_card", "data_quality"}
    for name in template_names(ROOT):
        template = find_template(ROOT, name)
        assert {"inputs"} | ({"client"} if name != "fleet_overview" else set()) <= set(template.parameters)
        assert all(parameter.help for parameter in template.parameters.values())
        assert template.to_dict()["title"]


def test_a_broken_template_is_named(bare, template: Callable[..., Path]) -> None:
    template("untitled", "no heading")
    with pytest.raises(ReportError, match=r"untitled\.ipynb: has no heading"):
        find_template(bare, "untitled")
    (bare / "notebooks" / "reports" / "broken.ipynb").write_text("{")
    with pytest.raises(ReportError, match=r"broken\.ipynb: is not a notebook"):
        find_template(bare, "broken")


@pytest.mark.parametrize("task", TASKS)
def test_the_model_card_suits_every_task(task, acme, tmp_path) -> None:
    """Its cells run here, one after the other, without a kernel."""
    metric = acme.metric.model_copy(update={"name": TASKS[task][0]})
    client = acme.model_copy(update={"task": task, "metric": metric, "protected": ("group",)})
    shown = run_cells("model_card", {"client": client, **numbers_of("model_card", model_inputs(task))}, tmp_path)
    assert all(str(html) for html in shown), "every cell shows something"
    assert sum("<img" in html for html in shown) == 6
    assert "nan" not in re.sub(r"base64,[^\"]*", "", "".join(shown)).lower().split()


@pytest.mark.parametrize("kind", ["ensemble", "boosting", "linear"])
def test_the_model_card_speaks_of_whichever_model_was_chosen(kind, acme, tmp_path) -> None:
    inputs = model_inputs("binary")
    trials = {"trial": [0, 1], "state": ["complete"] * 2, "validation_loss": [0.5, 0.4], "best": [False, True]}
    inputs["tuning"] = pa.table({**trials, "learning_rate": [0.1, 0.2], "width": [8.0, 8.0]})
    better = {"value": 0.9, "low": 0.85, "high": 0.95}
    held = inputs["holdout_predictions"]
    if kind not in held.column_names:
        inputs["holdout_predictions"] = held.append_column(kind, held["network"])
    evaluation = inputs["evaluation"]
    models = evaluation["models"] | {kind: dict.fromkeys(evaluation["models"]["network"], better)}
    apart = {"value": -0.2, "low": -0.25, "high": -0.15}
    differences = {model: {"roc_auc": apart} for model in models if model != kind}
    inputs["evaluation"] = {**evaluation, "candidate": kind, "models": models, "differences": differences}
    shown = "".join(run_cells("model_card", {"client": acme, **numbers_of("model_card", inputs)}, tmp_path))
    name = {"ensemble": "mean of the models", "boosting": "boosting model", "linear": "linear model"}[kind]
    told = f"The {name} is ahead of “Neural network” by 0.200; with both tried"
    row = '<td>Neural network</td><td class="num">+0.200</td>'
    assert (told if kind == "boosting" else row) in shown, "few others are told of, many are a table"
    assert f"the {name} is 0.200 better" in shown
    assert "2 settings were tried" in shown


def numbers_of(name: str, tables: dict[str, Any]) -> dict[str, Any]:
    """What the nodes before a page make of its datasets."""
    if "holdout_predictions" in tables:
        model = tables["evaluation"].get("candidate", "network")
        tables["errors"] = describe_errors(tables.pop("holdout_predictions"), tables["feature_roles"], model)
    numbers = as_numbers(tables)
    return {f"{name}_numbers": numbers, f"{name}_changes": compare(numbers, None)}


def run_cells(name: str, inputs: dict[str, Any], folder: Path) -> list[str]:
    """What the cells of a template show: the value of the last line, if it is an expression."""
    hand_over(inputs, folder)
    names: dict[str, Any] = {}
    shown = []
    for cell in nbformat.read(ROOT / "notebooks" / "reports" / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type != "code":
            continue
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), name, "exec"), names)
        if TAG in cell.metadata.get("tags", []):
            names |= {"client": inputs["client"].id, "inputs": str(folder)}
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), name, "eval"), names))
    return shown


def model_inputs(task: str) -> dict[str, Any]:
    random = np.random.default_rng(0)
    rows = 400
    primary, other = TASKS[task]
    value = {"value": 0.7, "low": 0.6, "high": 0.8}
    columns: dict[str, Any] = {"id": range(rows), "group": random.choice(["x", "y"], rows)}
    if task == "binary":
        label = pa.array(random.integers(0, 2, rows), pa.int8())
        guess: Callable[[], Any] = lambda: random.random(rows)  # noqa: E731
    elif task == "multiclass":
        label = pa.array(random.choice(CLASSES, rows))
        guess = lambda: random.dirichlet([1, 1, 1], rows).tolist()  # noqa: E731
    else:
        label = pa.array(random.normal(size=rows))
        guess = lambda: random.normal(size=rows)  # noqa: E731
    models = ("network", "boosting", "majority")
    history = {"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "validation_loss": [3.0, 2.0, 2.5]}
    fold = {"rows": 9, "first": None, "last": None, "target": None if task == "multiclass" else 0.5}
    return {
        "feature_roles": {
            "task": task,
            "target": "late",
            "classes": CLASSES if task == "multiclass" else None,
            "time": None,
            "numeric": ["a"],
            "categorical": ["group"],
            "excluded": {},
        },
        "folds": {"train": fold, "validation": fold, "test": fold},
        "samples": [
            {"model": "network", "learned_rows": 9, "training_rows": 9, "judged_rows": 9, "validation_rows": 9}
        ],
        "training_history": pa.table(history),
        "tuning": pa.table({"trial": pa.array([], pa.int64())}),
        "holdout_predictions": pa.table(columns | {"label": label} | {model: guess() for model in models}),
        "evaluation": {
            "task": task,
            "primary": primary,
            "rows": rows,
            "models": {model: {primary: value, other: value} for model in models},
            "checks": {"beats_majority": True},
            "expected_calibration_error": None if task == "regression" else 0.1,
        },
        "calibration": pa.table({"predicted": [0.1, 0.6], "observed": [0.2, 0.5], "rows": [200, 200]}),
        "segments": pa.table(
            {"column": ["group"] * 2, "value": ["x", "y"], "rows": [190, 210], primary: [0.6, 0.8], other: [0.5, 0.5]}
        ),
        "importance": pa.table({"feature": ["a", "group"], "importance": [0.2, -0.01], "std": [0.01, 0.02]}),
        "verdict": {
            "version": 1,
            "decision": "promoted",
            "promote": True,
            "reasons": ["better"],
            "metric": primary,
            "margin": 0.0,
            "challenger": 0.7,
            "baseline": 0.5,
            "champion": None,
            "champion_version": 1,
        },
        "lineage": {"model": "acme", "version": 1, "run_id": "r", "sha256": "s"},
    }


def test_the_data_quality_report_runs_without_a_schema(acme: Client, tmp_path: Path) -> None:
    profile = {"type": "int64", "null_share": 0.0, "distinct": 3, "min": 1, "max": 3, "mean": 2.0}
    table = {
        "source": {"kind": "csv", "files": []},
        "read": 3,
        "kept": 3,
        "quarantined": 0,
        "quarantined_share": 0.0,
        "reasons": {},
        "columns": {"id": profile},
    }
    tables = {"ingest_summary": {"client": "acme", "tables": {"orders": table}}}
    given = {"client": acme, "schema": None, **numbers_of("data_quality", tables)}
    shown = run_cells("data_quality", given, tmp_path)
    assert len(shown) == 10
    assert all(str(html) for html in shown)


def test_a_notebook_imports_only_what_it_shows() -> None:
    """Each kernel pays for it, each time."""
    code = (
        "import sys, workbench.notebook, workbench.reports.model_card, workbench.reports.drift, workbench.reports.changes\n"
        "print(*sorted({'kedro', 'mlflow', 'ibis', 'papermill', 'nbconvert', 'nh3', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
