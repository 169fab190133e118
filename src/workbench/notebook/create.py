"""``kedro notebook new``: an exploration notebook for a client, from a template that runs as it is.

A template is a notebook like any other, under ``notebooks/templates``, written for the client clinic and tested with
it. For another client, three things in it change: the client that it opens, its heading, and the recipe that it starts
from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients import ClientRegistry
from workbench.clients.model import is_device
from workbench.errors import ConfigurationError, did_you_mean
from workbench.notebook.documents import EXPLORE, TEMPLATES, inside, read, title_of, write_new

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.clients import Client

__all__ = ["NewNotebook", "create", "plan", "template_names"]

NAME = r"[a-z][a-z0-9_]{0,59}"


@dataclass(frozen=True)
class NewNotebook:
    """A notebook to be.

    Attributes:
        template: what it is made from.
        client: whose it is.
        path: where, relative to the project.
        text: what the file will hold.
    """

    template: str
    client: str
    path: Path
    text: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the text."""
        return {"template": self.template, "client": self.client, "path": self.path.as_posix()}


def template_names(project: Path) -> list[str]:
    """The names of the templates, sorted; a link is none."""
    folder = project / TEMPLATES
    return sorted(
        path.stem
        for path in (folder.glob("*.ipynb") if folder.is_dir() else ())
        if re.fullmatch(NAME, path.stem) and path.is_file() and not path.is_symlink()
    )


def plan(project: Path, template: str, client_id: str | None = None, name: str | None = None) -> NewNotebook:
    """What :func:`create` would write.

    Args:
        project: the project's folder.
        template: one of :func:`template_names`.
        client_id: a registered client; by default the first one.
        name: the name of the file, without ``.ipynb``; by default that of the template, with a number if it is taken.

    Raises:
        ConfigurationError: the template, client or name will not do, or there is a notebook of that name.
    """
    known = template_names(project)
    if template not in known:
        raise ConfigurationError(
            f"notebook template {template[:60]!r} does not exist",
            tried=f"{TEMPLATES.as_posix()}: {', '.join(known) or 'no template there'}",
            hint=did_you_mean(template, known, "`kedro notebook list` names them"),
        )
    client = _client(ClientRegistry(project), client_id)
    path = _free(project, EXPLORE / client.id, template, name)
    return NewNotebook(template, client.id, path, _text(read(project / TEMPLATES / f"{template}.ipynb"), client))


def create(project: Path, planned: NewNotebook) -> None:
    """Write it.

    Raises:
        ConfigurationError: there is a notebook of that name by now.
    """
    path = inside(project, project / planned.path)
    try:
        write_new(path, planned.text)
    except FileExistsError:
        raise _taken(planned.path) from None


def _client(registry: ClientRegistry, client_id: str | None) -> Client:
    known = registry.ids()
    if client_id is None and not known:
        raise ConfigurationError("there is no client yet", hint="add one: conf/clients/<client>/client.yml")
    return registry.load(known[0] if client_id is None else client_id)


def _free(project: Path, folder: Path, template: str, name: str | None) -> Path:
    inside(project, project / folder)
    if name is None:
        return next(path for path in _candidates(folder, template) if not _exists(project / path))
    if not re.fullmatch(NAME, name) or is_device(name):
        raise ConfigurationError(
            f"{name[:60]!r} is not a name for a notebook",
            hint="take a-z, 0-9 and _, with a letter first: `late_flights`",
        )
    path = folder / f"{name}.ipynb"
    if _exists(project / path):
        raise _taken(path)
    return path


def _candidates(folder: Path, template: str) -> Iterator[Path]:
    yield folder / f"{template}.ipynb"
    for number in range(2, 10_000):
        yield folder / f"{template}_{number}.ipynb"


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _taken(path: Path) -> ConfigurationError:
    return ConfigurationError("there is a notebook of that name", where=path.as_posix(), hint="give another `--name`")


def _text(template: NotebookNode, client: Client) -> str:
    from workbench.nbformat import nbformat

    notebook = deepcopy(template)
    heading = title_of(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = _for_client(cell.source, client)
            cell.outputs, cell.execution_count = [], None
        elif heading and cell.source.startswith(f"# {heading}"):
            cell.source = cell.source.replace(f"# {heading}", f"# {client.title}: {heading[0].lower()}{heading[1:]}", 1)
            heading = ""
        else:
            cell.source = cell.source.replace("/clinic/", f"/{client.id}/").replace(" clinic_", f" {client.id}_")
    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def _for_client(source: str, client: Client) -> str:
    if source.strip() == "%client clinic":
        return f"%client {client.id}"
    if "recipes import clinic as base" not in source:
        return source
    source = source.replace("recipes import clinic as base", f"recipes import {client.recipe} as base")
    if client.id != "clinic":  # an example in clinic's columns says nothing to another client
        source = re.sub(r"\w+=_\.mean_area.*,", "name=_.column / _.another.nullif(0),", source)
    # What `auto` makes of a table depends on its rows; an idea starts from the table itself.
    return source.replace("base.features(primary)", "primary") if client.recipe == "auto" else source
