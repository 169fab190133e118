"""Durable writes: what a reader finds under a name is always whole.

Every function writes beside the destination, flushes the bytes to the device, and renames; a rename within one
directory is atomic (POSIX ``rename(2)``), and the directory is flushed after it, so the new name survives a power cut.
A disk that takes no more is one sentence, and what stood there before stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from workbench.errors import StorageError

__all__ = [
    "durable_file",
    "durable_folder",
    "explain_storage",
    "is_half_written",
    "sha256_of_file",
    "sha256_of_folder",
    "sha256_of_path",
    "sweep",
    "write_text",
]

_STAGING = ".staging-"


@contextmanager
def durable_file(destination: Path) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, it becomes ``destination``, else it is removed."""
    staging = destination.parent / f"{_STAGING}{uuid.uuid4().hex}-{destination.name}"
    with explain_storage(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield staging
            _flush(staging)
            staging.replace(destination)
        except BaseException:
            # Where nothing can be written, nothing can be removed, and that must not hide why.
            with suppress(OSError):
                staging.unlink(missing_ok=True)
            raise
        _flush(destination.parent)


@contextmanager
def durable_folder(destination: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well, it takes the place of ``destination`` as a whole.

    POSIX cannot exchange two directories portably, so the old folder steps aside first. A reader that finds no folder
    in that instant sees "missing", never a mixture; a writer killed in it leaves the old folder under a staging name,
    which :func:`recover_folder` puts back.
    """
    token = uuid.uuid4().hex
    staging = destination.parent / f"{_STAGING}{token}-{destination.name}"
    with explain_storage(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        recover_folder(destination)
        staging.mkdir()
        try:
            yield staging
            for path in sorted(staging.rglob("*")):
                _flush(path)
            _flush(staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        old = destination.parent / f"{_STAGING}old-{destination.name}"
        shutil.rmtree(old, ignore_errors=True)
        if destination.exists():
            destination.rename(old)
        staging.rename(destination)
        _flush(destination.parent)
        shutil.rmtree(old, ignore_errors=True)


def recover_folder(destination: Path) -> None:
    """Put the old folder back if a writer was killed between the two renames of :func:`durable_folder`."""
    old = destination.parent / f"{_STAGING}old-{destination.name}"
    if old.exists() and not destination.exists():
        old.rename(destination)


def is_half_written(path: Path) -> bool:
    """Whether a file or folder is what a writer writes beside its destination: a reader passes it over."""
    return path.name.startswith(_STAGING)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left half-written in a folder, and put old folders back.

    Only for who has the sole right to write there: it cannot tell a dead writer's files from a living one's.
    """
    old = f"{_STAGING}old-"
    for path in [*folder.glob(f"{old}*"), *folder.glob(f"{_STAGING}*")]:
        if path.name.startswith(old):
            recover_folder(folder / path.name.removeprefix(old))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_text(destination: Path, text: str) -> None:
    """Write UTF-8 text durably."""
    with durable_file(destination) as path:
        path.write_text(text, encoding="utf-8")


@contextmanager
def explain_storage(path: Path) -> Iterator[None]:
    """Say in one sentence that a disk takes no more; every other error stays what it is.

    Args:
        path: what was to be written; a folder stands for whatever lies in it.

    Raises:
        StorageError: the disk is full or read-only, has no room for another file, or takes none of this user.
    """
    try:
        yield
    except Exception as error:
        code = _code_of(error)
        if code is None or (code in _REFUSALS and not _is_near(error, path)):
            raise
        what, hint = _SENTENCES[code]
        if code == errno.ENOSPC and not _room_for_files(path):
            what, hint = "the disk has no room for another file (no inode is left)", "remove files that nobody needs"
        raise StorageError(what, where=str(path), hint=f"{hint}; what stood there before is whole") from error


_REFUSALS = (errno.EACCES, errno.EPERM)
_SENTENCES = {
    errno.ENOSPC: ("the disk is full", "free some space on it"),
    errno.EDQUOT: ("the quota of this user is used up", "free some space on the disk"),
    errno.EFBIG: ("the file grows larger than this process may write", "look at `ulimit -f`"),
    errno.EROFS: ("the disk is read-only", "mount it for writing"),
    errno.EIO: ("the disk fails", "look at the system's log"),
    **dict.fromkeys(_REFUSALS, ("this user may not write there", "look at whose folder it is")),
}


def _code_of(error: Exception) -> int | None:
    """The system's code for an error of the disk, also where a library tells it in words (DuckDB does)."""
    if isinstance(error, OSError):
        return error.errno if error.errno in _SENTENCES else None
    if type(error).__name__ != "IOException":
        return None
    return next((code for code in _SENTENCES if os.strerror(code) in str(error)), None)


def _is_near(error: Exception, path: Path) -> bool:
    """Whether the file that was refused is the one to be written, and not one that was to be read for it."""
    return str(path.parent) in str(getattr(error, "filename", None) or error)  # Arrow names it in its words only


def _room_for_files(path: Path) -> bool:
    folder = next(parent for parent in (path, *path.parents) if parent.exists())
    found = os.statvfs(folder)
    return found.f_files == 0 or found.f_favail > 0  # some filesystems do not count inodes


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of the bytes of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """Hexadecimal sha256 over the relative names and bytes of all files in a folder, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()


def sha256_of_path(path: Path) -> str:
    """The digest of a file or folder; read again in this process only when a file's size, time or inode changed."""
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    stamps = ((str(file), file.stat()) for file in files)
    return _digest(path, tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stamps))


@cache
def _digest(path: Path, stamp: tuple[tuple[str, int, int, int], ...]) -> str:
    return sha256_of_folder(path) if path.is_dir() else sha256_of_file(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Some filesystems refuse fsync on a directory; there the rename itself is all there is.
        with suppress(OSError) if path.is_dir() else _nothing():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
