"""The typed parameters of a template.

papermill puts ``name = value`` lines into the notebook: a *value* is escaped, a *name* is not, and would run as code.
So a name must be one that the template declares, a value must have the declared type, and both are checked before a
kernel starts. A declaration is one line of the cell tagged ``parameters``::

    top: int = 15  # how many features the chart shows
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, ReportError, did_you_mean

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Parameter", "Scalar", "bind", "bind_text", "declared_parameters"]

Scalar = str | int | float | bool

TAG = "parameters"
TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
MAX_TEXT = 4096


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    Attributes:
        name: an identifier.
        type: ``str``, ``int``, ``float`` or ``bool``.
        default: what it is when nothing is given.
        help: the comment on its line.
    """

    name: str
    type: str
    default: Scalar
    help: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "type": self.type, "default": self.default, "help": self.help}

    def accept(self, value: object) -> Scalar:
        """The value, if it has the declared type; an ``int`` will do for a ``float``.

        Raises:
            ConfigurationError: it has another type, is not finite, or is text with a NUL or beyond all measure.
        """
        if self.type == "float" and type(value) is int:
            value = float(value)
        # Not isinstance: True is an int to Python, and a subclass of str may print itself as it likes.
        if not isinstance(value, (str, int, float, bool)) or type(value) is not TYPES[self.type]:
            raise ConfigurationError(f"parameter '{self.name}' must be {self.type}, not {type(value).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"parameter '{self.name}' must be a finite number")
        if isinstance(value, str) and (len(value) > MAX_TEXT or "\0" in value):
            raise ConfigurationError(f"parameter '{self.name}' must have at most {MAX_TEXT} characters, and no NUL")
        return value

    def parse(self, text: str) -> Scalar:
        """The value that a person typed; text is never evaluated.

        Raises:
            ConfigurationError: it is not of the declared type.
        """
        if self.type == "str":
            return self.accept(text)
        if self.type == "bool" and text in {"true", "false"}:
            return text == "true"
        try:
            return self.accept({"int": int, "float": float}[self.type](text))
        except (KeyError, ValueError):
            wanted = "true or false" if self.type == "bool" else self.type
            raise ConfigurationError(f"parameter '{self.name}' must be {wanted}, not {text[:60]!r}") from None


def declared_parameters(notebook: NotebookNode, path: Path) -> dict[str, Parameter]:
    """What the template's cell tagged ``parameters`` declares, by name; the cell is parsed, not run.

    Raises:
        ReportError: a line of that cell is anything but ``name: type = literal``.
    """
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) > 1:
        raise ReportError(f"{len(cells)} cells are tagged '{TAG}'; one is enough", where=str(path))
    if not cells:
        return {}
    source: str = cells[0].source
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ReportError(f"line {error.lineno} of its parameters is not Python", where=str(path)) from error
    lines = source.splitlines()
    parameters = (_declared(statement, lines[statement.lineno - 1], path) for statement in statements)
    return {parameter.name: parameter for parameter in parameters}


def _declared(statement: ast.stmt, line: str, path: Path) -> Parameter:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=kind), value=ast.expr() as value) if (
            kind in TYPES
        ):
            try:
                default = ast.literal_eval(value)
            except ValueError:
                default = None
            if isinstance(default, (str, int, float, bool)) and type(default) is TYPES[kind]:
                return Parameter(name, kind, default, help=_comment(line))
    raise ReportError(
        f"parameter line {line.strip()[:80]!r} is not a declaration",
        where=str(path),
        hint='write `name: str = "text"  # what it is`; the types are str, int, float and bool',
    )


def _comment(line: str) -> str:
    code, _, comment = line.rpartition("  # ")
    return comment.strip() if code else ""


def bind_text(declared: Mapping[str, Parameter], given: Mapping[str, str], *, where: str) -> dict[str, Scalar]:
    """As :func:`bind`, for values that a person typed.

    Raises:
        ConfigurationError: a name is not declared, or a value has another type.
    """
    _check_names(declared, given, where)
    bound = {}
    for name, text in given.items():
        try:
            bound[name] = declared[name].parse(text)
        except ConfigurationError as error:
            raise ConfigurationError(error.what, where=where) from None
    return bound


def bind(declared: Mapping[str, Parameter], given: Mapping[str, object], *, where: str) -> dict[str, Scalar]:
    """Check given values against what a template declares.

    Args:
        declared: the template's parameters.
        given: name to value, from a person.
        where: the template, for the message.

    Raises:
        ConfigurationError: a name is not declared, or a value has another type.
    """
    _check_names(declared, given, where)
    bound: dict[str, Scalar] = {}
    for name, value in given.items():
        try:
            bound[name] = declared[name].accept(value)
        except ConfigurationError as error:
            raise ConfigurationError(error.what, where=where) from None
    return bound


def _check_names(declared: Mapping[str, Parameter], given: Mapping[str, object], where: str) -> None:
    for name in given:
        if name not in declared or not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigurationError(
                f"unknown parameter {str(name)[:60]!r}",
                where=where,
                tried=", ".join(declared) or "it declares none",
                hint=did_you_mean(str(name), declared, "run `kedro report list --json`"),
            )
