"""What a fleet run does, before anything of it is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from workbench.fleet.run import Run

__all__ = ["Cell", "chosen_clients", "chosen_pipelines", "plan", "unfinished"]


@dataclass(frozen=True)
class Cell:
    """One pipeline for one client: one process, one row of the ledger.

    Attributes:
        expected: seconds that it took the last time; None if it has never ended well.
    """

    client: str
    pipeline: str
    expected: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def chosen_clients(registry: ClientRegistry, wanted: str) -> list[str]:
    """The clients that ``all`` or a comma-separated list names, each once.

    Raises:
        UnknownClient: one of them is not registered.
        ConfigurationError: there is none.
    """
    known = registry.ids()
    names = list(known) if wanted.strip() == "all" else _names(wanted)
    for name in names:
        if name not in known:
            registry.folder(name)  # says what is wrong with it
    if not names:
        raise ConfigurationError(
            "there is no client to run",
            where=str(registry.root),
            hint="give `--clients all` or a comma-separated list; `kedro client list` names them",
        )
    return names


def chosen_pipelines(known: Collection[str], wanted: str) -> list[str]:
    """The pipelines that a comma-separated list names, in its order, each once; ``a+b`` is one run of both.

    Raises:
        ConfigurationError: one of them is not registered, or there is none.
    """
    names = _names(wanted)
    for name in (part for group in names for part in group.split("+")):
        if name not in known:
            raise ConfigurationError(
                f"pipeline {name[:80]!r} is not registered",
                tried=", ".join(sorted(known)),
                hint=did_you_mean(name, known, "`kedro registry list` names them"),
            )
    if not names:
        raise ConfigurationError("there is no pipeline to run", hint="`kedro registry list` names them")
    return names


def plan(clients: Sequence[str], pipelines: Sequence[str], durations: Mapping[tuple[str, str], float]) -> list[Cell]:
    """Every pipeline for every client, the client that takes longest first.

    A long client that begins last is what all others wait for in the end. One whose time is not known may be long, so
    it goes to the front. The pipelines of one client keep their order, because the later ones read what the earlier
    ones write.
    """

    def seconds(client: str) -> float:
        return sum(durations.get((client, pipeline), float("inf")) for pipeline in pipelines)

    ordered = sorted(clients, key=lambda client: (-seconds(client), client))
    return [Cell(client, pipeline, durations.get((client, pipeline))) for client in ordered for pipeline in pipelines]


def unfinished(runs: Sequence[Run], durations: Mapping[tuple[str, str], float]) -> list[Cell]:
    """The cells of a fleet run that did not succeed, in its order."""
    last = {(run.client, run.pipeline): run.state for run in runs}
    cells = [cell for cell, state in last.items() if state != "succeeded"]
    return [Cell(client, pipeline, durations.get((client, pipeline))) for client, pipeline in cells]


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
