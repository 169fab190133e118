"""What a run was made of: the code, the configuration, and the tables, each by a digest."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workbench.clients import ClientRegistry
from workbench.clients.yaml_files import read_yaml
from workbench.secrets.redaction import redact

__all__ = [
    "CodeVersion",
    "code_version",
    "configuration",
    "digest_of_json",
    "flatten",
    "hold_code_version",
]

PACKAGE = "smithright-workbench"
REVISION_VARIABLE = "WORKBENCH_REVISION"
"""The commit that an image was built from, ``-dirty`` if it was not all; there is no repository in it."""


@dataclass(frozen=True)
class CodeVersion:
    """The code that ran. Without a repository ``commit`` is what an image was made from, or empty as ``branch`` is."""

    package: str
    commit: str = ""
    branch: str = ""
    dirty: bool = False

    def __str__(self) -> str:
        return self.package + (f"+g{self.commit[:12]}" if self.commit else "") + (".dirty" if self.dirty else "")


_held: dict[Path, CodeVersion] = {}


def code_version(project: Path) -> CodeVersion:
    """Version of the package, commit, branch, and whether a tracked or new file differs from the commit."""
    return _held[project] if project in _held else _code_version(project)


def hold_code_version(project: Path) -> None:
    """Have :func:`code_version` answer so in this process and its forks: they run the code that is imported now."""
    _held[project] = _code_version(project)


def _code_version(project: Path) -> CodeVersion:
    try:
        package = version(PACKAGE)
    except PackageNotFoundError:
        package = "unknown"
    lines = _git_status(project).splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit = headers.get("branch.oid", "")
    if not lines:
        revision = os.environ.get(REVISION_VARIABLE, "")
        return CodeVersion(package, revision.removesuffix("-dirty"), dirty=revision.endswith("-dirty"))
    if not commit or commit.startswith("("):  # "(initial)": nothing was committed yet
        return CodeVersion(package)
    dirty = any(not line.startswith("#") for line in lines)
    return CodeVersion(package, commit, headers.get("branch.head", ""), dirty)


def configuration(project: Path, client_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A client's resolved configuration, every layer merged and every default filled in, without secrets.

    Two files that differ in comments or in the order of keys give the same. Of the catalog it has what layers change;
    the rest is code.
    """
    registry = ClientRegistry(project)
    layers = registry.layers(client_id)
    catalogs = [read_yaml(path).data for layer in layers for path in layer.files("catalog")]
    schema = registry.schema(client_id)
    resolved = {
        "client": registry.load(client_id).model_dump(mode="json"),
        "schema": schema.model_dump(mode="json") if schema else None,
        "parameters": _plain(parameters),
        **({"catalog": catalogs} if catalogs else {}),
        **({"stage": registry.stage} if registry.stage else {}),
    }
    redacted: dict[str, Any] = redact(resolved)
    return redacted


def digest_of_json(value: Any) -> str:
    """Hexadecimal sha256 of a value as JSON with sorted keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def flatten(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as ``train.epochs: "60"``, secrets replaced; lists and empty mappings as JSON."""
    flat: dict[str, str] = {}
    for key, value in redact(parameters).items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, name)
        else:
            flat[name] = value if isinstance(value, str) else json.dumps(value, default=str)
    return flat


def _plain(value: Any) -> Any:
    """Nested values with typed parameters, which Kedro has validated, as the mappings that they stand for."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _git_status(project: Path) -> str:
    """Commit, branch and changed files, in git's format for programs; empty without git or outside of a repository."""
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
