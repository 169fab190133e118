"""An archive from somebody else, unpacked into an empty folder: only what its signed manifest lists, byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workbench.errors import DataError
from workbench.handover.archive import FORMAT, MANIFEST
from workbench.signing import opened

__all__ = ["MOST_BYTES", "unpack"]

MOST_BYTES = 20 * 2**30
LARGEST_MANIFEST = 32 * 2**20
OVERHEAD = 4096
"""Bytes that tar adds to a member: headers for a long name, and the filling of its last block."""


class _Bounded:
    """Reads no more than it was allowed to: a bomb is noticed before it is unpacked."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path, self.left = stream, path, LARGEST_MANIFEST + 16 * OVERHEAD

    def read(self, size: int = -1) -> bytes:
        """Read as a file does."""
        if size < 0 or size > self.left:
            raise DataError("unpacks to more than its manifest lists, or than is allowed", where=str(self._path))
        content = self._stream.read(size)
        self.left -= len(content)
        return content


def unpack(path: Path, folder: Path, keys: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Unpack an archive.

    Args:
        path: the ``.tar.gz``.
        folder: an empty folder.
        keys: the sender's public key, or a folder with the keys that are trusted.
        most: bytes that it may unpack to.

    Returns:
        The manifest's record; the files lie in ``folder`` under the names that it lists.

    Raises:
        DataError: the archive is no archive of a client, was changed, or tries what none does.
    """
    try:
        with gzip.open(path) as packed:
            bounded = _Bounded(packed, path)  # type: ignore[arg-type]
            with tarfile.open(fileobj=bounded, mode="r|") as archive:  # type: ignore[call-overload]
                return _unpack(archive, bounded, path, folder, keys, most)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, OSError) as error:
        raise DataError(
            f"is no whole archive of a client ({type(error).__name__})", where=str(path), hint="fetch it again"
        ) from error


def _unpack(  # noqa: PLR0917
    archive: tarfile.TarFile, bounded: _Bounded, path: Path, folder: Path, keys: Path, most: int
) -> dict[str, Any]:
    entries = iter(archive)
    first = next(entries, None)
    if first is None or not first.isreg() or not first.name.endswith(f"/{MANIFEST}") or first.size > LARGEST_MANIFEST:
        raise DataError(f"does not begin with {MANIFEST}", where=str(path), hint="make it with `kedro client export`")
    top = first.name.removesuffix(f"/{MANIFEST}")
    record = _manifest(_content(archive, first), keys, path)
    files: Mapping[str, Any] = record["files"]
    declared = sum(int(one["bytes"]) for one in files.values())
    if declared > most:
        raise DataError(f"has {declared:,} bytes, more than {most:,}", where=str(path), hint="allow more: --max-bytes")
    bounded.left = declared + OVERHEAD * (len(files) + 16)
    missing = set(files)
    for entry in entries:
        name = _name(entry, top, path)
        if name.endswith(".pub") and "/" not in name and entry.size < OVERHEAD:
            continue  # the key that came with it proves nothing
        if name not in missing:
            raise DataError(f"holds '{name[:80]}', which is not in its manifest, or twice", where=str(path))
        missing.discard(name)
        _store(archive, entry, folder / name, files[name], path)
    if missing:
        raise DataError(f"lacks {len(missing)} files of its manifest, '{min(missing)}' among them", where=str(path))
    return record


def _manifest(content: bytes, keys: Path, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise DataError(f"its {MANIFEST} is not JSON", where=str(path)) from error
    record = opened(document if isinstance(document, dict) else {}, keys, where=f"{path}, {MANIFEST}")
    if record.get("format") != FORMAT or not isinstance(record.get("files"), dict):
        raise DataError("has another format than this workbench knows", where=str(path), hint="use the newer workbench")
    return record


def _name(entry: tarfile.TarInfo, top: str, path: Path) -> str:
    """The name of a member inside of the archive's one folder."""
    shown = entry.name[:80]
    name = PurePosixPath(entry.name)
    if name.is_absolute() or ".." in name.parts or "\\" in entry.name or "\0" in entry.name or name.parts[:1] != (top,):
        raise DataError(f"member {shown!r} leads out of the archive's folder", where=str(path), hint="do not trust it")
    if not entry.isreg() or entry.issparse():
        raise DataError(f"member {shown!r} is no plain file", where=str(path), hint="do not trust it")
    return name.relative_to(top).as_posix()


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(entry)
    return stream.read() if stream else b""


def _store(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path, listed: Mapping[str, Any], path: Path
) -> None:
    stream = archive.extractfile(entry)
    digest = hashlib.sha256()
    if entry.size == listed["bytes"] and stream is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            while piece := stream.read(2**20):
                digest.update(piece)
                out.write(piece)
    if digest.hexdigest() != listed["sha256"]:
        raise DataError(f"'{entry.name[:80]}' is not what its manifest says", where=str(path), hint="fetch it again")
