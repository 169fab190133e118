"""All pipelines on a sample of a new client's rows, in a copy of the project that nobody sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry, env_of_client
from workbench.fleet.environment import worker_environment
from workbench.onboarding.files import Proposal, client_yml, schema_yml
from workbench.onboarding.origin import LANDING
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["SAMPLE_ROWS", "Smoke", "smoke"]

SAMPLE_ROWS = 3000
TRAIN_SECONDS = 20
BEFORE_THE_GATE, AFTER_IT = "ingest,prepare,train,evaluate,register", "score,report"

COPIED = ("pyproject.toml", ".telemetry")


@dataclass(frozen=True)
class Smoke:
    """How it went.

    Attributes:
        ok: whether all pipelines came to their end.
        seconds: wall-clock.
        rows: of the sample.
        said: what the gate would say of the model, or the error.
    """

    ok: bool
    seconds: float
    rows: int
    said: str


def smoke(project: Path, made: Proposal) -> Smoke:
    """Run the default pipelines on a sample; the project itself is only read.

    The folder is private (mode 0700) and removed at the end, with the data, the models and the registry in it.
    """
    begun = time.monotonic()
    with private_folder("smoke") as scratch:
        copy = Path(scratch) / "project"
        _copy_project(project, copy)
        sample = Path("data", made.client, LANDING, "sample.parquet")
        rows = _write_sample(project, made, copy / sample, Path(scratch))
        source: dict[str, Any] = {"kind": "parquet", "path": sample.as_posix()}
        source |= {"rename": made.look.renamed} if made.look.renamed else {}
        folder = copy / "conf" / "clients" / made.client
        folder.mkdir(parents=True)
        (folder / "client.yml").write_text(
            client_yml(replace(made, source=source, train_seconds=TRAIN_SECONDS)), encoding="utf-8"
        )
        (folder / "schema.yml").write_text(schema_yml(made), encoding="utf-8")
        environment = worker_environment(os.environ, made.client, ClientRegistry(project).ids(), 1)
        environment.pop("MLFLOW_TRACKING_URI", None)  # the trial must not show in anybody's registry
        ok, said = _run(copy, made.client, environment)
    return Smoke(ok, round(time.monotonic() - begun, 1), rows, said)


def _run(copy: Path, client: str, environment: dict[str, str]) -> tuple[bool, str]:
    """All pipelines; if the gate refuses the model, which on so few rows is no fault, those that need one are left."""
    done = _kedro_run(copy, client, BEFORE_THE_GATE, environment)
    if done.returncode != 0:
        return False, _error(done)
    verdict = json.loads((copy / "data" / client / "08_reporting" / "verdict.json").read_text(encoding="utf-8"))
    reasons = "; ".join(map(str, verdict.get("reasons", ())))
    if not verdict["promote"]:
        return True, f"on this sample the gate would refuse the model, so it was not used: {reasons}"
    done = _kedro_run(copy, client, AFTER_IT, environment)
    ok = done.returncode == 0
    return ok, f"on this sample the gate would take the model: {reasons}" if ok else _error(done)


def _kedro_run(
    copy: Path, client: str, pipelines: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--env", env_of_client(client), "--pipelines", pipelines],
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _error(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")]
    return (errors or lines or [f"it ended with code {done.returncode}"])[-1].removeprefix("Error: ")


def _copy_project(project: Path, copy: Path) -> None:
    """What a run needs: code, base configuration and templates; no client's folder, no data."""
    copy.mkdir()
    ignore = shutil.ignore_patterns("*.egg-info", ".ipynb_checkpoints")
    shutil.copytree(project / "src", copy / "src", ignore=ignore)
    shutil.copytree(project / "notebooks" / "reports", copy / "notebooks" / "reports", ignore=ignore)
    shutil.copytree(project / "conf" / "base", copy / "conf" / "base")
    for path in [*(project / name for name in COPIED), *(project / "conf").glob("*.yml")]:
        if path.is_file():
            shutil.copy(path, copy / path.relative_to(project))


def _write_sample(project: Path, made: Proposal, target: Path, scratch: Path) -> int:
    """The same rows each time: those with the smallest hashes, of each class as many."""
    from pydantic import TypeAdapter

    from workbench.clients import Source
    from workbench.engines import connection, write_parquet
    from workbench.sources import Opening, open_source

    source: Source = TypeAdapter(Source).validate_python(
        {key: one for key, one in made.source.items() if key != "rename"}
    )
    opened = open_source(source, Opening(made.client, made.table, project, scratch, connection()))
    target.parent.mkdir(parents=True)
    write_parquet(_sampled(opened.rows, made), target)
    return int(connection().read_parquet(target).count().to_pyarrow().as_py())


def _sampled(rows: ir.Table, made: Proposal) -> ir.Table:
    import ibis

    from workbench.sources.opening import LINE, PROBLEM

    if PROBLEM in rows.columns:
        rows = rows.filter(rows[PROBLEM].isnull()).drop(PROBLEM, LINE)
    inside = made.look.renamed
    key: Any = rows[inside.get(made.key.value[0], made.key.value[0])]
    order = [key.cast("string").hash(), key]
    if made.task.value == "regression":
        return rows.order_by(order).limit(SAMPLE_ROWS)
    target = rows[inside.get(made.target, made.target)]
    classes = max(2, made.look.columns[made.target].distinct)
    ranked = rows.mutate(_rank=ibis.row_number().over(group_by=target, order_by=order))
    return ranked.filter(ranked["_rank"] < max(60, SAMPLE_ROWS // classes)).drop("_rank").order_by(order[1])
