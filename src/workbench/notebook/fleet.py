"""What the report on the whole fleet is made from: the ledger, the registry, and each client's summaries.

Every notebook imports this module, and most of them want none of it: so what it needs is imported where it is used.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry
from workbench.errors import WorkbenchError
from workbench.reports import HandedInputs, Inputs

if TYPE_CHECKING:
    from workbench.reports.numbers import Numbers

__all__ = ["FLEET_OVERVIEW", "fleet_inputs", "gather_fleet"]

FLEET_OVERVIEW = "fleet_overview"

logger = logging.getLogger(__name__)


def fleet_inputs(folder: str) -> Inputs:
    """Where the template ``fleet_overview`` loads its data from: what was handed over, or else the project itself."""
    if folder:
        return HandedInputs(Path(folder))
    from workbench.notebook.session import project_here

    return _GatheredInputs(gather_fleet(project_here()))


def gather_fleet(project: Path) -> dict[str, Any]:
    """The inputs of the template, by name. A registry that cannot be reached costs the page its champions only."""
    from workbench.fleet.ledger import Ledger
    from workbench.reports.compare import compare
    from workbench.reports.fleet_overview import fleet_numbers

    registry, ledger = ClientRegistry(project), Ledger.of(project)
    runs = {name: [run.to_dict() for run in ledger.history(name)] for name in registry.ids()}
    numbers = fleet_numbers(registry, runs, _champions(project, registry.ids()))
    return {f"{FLEET_OVERVIEW}_numbers": numbers, f"{FLEET_OVERVIEW}_changes": compare(numbers, _last(project))}


def _champions(project: Path, clients: list[str]) -> list[dict[str, Any]]:
    from workbench.registry.models import standings
    from workbench.registry.store import open_store

    try:
        return standings(open_store(project), clients)
    except WorkbenchError as error:
        logger.warning("the report goes without the champions: %s", error)
        return []


def _last(project: Path) -> Numbers | None:
    from workbench.datasets.numbers import last_numbers
    from workbench.reports.render import reporting_folder

    try:
        return last_numbers(reporting_folder(project, None) / f"{FLEET_OVERVIEW}.tables")
    except OSError:
        return None


class _GatheredInputs:
    def __init__(self, inputs: dict[str, Any]) -> None:
        self._inputs = inputs

    def load(self, name: str) -> Any:
        """The data of an input."""
        return self._inputs[name]
