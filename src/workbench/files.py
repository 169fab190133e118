"""Durable writes: what a reader finds under a name is always whole.

Every function writes beside the destination, flushes the bytes to the device, and renames; a rename within one
directory is atomic (POSIX ``rename(2)``), and the directory is flushed after it, so the new name survives a power cut.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["durable_file", "durable_folder", "sha256_of_file", "sha256_of_folder", "write_text"]

_STAGING = ".staging-"


@contextmanager
def durable_file(destination: Path) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, it becomes ``destination``, else it is removed."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    staging = destination.parent / f"{_STAGING}{uuid.uuid4().hex}-{destination.name}"
    try:
        yield staging
        _flush(staging)
        staging.replace(destination)
    except BaseException:
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
    destination.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(destination)
    token = uuid.uuid4().hex
    staging = destination.parent / f"{_STAGING}{token}-{destination.name}"
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


def write_text(destination: Path, text: str) -> None:
    """Write UTF-8 text durably."""
    with durable_file(destination) as path:
        path.write_text(text, encoding="utf-8")


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
