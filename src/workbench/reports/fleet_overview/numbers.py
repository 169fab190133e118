"""The numbers of the page: a row a client, its metric run by run, and what stands out. No client's rows are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry
from workbench.errors import WorkbenchError
from workbench.monitoring.latest import latest
from workbench.reports.data_quality.columns import spans
from workbench.reports.fleet_overview.outliers import outliers
from workbench.reports.numbers import Numbers, as_numbers
from workbench.reports.render import reporting_folder

__all__ = ["fleet_numbers"]

MOST_RUNS = 20
"""Runs of a client in its trend."""


def fleet_numbers(
    registry: ClientRegistry, runs: Mapping[str, Sequence[Mapping[str, Any]]], champions: Sequence[Mapping[str, Any]]
) -> Numbers:
    """All clients of the registry, one that cannot be read among them.

    Args:
        registry: of the project.
        runs: client to the rows of the ledger, newest first.
        champions: see :func:`workbench.registry.models.standings`; empty if the registry cannot be reached.

    Returns:
        ``fleet_clients``: ``client``, ``title``, ``owner``, ``state`` and ``error`` of the newest run, ``finished``,
        ``seconds``, ``champion`` (version), ``metric``, ``value``, ``read`` and ``refused_share`` (of rows),
        ``newest_data``, ``drift``, ``reported``, ``monitor`` (its verdict on the champion) and
        ``monitor_reason``. ``fleet_trend``: ``client``, ``run``, ``metric``, ``value``, oldest first.
        ``fleet_outliers``: see :func:`outliers`.
    """
    versions = {one["client"]: one["version"] for one in champions}
    rows = [_row(registry, name, runs.get(name, ()), versions.get(name)) for name in registry.ids()]
    trend = [
        {"client": name, "run": str(run["number"]), "metric": run["metric"], "value": run["value"]}
        for name in registry.ids()
        for run in reversed([run for run in runs.get(name, ()) if run["value"] is not None][:MOST_RUNS])
    ]
    return as_numbers({"fleet_clients": rows, "fleet_trend": trend, "fleet_outliers": outliers(rows, trend)})


def _row(
    registry: ClientRegistry, client_id: str, runs: Sequence[Mapping[str, Any]], champion: int | None
) -> dict[str, Any]:
    newest: Mapping[str, Any] = runs[0] if runs else {}
    measured: Mapping[str, Any] = next((run for run in runs if run["value"] is not None), {})
    try:
        client = registry.load(client_id)
        title, owner, wrong = client.title, client.owner, None
    except WorkbenchError as error:
        # One broken client must not hide the others.
        title, owner, wrong = client_id, "", str(error)
    return {
        "client": client_id,
        "title": title,
        "owner": owner,
        "state": "misconfigured" if wrong else newest.get("state", "never ran"),
        "error": wrong or newest.get("error"),
        "finished": newest.get("finished"),
        "seconds": newest.get("seconds"),
        "champion": champion,
        "metric": measured.get("metric"),
        "value": measured.get("value"),
        **_left(reporting_folder(registry.project, client_id)),
        **_watched(registry.project, client_id, champion),
    }


def _left(folder: Path) -> dict[str, Any]:
    """What the client's last runs left of themselves."""
    ingest = _json(folder / "ingest.json") or {"tables": {}}
    tables = ingest["tables"].values()
    read = sum(table["read"] for table in tables)
    newest = max((last for _, _, last in spans(ingest)), default=None)
    return {
        "read": read or None,
        "refused_share": sum(table["quarantined"] for table in tables) / read if read else None,
        "newest_data": newest.date() if newest else None,
        "drift": (_json(folder / "drift.tables" / "drift_summary.json") or {}).get("state"),
        "reported": (_json(folder / "model_card.tables" / "about.json") or {}).get("made"),
    }


def _watched(project: Path, client_id: str, champion: int | None) -> dict[str, Any]:
    """What ``monitor`` said of the champion; what it said of another version is past."""
    found = latest(project, client_id)
    if found is None or champion is None or found.version != champion:
        return {"monitor": None, "monitor_reason": None}
    return {"monitor": found.verdict, "monitor_reason": found.reason}


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
