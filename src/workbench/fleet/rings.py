"""Roll-outs by rings: the clients of all rings but ``all`` go first, and ``all`` follows only if theirs held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from workbench.clients import Client, ClientRegistry
from workbench.errors import ConfigurationError
from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Run

__all__ = ["EVERYBODY", "clients_of", "refuse_unless_held"]

EVERYBODY = "all"
"""The ring of a client that names none; it goes last."""

_HISTORY = 1000


def clients_of(registry: ClientRegistry, names: Sequence[str], ring: str) -> list[str]:
    """Those of the clients whose ring it is.

    Raises:
        ConfigurationError: there is none, or a ``client.yml`` is wrong.
    """
    rings = {name: registry.load(name).ring for name in names}
    found = [name for name in names if rings[name] == ring]
    if not found:
        raise ConfigurationError(
            f"no client is in ring {ring[:40]!r}",
            tried=", ".join(sorted(set(rings.values()))),
            hint="write `ring: canary` into conf/clients/<client>/client.yml",
        )
    return found


def refuse_unless_held(project: Path, pipelines: Sequence[str]) -> None:
    """Before ring ``all``: the last whole run of each pipeline of each client in an earlier ring must stand for it.

    It must have succeeded, with the code and the configuration as they are now, and its metric must not be worse than
    that of the run before by more than the client's margin.

    Raises:
        ConfigurationError: one did not; the message says which and why.
    """
    from workbench.registry.provenance import code_version

    registry, ledger = ClientRegistry(project), Ledger.of(project)
    code = code_version(project)
    commit = f"{code.commit}{'-dirty' if code.dirty else ''}" or None
    for client in map(registry.load, registry.ids()):
        if client.ring == EVERYBODY:
            continue
        history = [run for run in ledger.history(client.id, _HISTORY) if not run.partial]
        for pipeline in pipelines:
            why = _why_not(project, client, [run for run in history if run.pipeline == pipeline], commit)
            if why is not None:
                raise ConfigurationError(
                    f"ring '{EVERYBODY}' must wait: {why}",
                    where=f"client {client.id} of ring '{client.ring}', pipeline {pipeline}",
                    hint=f"`kedro fleet run --ring {client.ring} --pipeline {pipeline}`",
                )


def _why_not(project: Path, client: Client, runs: Sequence[Run], commit: str | None) -> str | None:
    """Why the newest of these runs does not speak for the roll-out; None if it does."""
    if not runs:
        return "it has never run whole"
    last, *before = runs
    if last.state != "succeeded":
        return f"its last run {last.state}"
    if last.git_commit != commit:
        return f"its last run was of commit {str(last.git_commit)[:12]}, and this is {str(commit)[:12]}"
    changed = next(_changed_since(project, client.id, str(last.started)), None)
    if changed is not None:
        return f"{changed.relative_to(project)} was changed after its last run began"
    return _worse(client, last, before)


def _worse(client: Client, last: Run, before: Sequence[Run]) -> str | None:
    """How the metric of a run regressed, if it did."""
    previous = next((run for run in before if run.state == "succeeded" and run.metric == last.metric), None)
    if last.value is None or previous is None or previous.value is None:
        return None
    from workbench.learning.metrics import HIGHER_IS_BETTER

    higher = HIGHER_IS_BETTER.get(str(last.metric), True)
    loss = previous.value - last.value if higher else last.value - previous.value
    if loss <= client.metric.margin + 1e-9:
        return None
    moved = f"{last.metric} went from {previous.value:.4f} to {last.value:.4f}"
    return f"{moved}, and the margin is {client.metric.margin:g}"


def _changed_since(project: Path, client: str, started: str) -> Iterator[Path]:
    """Code and configuration that are newer than a run: in a working tree with changes, a commit does not tell."""
    moment = datetime.fromisoformat(started).timestamp()
    for folder in (project / "src", project / "conf" / "base", project / "conf" / "clients" / client):
        for path in folder.rglob("*"):
            if path.suffix in {".py", ".yml", ".yaml"} and path.stat().st_mtime > moment:
                yield path
