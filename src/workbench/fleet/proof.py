"""What a run was made of and what came of it, from the ledger and from its MLflow run; and how two runs differ."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.errors import ConfigurationError
from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Run
from workbench.registry.provenance import flatten
from workbench.registry.runs import sha256_tag
from workbench.registry.store import open_store, translated

__all__ = ["Difference", "Proof", "differences", "proof_of"]

Kind = Literal["run", "code", "configuration", "input", "output", "metric"]


@dataclass(frozen=True)
class Proof:
    """One run, as far as it can be proved.

    Attributes:
        run: its row of the ledger.
        configuration: dotted setting to its value as text: ``client.target``, ``parameters.train.epochs``.
        inputs: table to sha256 of what was read.
        outputs: dataset to sha256 of what was written.
        metrics: of the trained model, on held-out rows.
    """

    run: Run
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One thing that two runs do not share; None stands for what one of them does not have."""

    kind: Kind
    name: str
    before: str | float | None
    after: str | float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def proof_of(project: Path, number: int) -> Proof:
    """What is known of a run.

    Raises:
        ConfigurationError: the ledger has no such run, or it has no MLflow run: it failed early, or skipped all nodes.
    """
    found = Ledger.of(project).get([number])
    if not found:
        raise ConfigurationError(
            f"run {number} is not in the ledger", hint="`kedro fleet history <client>` shows the numbers"
        )
    (run,) = found
    if run.mlflow_run is None:
        raise ConfigurationError(
            "it left no proof: it skipped all of its nodes, wrote nothing, or failed before it could",
            where=f"run {number} of client {run.client}",
            hint=f"take an earlier one: `kedro fleet history {run.client}`",
        )
    store = open_store(project)
    with translated(store.uri):
        entity = store.api.get_run(run.mlflow_run)
        with tempfile.TemporaryDirectory() as folder:
            path = store.api.download_artifacts(run.mlflow_run, "configuration.json", folder)
            configuration = json.loads(Path(path).read_text(encoding="utf-8"))
    prefix = sha256_tag("")
    tags = {name.removeprefix(prefix): value for name, value in entity.data.tags.items() if name.startswith(prefix)}
    read = entity.inputs.dataset_inputs if entity.inputs else []
    inputs = {one.dataset.name: json.loads(one.dataset.source)["sha256"] for one in read}
    return Proof(run, flatten(configuration), inputs, tags, dict(entity.data.metrics))


def differences(project: Path, before: Proof, after: Proof) -> list[Difference]:
    """What two runs of one client do not share, in the order in which one thing leads to another.

    Raises:
        ConfigurationError: they are two clients'.
    """
    if before.run.client != after.run.client:
        raise ConfigurationError(
            f"run {before.run.number} is {before.run.client}'s, and run {after.run.number} is {after.run.client}'s",
            hint="compare two runs of one client",
        )
    return [
        *_of_code(project, before.run, after.run),
        *_of(before.configuration, after.configuration, "configuration"),
        *_of(before.inputs, after.inputs, "input"),
        *_of(before.outputs, after.outputs, "output"),
        *_of(before.metrics, after.metrics, "metric"),
        *_of(_facts(before.run), _facts(after.run), "run"),
    ]


def _of(before: Mapping[str, Any], after: Mapping[str, Any], kind: Kind) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(kind, name, before.get(name), after.get(name))


def _of_code(project: Path, before: Run, after: Run) -> Iterator[Difference]:
    if before.git_commit == after.git_commit:
        return
    yield Difference("code", "commit", before.git_commit, after.git_commit)
    commits = [(run.git_commit or "").removesuffix("-dirty") for run in (before, after)]
    if all(commits) and commits[0] != commits[1]:
        command = ["git", "--no-optional-locks", "diff", "--name-status", "--no-renames", *commits, "--", "src", "conf"]
        try:
            changed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout
        except OSError:  # an image holds no git
            changed = ""
        for line in changed.splitlines():
            status, _, name = line.partition("\t")
            there = {"A": (None, "added"), "D": ("there", None)}.get(status, ("there", "changed"))
            yield Difference("code", name, *there)


def _facts(run: Run) -> dict[str, Any]:
    names = ("client", "pipeline", "state", "stage", "partial", "ran", "skipped", "champion", "error")
    return {name: getattr(run, name) for name in names}
