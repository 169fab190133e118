"""Collects the sentences of the reports into gettext catalogues, and compiles them: ``make words``.

What is translated already stays; a new sentence gets an empty entry, and is said in English until somebody fills it
in. A sentence that is no longer said goes. Babel does the work; it needs no gettext on the machine.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.files import durable_file
from workbench.reports.locale import CATALOGUES, DOMAIN, markdown_parts

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

__all__ = ["ROOMS", "compiled", "read_catalogue", "sentences", "update"]

VARYING = tuple(
    f'"{name}:'
    for name in (
        "Generated-By",
        "Language-Team",
        "Last-Translator",
        "PO-Revision-Date",
        "POT-Creation-Date",
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
    )
)
"""Headers of a ``.po`` file that say nothing here."""

KEYWORDS = {"say": None, "noted": None, "say_count": (1, 2)}
"""The functions of :mod:`workbench.reports.locale` whose literals are sentences."""


ROOMS = tuple(Path(__file__).parents[1] / room for room in ("reports", "delivery"))
"""Whose code speaks to a client's people."""


def sentences(rooms: Iterable[Path], notebooks: Path) -> Catalog:
    """All sentences of some folders' modules and of another's notebooks (their Markdown cells), without translation."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_file

    found = Catalog(project="Smithright DataWorks Workbench", charset="utf-8")
    for room in rooms:
        for path in sorted(room.rglob("*.py")):
            for _, message, _, _ in extract_from_file("python", path, keywords=KEYWORDS):
                found.add(message, locations=[(path.relative_to(room).as_posix(), 1)])
    for path in sorted(notebooks.glob("*.ipynb")):
        for part in _markdown(path):
            found.add(part, locations=[(path.name, 1)])
    return found


def _markdown(path: Path) -> Iterator[str]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            yield from markdown_parts("".join(cell["source"]))


def read_catalogue(path: Path) -> Catalog:
    """A ``.po`` file."""
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def compiled(catalogue: Catalog) -> bytes:
    """The same as a ``.mo`` file, which the standard library's gettext reads."""
    from babel.messages.mofile import write_mo

    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def update(project: Path) -> dict[str, int]:
    """Bring each language's catalogue up to date, and compile it; the number of sentences that it does not have yet."""
    found = sentences(ROOMS, project / "notebooks" / "reports")
    missing = {}
    for path in sorted(CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        catalogue = read_catalogue(path)
        catalogue.update(found, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        _write(path, _as_po(catalogue))
        _write(path.with_suffix(".mo"), compiled(catalogue))
        missing[path.parts[-3]] = sum(1 for one in catalogue if one.id and not all(_texts(one.string)))
    return missing


def _as_po(catalogue: Catalog) -> bytes:
    """Sorted, and without what would differ each time: dates, and the version of Babel."""
    from babel.messages.pofile import write_po

    stream = io.BytesIO()
    write_po(stream, catalogue, width=120, sort_output=True, include_lineno=False)
    lines = stream.getvalue().decode().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(VARYING) and not (line.startswith("# ") or line == "#\n")]
    return "".join(kept).encode()


def _write(path: Path, content: bytes) -> None:
    with durable_file(path) as staging:
        staging.write_bytes(content)


def _texts(string: object) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (str(string or ""),)


if __name__ == "__main__":
    for language, many in update(Path.cwd()).items():
        print(f"{language}: {many} sentences are not translated")  # noqa: T201
