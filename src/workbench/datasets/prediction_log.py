"""The prediction log of a client's servers, as an input of nodes; nothing is read until a node asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.clients.roots import refuse_way_out
from workbench.datasets.base import PathDataset
from workbench.errors import DataError

__all__ = ["PredictionLog", "PredictionLogFile"]


@dataclass(frozen=True)
class PredictionLogFile:
    """Where a log lies; there need be none."""

    path: Path


class PredictionLog(PathDataset[None, PredictionLogFile]):
    """The file that a server writes, beside which its full ones lie; see :mod:`workbench.monitoring.log_files`."""

    def load(self) -> PredictionLogFile:
        """Its place.

        Raises:
            ConfigurationError: a link leads out of the client's own folders.
        """
        if self._filepath.parent.is_dir():
            refuse_way_out(self._filepath.parent)  # and with it, all files of the log
        return PredictionLogFile(self._path)

    def save(self, data: None) -> None:
        """Refuse to write."""
        raise DataError("PredictionLog is read only", where=str(self._filepath))

    def fingerprint(self, look: object) -> None:
        """Cannot be told: a server writes on."""

    def _exists(self) -> bool:
        return True
