"""The file that says which versions a local server serves, and how much of the traffic each gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import TargetError
from workbench.files import write_text
from workbench.serving.traffic import sha256_of_text

__all__ = ["TrafficFile", "Wanted", "status_of"]


@dataclass(frozen=True)
class Wanted:
    """What is served.

    Attributes:
        versions: version to its artifact's folder and sha256.
        traffic: version to percentage; they add up to 100.
    """

    versions: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    traffic: Mapping[int, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The file's content."""
        versions = {str(v): {"artifact": path, "sha256": sha256} for v, (path, sha256) in sorted(self.versions.items())}
        traffic = {str(version): percent for version, percent in sorted(self.traffic.items())}
        return json.dumps({"versions": versions, "traffic": traffic}, indent=2).encode() + b"\n"


class TrafficFile:
    """The file; it is replaced as a whole, so a server never reads half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Wanted:
        """What is wanted; nothing if there is no file.

        Raises:
            TargetError: it is not what was written.
        """
        try:
            said = json.loads(self.path.read_bytes())
            versions = {int(v): (str(one["artifact"]), str(one["sha256"])) for v, one in said["versions"].items()}
            return Wanted(versions, {int(version): int(percent) for version, percent in said["traffic"].items()})
        except FileNotFoundError:
            return Wanted()
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise TargetError(
                "the file that says what is served is damaged",
                where=str(self.path),
                hint="remove it, and give `kedro deploy apply` again",
            ) from error

    def change(self, change: Callable[[Wanted], Wanted]) -> str:
        """Write what a function makes of it; without versions, there is no file.

        Returns:
            The sha256 of the file's bytes, by which the server says that it is in force; "" without a file.
        """
        wanted = change(self.read())
        if not wanted.versions:
            self.path.unlink(missing_ok=True)
            return ""
        content = wanted.to_bytes()
        write_text(self.path, content.decode())
        return sha256_of_text(content)

    @property
    def sha256(self) -> str:
        """Of the file's bytes; "" without a file."""
        try:
            return sha256_of_text(self.path.read_bytes())
        except FileNotFoundError:
            return ""


def status_of(status: Mapping[str, Any], sha256: str) -> bool:
    """Whether a server says that a file is in force.

    Raises:
        TargetError: it has refused the file.
    """
    if (status.get("generation") or {}).get("sha256") == sha256:
        return True
    problem = status.get("last_error") or {}
    if problem.get("sha256") == sha256:
        raise TargetError(f"the server did not take it: {str(problem.get('message'))[:300]}")
    return False
