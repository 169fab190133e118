"""The numbers of a report: a folder with one JSON file a table."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from workbench.clients.reporting import ABOUT, COMPARED, SLOT
from workbench.datasets.base import PathDataset, ReadOnlyDataset
from workbench.errors import DataError
from workbench.files import durable_folder, recover_folder

__all__ = ["LastNumbers", "ReportNumbers", "last_numbers"]


class ReportNumbers(PathDataset[dict[str, Any], dict[str, Any]]):
    """Name to rows or record, ``<name>.json`` each, indented so that two of them can be diffed; changes as a whole.

    Those of a schedule's slot have beside them what they were compared with, as ``compared_with.json``; others have
    not, so that the same numbers are the same bytes whatever lay there before.
    """

    def load(self) -> dict[str, Any]:
        """All tables and records, sorted by name."""
        recover_folder(self._path)
        found = read_numbers(self._present())
        found.pop(COMPARED, None)
        return found

    def save(self, data: dict[str, Any]) -> None:
        """Write them durably; NaN and infinities are refused, because JSON has none."""
        kept = {**data, COMPARED: last_numbers(self._path)} if os.environ.get(SLOT) else data
        with durable_folder(self._path) as staging:
            for name, value in kept.items():
                if not name.isidentifier():
                    raise DataError(f"table name {name!r} is not an identifier", where=str(self._path))
                text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
                (staging / f"{name}.json").write_text(text + "\n", encoding="utf-8")


class LastNumbers(ReadOnlyDataset["dict[str, Any] | None"]):
    """What :class:`ReportNumbers` left of the last report; None before the first.

    No file of DVC's: a stage that depended on what it writes would never be up to date.

    Args:
        client: the client's id.
        report: the template's name.
        path: the project's ``data`` folder; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, client: str, report: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata=metadata)
        self._path = Path(path) / client / "08_reporting" / f"{report}.tables"

    def load(self) -> dict[str, Any] | None:
        """The numbers. What cannot be read is no reason to make no report: it counts as none."""
        recover_folder(self._path)
        return last_numbers(self._path)

    def fingerprint(self, look: object) -> dict[str, str]:
        """Does not count: a report is not made anew because it was made."""
        return {}

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}


def read_numbers(folder: Path) -> dict[str, Any]:
    """The tables and records of a folder."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def last_numbers(folder: Path) -> dict[str, Any] | None:
    """What a report is to be compared with: the last one that lies in the folder, or none.

    A slot may be begun again after it was killed. Then the last report is its own first attempt, which nobody has got,
    and what counts is the one before.
    """
    try:
        found = read_numbers(folder) if folder.is_dir() else None
    except ValueError:
        return None
    if found is None:
        return None
    before: dict[str, Any] | None = found.pop(COMPARED, None)
    slot = os.environ.get(SLOT)
    return before if slot and found.get(ABOUT, {}).get("slot") == slot else found
