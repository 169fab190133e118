"""What a run may take: ``conf/base/fleet.yml`` says it for all clients, ``conf/clients/<client>/fleet.yml`` for one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.clients import ClientRegistry
from workbench.clients.registry import parse
from workbench.clients.yaml_files import read_yaml

__all__ = ["Limits", "limits_of", "seconds_of"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_of(text: Any) -> Any:
    """Seconds, of a number or of ``90s``, ``30m``, ``2h``, ``1d``; anything else comes back as it is."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip()) if isinstance(text, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else text


Seconds = Annotated[float, BeforeValidator(seconds_of)]


class Limits(BaseModel):
    """The limits of one client's runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: Seconds | None = Field(None, gt=0, description="Seconds that one run may take; it is failed then.")
    node_timeout: Seconds | None = Field(
        None, gt=0, description="Seconds that one node may take, its loads and saves included."
    )
    retries: int = Field(0, ge=0, le=10, description="How often a run is tried again after an error that can pass.")
    backoff: Seconds = Field(5.0, ge=0, description="Seconds before the first retry; each later one waits twice that.")
    memory_mb: float | None = Field(
        None, gt=0, description="Megabytes that a worker may have for itself; it is killed when it has more."
    )

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the attempt of that number, counted from 1."""
        return self.backoff * 2.0 ** (attempt - 1)


def limits_of(project: Path, clients: Iterable[str]) -> dict[str, Limits]:
    """The limits of registered clients; a key of a client's own file wins over the same key of all clients' file.

    Raises:
        ConfigurationError: one of the files is wrong; the message names file, line and key.
    """
    base = _read(project / "conf" / "base" / "fleet.yml", "all clients")
    root = ClientRegistry(project).root
    return {client: Limits(**base | _read(root / client / "fleet.yml", f"client {client}")) for client in clients}


def _read(path: Path, where: str) -> dict[str, Any]:
    if not path.exists():
        return {}
    file = read_yaml(path)
    parse(Limits, file, where=where)
    return file.data
