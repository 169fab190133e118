"""The file that says which versions are served, and which share of the requests each gets.

::

    {"versions": {"3": {"artifact": "/models/clinic/3", "sha256": "…"},
                  "4": {"artifact": "/models/clinic/4", "sha256": "…"}},
     "traffic": {"3": 90, "4": 10}}

Shares are whole percentages that sum to 100. A version without one is loaded too, and answers whoever names it. Whoever
writes the file replaces it as a whole (``workbench.files.write_text``); its digest is the name by which the server says
that it is in force.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import ConfigurationError

__all__ = ["Traffic", "VersionSpec", "one_version", "parse_traffic", "schedule", "sha256_of_text"]

VersionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class VersionSpec(_Model):
    """Where a version's model lies."""

    artifact: str = Field(min_length=1, description="A path, file://… or gs://…: as `workbench.serving.artifact.load`.")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="The digest of the model's folder.")


class Traffic(_Model):
    """The content of the file."""

    versions: dict[VersionName, VersionSpec] = Field(min_length=1, max_length=16)
    traffic: dict[VersionName, Annotated[int, Field(ge=0, le=100, strict=True)]]

    @model_validator(mode="after")
    def _whole(self) -> Traffic:
        for name in self.traffic:
            if name not in self.versions:
                raise ValueError(f"traffic goes to version '{name}', which is not among the versions")
        if sum(self.traffic.values()) != 100:
            raise ValueError(f"the shares sum to {sum(self.traffic.values())}, not to 100")
        return self


def one_version(name: str, artifact: str, sha256: str | None) -> Traffic:
    """All requests to one version."""
    return Traffic(versions={name: VersionSpec(artifact=artifact, sha256=sha256)}, traffic={name: 100})


def parse_traffic(content: bytes, where: str) -> Traffic:
    """Read the file's content.

    Raises:
        ConfigurationError: it is not what it should be; the first thing that is wrong is named.
    """
    try:
        return Traffic.model_validate(json.loads(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{place + ': ' if place else ''}{first['msg']}", where=where) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("is not JSON", where=where) from error


def sha256_of_text(content: bytes) -> str:
    """The name of a file's content."""
    return hashlib.sha256(content).hexdigest()


def schedule(shares: dict[str, int]) -> tuple[str, ...]:
    """Who answers which of a hundred requests: exactly as often as its share says, and evenly spread.

    "Smooth weighted round-robin", as nginx does it (``ngx_http_upstream_round_robin.c``): all gain their share, the
    richest answers and pays a hundred.
    """
    credit = dict.fromkeys((name for name, share in shares.items() if share), 0)
    turns = []
    for _ in range(100):
        for name in credit:
            credit[name] += shares[name]
        chosen = max(credit, key=lambda name: credit[name])
        credit[chosen] -= 100
        turns.append(chosen)
    return tuple(turns)
