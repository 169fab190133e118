"""Everything that can be known to be wrong with a client's configuration without running it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

from workbench.clients.registry import ClientRegistry
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError, WorkbenchError

__all__ = ["Finding", "check_client"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, in one sentence."""

    message: str

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def check_client(registry: ClientRegistry, client_id: str, recipes: Collection[str] | None) -> list[Finding]:
    """Check ``client.yml``, ``schema.yml`` and ``parameters*.yml`` of one client.

    Args:
        registry: the clients of the project.
        client_id: a registered client.
        recipes: the names that ``recipe`` may have; None skips that check.

    Returns:
        What is wrong, in the order of the files; empty if all is well.
    """
    checks: list[Callable[[], object]] = [
        lambda: _check_recipe(registry, client_id, recipes),
        lambda: registry.schema(client_id),
        lambda: _check_parameters(registry, client_id),
    ]
    findings: dict[str, Finding] = {}
    for check in checks:
        try:
            check()
        except WorkbenchError as error:
            # A broken client.yml stops each of the checks with the same sentence.
            findings.setdefault(str(error), Finding(str(error)))
    return list(findings.values())


def _check_recipe(registry: ClientRegistry, client_id: str, recipes: Collection[str] | None) -> None:
    client = registry.load(client_id)
    if recipes is not None and client.recipe not in recipes:
        path = registry.folder(client_id) / "client.yml"
        near = difflib.get_close_matches(client.recipe, recipes, n=1)
        raise ConfigurationError(
            f"recipe '{client.recipe}' does not exist",
            where=f"client {client_id}, {path}:{read_yaml(path).line(('recipe',))}",
            tried=", ".join(sorted(recipes)),
            hint=f"did you mean '{near[0]}'?" if near else "write `recipe: auto`",
        )


def _check_parameters(registry: ClientRegistry, client_id: str) -> None:
    """A client may set what base sets, and nothing else."""
    base: dict[str, Any] = {}
    for path in sorted((registry.project / "conf" / "base").glob("parameters*.yml")):
        base |= read_yaml(path).data
    for path in sorted(registry.folder(client_id).glob("parameters*.yml")):
        file = read_yaml(path)
        _check_keys(file.data, base, (), file, client_id)


def _check_keys(
    given: dict[str, Any], known: dict[str, Any], at: tuple[str, ...], file: YamlFile, client_id: str
) -> None:
    for key, value in given.items():
        here = (*at, str(key))
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise ConfigurationError(
                f"unknown parameter '{'.'.join(here)}'",
                where=f"client {client_id}, {file.path}:{file.line(here)}",
                hint=f"did you mean '{'.'.join((*at, near[0]))}'?"
                if near
                else "conf/base/parameters.yml names them all",
            )
        # An empty mapping in base stands for one whose keys are not fixed.
        if isinstance(value, dict) and isinstance(known[key], dict) and known[key]:
            _check_keys(value, known[key], here, file, client_id)
