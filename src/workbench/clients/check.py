"""Everything that can be known to be wrong with a client's configuration without running it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.clients.layers import STAGES
from workbench.clients.logo import logo_source
from workbench.clients.overrides import check_catalog, check_parameters, files_of, stray_folders
from workbench.clients.registry import ClientRegistry
from workbench.clients.yaml_files import YamlFile, read_yaml
from workbench.errors import ConfigurationError, WorkbenchError, did_you_mean

__all__ = ["Finding", "check_client", "check_stages"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, in one sentence; or one that is good to know, a note."""

    message: str
    note: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON; ``note`` stands there if it is one."""
        return asdict(self) if self.note else {"message": self.message}


def check_client(registry: ClientRegistry, client_id: str, recipes: Collection[str] | None) -> list[Finding]:
    """Check ``client.yml``, ``schema.yml``, the logo, and all layers and stages of one client.

    Args:
        registry: the clients of the project.
        client_id: a registered client.
        recipes: the names that ``recipe`` may have; None skips that check.

    Returns:
        What is wrong, in the order of the files; empty if all is well.
    """
    checks: list[Callable[[], object]] = [
        lambda: _check_recipe(registry, client_id, recipes),
        lambda: _check_paths(registry, client_id),
        lambda: registry.schema(client_id),
        lambda: _check_templates(registry, client_id),
        lambda: _check_logo(registry, client_id),
        lambda: _check_layers(registry, client_id, ()),
        *(partial(_check_stage, registry, client_id, stage) for stage in STAGES),
    ]
    findings: dict[str, Finding] = {}
    for check in checks:
        try:
            check()
        except WorkbenchError as error:
            # A broken client.yml stops each of the checks with the same sentence.
            findings.setdefault(str(error), Finding(str(error)))
    return list(findings.values())


def check_stages(registry: ClientRegistry) -> list[Finding]:
    """Folders under ``conf/stages`` that no run ever reads."""
    return [Finding(str(error)) for error in stray_folders(registry.project, registry.ids())]


def _check_recipe(registry: ClientRegistry, client_id: str, recipes: Collection[str] | None) -> None:
    client = registry.load(client_id)
    if recipes is not None and client.recipe not in recipes:
        path = registry.folder(client_id) / "client.yml"
        raise ConfigurationError(
            f"recipe '{client.recipe}' does not exist",
            where=f"client {client_id}, {path}:{read_yaml(path).line(('recipe',))}",
            tried=", ".join(sorted(recipes)),
            hint=did_you_mean(client.recipe, recipes, "write `recipe: auto`"),
        )


def _check_paths(registry: ClientRegistry, client_id: str) -> None:
    """A source's files lie in the project; that no link leads out of it, `ingest` sees."""
    for name, source in registry.load(client_id).sources.items():
        given = str(getattr(source, "path", None) or getattr(source, "member", ""))
        if PurePosixPath(given).is_absolute() or ".." in PurePosixPath(given).parts:
            path = registry.folder(client_id) / "client.yml"
            raise ConfigurationError(
                f"path {given!r} leads out of the folder it is relative to",
                where=f"client {client_id}, {path}:{read_yaml(path).line(('sources', name))}",
                hint="give a path without a leading `/` and without `..`",
            )


def _check_logo(registry: ClientRegistry, client_id: str) -> None:
    logo = registry.load(client_id).brand.logo
    if logo:
        logo_source(registry.folder(client_id) / logo)


def _check_templates(registry: ClientRegistry, client_id: str) -> None:
    """A schedule may name the templates that there are."""
    folder = registry.project / "notebooks" / "reports"
    if not folder.is_dir():
        return
    known = sorted(path.stem for path in folder.glob("[a-z]*.ipynb"))
    for name, schedule in registry.load(client_id).schedule.items():
        for template in schedule.templates:
            if template not in known:
                path = registry.folder(client_id) / "client.yml"
                raise ConfigurationError(
                    f"report template '{template}' does not exist",
                    where=f"client {client_id}, {path}:{read_yaml(path).line(('schedule', name, 'templates'))}",
                    tried=", ".join(known),
                    hint=did_you_mean(template, known, "run `kedro report list`"),
                )


def _check_layers(registry: ClientRegistry, client_id: str, below: Collection[Path]) -> None:
    """The files of all layers but those in ``below``, which were looked at before."""
    layers = [layer for layer in registry.layers(client_id) if layer.folder not in below]
    read = [(path.name, file) for layer in layers for path, file in files_of(layer).items()]
    check_parameters(registry.project, _named(read, "parameters"), client_id)
    check_catalog(registry.project, _named(read, "catalog"), client_id)


def _check_stage(registry: ClientRegistry, client_id: str, stage: str) -> None:
    """What is wrong in a stage alone."""
    if (registry.project / "conf" / "stages" / stage).is_dir():
        staged = ClientRegistry(registry.project, stage)
        below = [layer.folder for layer in registry.layers(client_id)]
        _check_layers(staged, client_id, below)
        staged.load(client_id)
        _check_templates(staged, client_id)


def _named(files: list[tuple[str, YamlFile]], kind: str) -> list[YamlFile]:
    return [file for name, file in files if name.startswith(kind)]
