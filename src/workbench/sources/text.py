"""From any of the encodings to what the engine reads at full speed: UTF-8 with one kind of line end.

A file that is so already is read where it lies. A wrong encoding fails the whole file, even if one byte alone gives it
away: quarantining just the rows with accents in them would bias the data in silence.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from workbench.errors import DataError

__all__ = ["as_utf8"]

_CHUNK = 2**20
_C1 = re.compile("[\x80-\x9f]")
"""Control characters that no table holds; in Windows' code page 1252 they are quotes, dashes and the euro."""
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def as_utf8(path: Path, encoding: str, delimiter: str, folder: Path, where: str) -> Path:
    r"""The file itself, or a copy of it in UTF-8, in which every ``\r\n`` is ``\n``.

    Args:
        path: the file, not packed.
        encoding: ``utf-8``, ``utf-16``, ``latin-1`` or ``windows-1252``, as client.yml says.
        delimiter: between two values; to name the column in which a wrong byte stands.
        folder: where to write a copy.
        where: the beginning of an error.

    Raises:
        DataError: the bytes are not in that encoding.
    """
    codec = _check_mark(path, encoding, where)
    if encoding == "utf-8" and _is_plain(path, delimiter, where):
        return path
    target = folder / "utf-8"
    try:
        with path.open(encoding=codec, newline="") as source, target.open("w", encoding="utf-8", newline="") as sink:
            while chunk := source.read(_CHUNK):
                # A chunk must not end between \r and \n.
                chunk += source.read(1) if chunk.endswith("\r") else ""
                if encoding == "latin-1" and _C1.search(chunk):
                    raise DataError(
                        "holds bytes from 0x80 to 0x9f, which are no letters in latin-1",
                        where=where,
                        hint="set `encoding: windows-1252` in client.yml: that is what Windows calls by that name",
                    )
                sink.write(chunk.replace("\r\n", "\n"))
    except UnicodeError as error:
        raise DataError(
            f"is not {encoding}",
            where=where,
            hint="correct `encoding` of this source in client.yml: utf-8, utf-16, latin-1 or windows-1252",
        ) from error
    return target


def _check_mark(path: Path, encoding: str, where: str) -> str:
    """The name of the codec: that of UTF-16 without a mark says which byte of two comes first."""
    with path.open("rb") as stream:
        start = stream.read(4)
    actual = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    # Without a mark, the zero byte of an ASCII character in the header tells UTF-16 from anything else.
    codec = encoding
    if actual is None and len(start) > 1 and 0 in start[:2]:
        actual, codec = "utf-16", "utf-16-be" if start[0] == 0 else "utf-16-le"
    if actual is not None and actual != encoding:
        raise DataError(f"is {actual}, not {encoding}", where=where, hint=f"set `encoding: {actual}` in client.yml")
    if actual is None and encoding == "utf-16" and start:
        raise DataError("is not utf-16", where=where, hint="set `encoding: utf-8` or `latin-1` in client.yml")
    return codec


def _is_plain(path: Path, delimiter: str, where: str) -> bool:
    r"""Whether line ends are of one kind; the engine refuses a file in which ``\r\n`` and ``\n`` mix."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = pairs = feeds = 0
    last = b""
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise _wrong_byte(path, position - pending + error.start, delimiter, where) from error
            if not chunk:
                return pairs in (0, feeds)
            feeds += chunk.count(b"\n")
            pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            last = chunk[-1:]
            position += len(chunk)


def _wrong_byte(path: Path, position: int, delimiter: str, where: str) -> DataError:
    """Say in which line and column the byte at a position stands; its value stays out of the message."""
    line, start, header = 1, 0, b""
    with path.open("rb") as stream:
        for text in stream:
            header = header or text
            if start + len(text) > position:
                break
            start += len(text)
            line += 1
    before = text[: position - start].decode("latin-1")
    names = next(csv.reader(io.StringIO(header.decode("utf-8-sig", "replace")), delimiter=delimiter), [])
    # One mark more, so that a byte right behind a delimiter counts for the column that it begins.
    place = len(next(csv.reader(io.StringIO(before + "x"), delimiter=delimiter)))
    column = f", column '{names[place - 1]}'" if line > 1 and place <= len(names) else ""
    return DataError(
        f"line {line} is not utf-8",
        where=where + column,
        hint="set `encoding: latin-1` (or utf-16) for this source in client.yml, or repair the line",
    )
