"""A run of the past, again: its commit, its configuration and its data, in a clone beside the project.

Registry, predictions and reports depend on who is champion, and on the day; they are left out. All else has to come out
the same, byte by byte, on the same kind of processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry, env_of_client
from workbench.clients.layers import STAGE_VARIABLE
from workbench.clients.yaml_files import read_yaml
from workbench.errors import ConfigurationError, DataError
from workbench.files import sha256_of_path
from workbench.fleet.environment import worker_environment
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.proof import Proof, proof_of
from workbench.sources.paths import find_files

__all__ = ["Compared", "Rerun", "prepare", "run_again"]

REPEATABLE = ("ingest", "prepare", "train", "evaluate")
"""The pipelines of `__default__` whose results follow from code, configuration and data alone; their nodes' tags."""

_REPORTING = "08_reporting"
"""Its files bear times and durations; they are shown, and do not decide."""


@dataclass(frozen=True)
class Rerun:
    """What is to be run again.

    Attributes:
        number: the run's.
        commit: full hash.
        options: of ``kedro run``.
    """

    number: int
    client: str
    pipeline: str
    stage: str | None
    commit: str
    options: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Compared:
    """One dataset of both runs.

    Attributes:
        before: sha256 then.
        after: sha256 now.
        decides: False for what bears times, and so never is the same.
    """

    dataset: str
    before: str
    after: str
    decides: bool

    @property
    def is_same(self) -> bool:
        """Whether it is, or does not have to be."""
        return self.before == self.after or not self.decides

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def prepare(project: Path, number: int) -> Rerun:
    """What it takes to run a run again.

    Raises:
        ConfigurationError: there is no such run, it did not succeed as a whole, or its code was never committed.
    """
    found = Ledger.of(project).get([number])
    if not found:
        raise ConfigurationError(f"run {number} is not in the ledger", hint="`kedro fleet history <client>`")
    (run,) = found
    where = f"run {number} of client {run.client}"
    if run.state != "succeeded" or run.partial:
        raise ConfigurationError("only a run that succeeded as a whole can be compared", where=where)
    if run.mlflow_run is None or run.skipped:
        raise ConfigurationError(
            "it skipped what was done, so its proof is not whole",
            where=where,
            hint="take the run that did it, or `kedro fleet run --force`",
        )
    commit = run.git_commit or ""
    if not commit or commit.endswith("-dirty"):
        raise ConfigurationError(
            "its code was not committed as it ran, and cannot be had again",
            where=where,
            tried=f"commit {commit or 'none'}",
            hint="commit before a run that has to be proved",
        )
    names = run.pipeline.split("+")
    options = ["--env", env_of_client(run.client), "--pipelines", ",".join(names)]
    if names == ["__default__"] and _has_tags(project):
        options += ["--tags", ",".join(REPEATABLE)]
    return Rerun(number, run.client, run.pipeline, run.stage, commit, tuple(options))


def run_again(project: Path, plan: Rerun, *, keep: bool = False) -> list[Compared]:
    """Run it in a clone and compare the datasets that both runs wrote.

    Args:
        project: the project's folder, which is the root of a git repository.
        plan: see :func:`prepare`.
        keep: leave the clone in ``.workbench/reruns/<number>``.

    Raises:
        ConfigurationError: the commit is not there, or the clone's run failed.
        DataError: what the run has read is not there any more.
    """
    before = proof_of(project, plan.number)
    with _clone(project, plan, keep=keep) as clone:
        _bring_data(project, clone, plan, before)
        _run(project, clone, plan)
        rows = Ledger.of(clone).history(plan.client)
        after = proof_of(clone, rows[0].number) if rows else None
        reporting = _in_reporting(clone)
        made = after.outputs if after else {}
        return [
            Compared(name, before.outputs[name], digest, name not in reporting)
            for name, digest in sorted(made.items())
            if name in before.outputs
        ]


def _has_tags(project: Path) -> bool:
    return (project / "src" / "pipelines" / REPEATABLE[0]).is_dir()


@contextmanager
def _clone(project: Path, plan: Rerun, *, keep: bool) -> Iterator[Path]:
    folder = state_folder(project) / "reruns" / str(plan.number)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        for command in (
            ["git", "clone", "--quiet", "--shared", "--no-checkout", str(project), str(folder)],
            ["git", "-C", str(folder), "checkout", "--quiet", "--detach", plan.commit],
        ):
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise ConfigurationError(
                    f"there is no git here to check out {plan.commit[:12]}",
                    where=f"run {plan.number}",
                    hint="do it in a clone of the repository, with the same ledger",
                ) from error
            if done.returncode != 0:
                raise ConfigurationError(
                    f"commit {plan.commit[:12]} cannot be checked out: {done.stderr.strip().splitlines()[-1]}",
                    where=f"run {plan.number}",
                    hint="fetch the branch that has it",
                )
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _bring_data(project: Path, clone: Path, plan: Rerun, before: Proof) -> None:
    """The files of the sources; and, if the run began later than with those, what it has read."""
    for source in ClientRegistry(clone).load(plan.client).sources.values():
        if source.kind in {"csv", "parquet"}:
            for path in find_files(source.path, _Place(plan.client, project, f"client {plan.client}")):
                _link(path, clone / path.relative_to(project))
    if any(name in plan.pipeline.split("+") for name in ("__default__", REPEATABLE[0])):
        return
    entries = read_yaml(clone / "conf" / "base" / "catalog.yml").data
    for table, digest in before.inputs.items():
        name, _, part = table.partition(".")
        path = Path(str(entries[name]["filepath"]).replace("${globals:client}", plan.client))
        file = path / f"{part}.parquet" if part else path
        if not (project / file).is_file() or sha256_of_path(project / file) != digest:
            raise DataError(
                f"{file} is not what the run has read (sha256 {digest[:12]}…)",
                where=f"run {plan.number} of client {plan.client}",
                hint="bring that version back with `dvc checkout`, or run the run again that made it",
            )
    shutil.copytree(
        project / "data" / plan.client, clone / "data" / plan.client, copy_function=_link, dirs_exist_ok=True
    )


@dataclass(frozen=True)
class _Place:
    client: str
    project: Path
    where: str


def _link(source: str | Path, target: str | Path) -> str:
    """A hard link, since every write of ours makes a new file; a copy where there is none."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return str(target)


def _run(project: Path, clone: Path, plan: Rerun) -> None:
    environ = worker_environment(os.environ, plan.client, ClientRegistry(project).ids(), workers=1)
    environ = {name: value for name, value in environ.items() if name not in {"MLFLOW_TRACKING_URI", STAGE_VARIABLE}}
    environ |= {"PYTHONPATH": str(clone / "src")} | ({STAGE_VARIABLE: plan.stage} if plan.stage else {})
    log = state_folder(project) / "logs" / f"rerun-{plan.number}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = [sys.executable, "-P", "-m", "kedro", "run", *plan.options]
        done = subprocess.run(command, cwd=clone, env=environ, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise ConfigurationError(
            f"the run failed this time, with code {done.returncode}", where=f"run {plan.number}", hint=f"read {log}"
        )


def _in_reporting(clone: Path) -> set[str]:
    entries = read_yaml(clone / "conf" / "base" / "catalog.yml").data
    return {name for name, entry in entries.items() if _REPORTING in str(entry.get("filepath", ""))}
