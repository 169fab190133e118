"""Unpack ``.gz`` and ``.zip``, never more than a bound.

A bomb of 42 kB can hold petabytes, and the sizes that an archive states about itself may be lies; so bytes are counted
while they are written.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from workbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ALWAYS_ALLOWED_BYTES", "MAX_BYTES", "MAX_RATIO", "PACKED", "opened", "unpack"]

PACKED = (".gz", ".zip")

MAX_BYTES = 16 * 2**30
"""No file is unpacked beyond 16 GiB."""
MAX_RATIO = 200
"""Nor beyond 200 times its packed size; CSV shrinks to a tenth or so."""
ALWAYS_ALLOWED_BYTES = 64 * 2**20
"""But 64 MiB are always fine: small files may be very regular."""
_CHUNK = 2**20


def unpack(path: Path, folder: Path, where: str) -> Path:
    """The file itself, or what is in it if it ends in ``.gz`` or ``.zip``.

    Args:
        path: the file.
        folder: where to unpack to; the name inside an archive is not used.
        where: the beginning of an error.

    Raises:
        DataError: the archive is damaged, locked, holds several files, or holds too much.
    """
    if path.suffix.lower() not in PACKED:
        return path
    packed = path.stat().st_size
    bound = min(MAX_BYTES, max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * packed))
    target = folder / "unpacked"
    with opened(path, where) as source, target.open("wb") as sink:
        written = 0
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > bound:
                raise DataError(
                    f"unpacks to more than {bound:,} bytes from {packed:,}",
                    where=where,
                    hint="if it is no decompression bomb, unpack it by hand and name the plain file",
                )
            sink.write(chunk)
    return target


@contextmanager
def opened(path: Path, where: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, or of the one that is packed in it; whoever reads them counts them.

    Raises:
        DataError: the archive is damaged, locked, or holds several files.
    """
    try:
        with _opened(path, where) as stream:
            yield stream
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError is what zipfile raises for a locked archive.
        raise DataError(
            f"cannot be unpacked ({str(error).splitlines()[0]})",
            where=where,
            hint="fetch the file again, or unpack it by hand and name the plain file",
        ) from error


@contextmanager
def _opened(path: Path, where: str) -> Iterator[IO[bytes]]:
    if path.suffix.lower() not in PACKED:
        with path.open("rb") as plain:
            yield plain
        return
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as unzipped:
            yield cast("IO[bytes]", unzipped)
        return
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise DataError(
                f"holds {len(members)} files, and one was expected",
                where=where,
                hint="unpack it by hand and name the files, or a glob, in client.yml",
            )
        with archive.open(members[0]) as stream:
            yield stream
