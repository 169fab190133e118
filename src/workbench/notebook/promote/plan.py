"""What a promotion would write, and writing it: a recipe, its test, and its name among the recipes."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.model import CLIENT_ID, is_device
from workbench.errors import ConfigurationError
from workbench.files import write_text
from workbench.notebook.documents import client_of, inside, read, write_new
from workbench.notebook.promote.cells import code_cells
from workbench.notebook.promote.check import text_of_test
from workbench.notebook.promote.flow import bodies
from workbench.notebook.promote.frame import frame_of
from workbench.notebook.promote.listed import with_name
from workbench.notebook.promote.pieces import LeftOut, Pieces, take_apart
from workbench.notebook.promote.tidy import tidy
from workbench.notebook.promote.write import module_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.clients import Client

__all__ = ["Promotion", "plan", "promote"]

RECIPES = Path("src", "pipelines", "prepare", "recipes")
TESTS = Path("tests", "pipelines", "prepare", "recipes")


@dataclass(frozen=True)
class Promotion:
    """What a promotion writes.

    Attributes:
        recipe: its name.
        client: whose notebook it was.
        new: path, relative to the project, to the text of each new file.
        changed: path to the texts, before and after, of each file that is changed.
        left_out: what of the tagged cells is not in the recipe, and why.
        remarks: what else a person should know.
    """

    recipe: str
    client: str
    new: dict[Path, str]
    changed: dict[Path, tuple[str, str]]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]

    def diff(self) -> str:
        """All of it as a unified diff."""
        changes = [(path, "", text) for path, text in self.new.items()]
        changes += [(path, before, after) for path, (before, after) in self.changed.items()]
        lines: list[str] = []
        for path, before, after in changes:
            old = f"a/{path.as_posix()}" if before else "/dev/null"
            lines += difflib.unified_diff(
                before.splitlines(keepends=True), after.splitlines(keepends=True), old, f"b/{path.as_posix()}"
            )
        return "".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "recipe": self.recipe,
            "client": self.client,
            "files": [path.as_posix() for path in (*self.new, *self.changed)],
            "left_out": [one.to_dict() for one in self.left_out],
            "remarks": list(self.remarks),
        }


def plan(project: Path, notebook: Path, recipe: str | None = None) -> Promotion:
    """What :func:`promote` would write. The notebook is parsed, never run.

    Args:
        project: the project's folder.
        notebook: a notebook of the project that opens a client with `%client`.
        recipe: the recipe's name; by default the notebook's.

    Raises:
        ConfigurationError: the notebook or the name will not do, the recipe is there already, or the tagged cells make
            no recipe; then it says what was left out, and why.
    """
    path = inside(project, notebook if notebook.is_absolute() else project / notebook)
    document = read(path)
    shown = path.resolve().relative_to(project.resolve()).as_posix()
    client = _client(project, document, shown)
    name = _free_name(project, path, recipe)
    pieces = take_apart(_tagged(code_cells(document), shown))
    made, unused = bodies(pieces)
    left_out = tuple(sorted(pieces.left_out + unused))
    if "features" not in pieces.functions and "features" not in made:
        raise ConfigurationError(
            "the cells tagged `recipe` make no `features`",
            where=shown,
            tried="; ".join(str(one) for one in left_out[:5]) or "nothing in them was left out",
            hint="define `features(primary)` in one of them, or make a table of `primary`",
        )
    _one_argument(pieces, shown)
    frame = frame_of(document, shown, client, pieces, made)
    planned = _gather(project, client, name, module_text(pieces, made, frame), left_out)
    if "EXCLUDED" not in pieces.constants and frame.excluded == "{}":
        note = "EXCLUDED is empty: name there, with the reason, what is known only after the question is asked"
        return replace(planned, remarks=(*planned.remarks, note))
    return planned


def _gather(project: Path, client: Client, name: str, text: str, left_out: tuple[LeftOut, ...]) -> Promotion:
    module, test, names = RECIPES / f"{name}.py", TESTS / f"test_{name}.py", RECIPES / "__init__.py"
    text, faults = tidy(project, module, text)
    remarks = [f"ruff, {module.as_posix()}, {fault}" for fault in faults]
    new = {module: text}
    if ClientRegistry(project).schema(client.id) is None:
        remarks.append(f"no test: client {client.id} has no schema.yml, of which its tables could be made up")
    else:
        new[test], _ = tidy(project, test, text_of_test(name, client.id))
    before = (project / names).read_text(encoding="utf-8")
    after, _ = tidy(project, names, with_name(before, name, names.as_posix()))
    return Promotion(name, client.id, new, {names: (before, after)}, left_out, tuple(remarks))


def promote(project: Path, planned: Promotion) -> None:
    """Write it: the new files first, and the recipe's name at the end; all of it or nothing.

    Raises:
        ConfigurationError: a file of that name has come by now.
    """
    written: list[Path] = []
    try:
        for relative, text in planned.new.items():
            path = inside(project, project / relative)
            write_new(path, text)
            written.append(path)
        for relative, (_, after) in planned.changed.items():
            write_text(project / relative, after)
    except BaseException as error:
        for path in written:
            path.unlink()
        if isinstance(error, FileExistsError):
            raise _taken(planned.recipe, str(error.filename2 or error.filename)) from None
        raise
    audit.record(project, "notebook.promoted", client=planned.client, recipe=planned.recipe)


def _client(project: Path, notebook: NotebookNode, shown: str) -> Client:
    client_id = client_of(notebook)
    if client_id is None:
        raise ConfigurationError("opens no client", where=shown, hint="begin it with `%client <client>`")
    return ClientRegistry(project).load(client_id)


def _tagged(cells: list[Any], shown: str) -> list[Any]:
    if not any(cell.tagged for cell in cells):
        raise ConfigurationError(
            "no cell is tagged `recipe`",
            where=shown,
            hint="in JupyterLab: the cogwheel at the top right (Property Inspector), Cell Tags, add `recipe`",
        )
    return cells


def _free_name(project: Path, notebook: Path, recipe: str | None) -> str:
    name = re.sub(r"^[\d_]+", "", notebook.stem) if recipe is None else recipe
    if not re.fullmatch(CLIENT_ID, name) or keyword.iskeyword(name) or is_device(name):
        raise ConfigurationError(
            f"{name[:60]!r} is not a name for a recipe", hint="give `--recipe name`: a-z, 0-9 and _, a letter first"
        )
    if not (project / RECIPES).is_dir():
        raise ConfigurationError(f"there is no folder {RECIPES.as_posix()}", where=str(project))
    for path in _files_of(name):
        if (project / path).exists() or (project / path).is_symlink():
            raise _taken(name, path.as_posix())
    return name


def _files_of(name: str) -> Iterator[Path]:
    yield RECIPES / f"{name}.py"
    yield RECIPES / name
    yield TESTS / f"test_{name}.py"


def _taken(name: str, path: str) -> ConfigurationError:
    return ConfigurationError(
        f"recipe '{name}' is there already", where=path, hint="give another `--recipe`, or edit the one that is there"
    )


def _one_argument(pieces: Pieces, shown: str) -> None:
    for name in ("join", "features"):
        piece = pieces.functions.get(name)
        arguments = getattr(piece.node, "args", None) if piece else None
        if arguments is not None:
            plain = [*arguments.posonlyargs, *arguments.args]
            needed = len(plain) - len(arguments.defaults)
            needed_by_name = sum(default is None for default in arguments.kw_defaults)
            if not plain or needed > 1 or needed_by_name:
                raise ConfigurationError(
                    f"`{name}` must take one argument",
                    where=f"{shown}, code cell {piece.cell.number if piece else 0}",
                    hint="the tables for `join`, the primary table for `features`; make the others constants",
                )
