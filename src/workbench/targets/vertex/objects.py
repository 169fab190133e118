"""Files in Cloud Storage: checked as they arrive, and never overwritten unseen.

https://cloud.google.com/storage/docs/request-preconditions · https://cloud.google.com/storage/docs/data-validation
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.errors import TargetError
from workbench.files import sha256_of_file
from workbench.targets.vertex.errors import Missing, speaking, unreachable
from workbench.targets.vertex.services import Services

__all__ = ["Local", "Objects", "Stored", "files_of", "local_file"]


@dataclass(frozen=True)
class Local:
    """A file that is to be there.

    Attributes:
        crc32c: as Cloud Storage writes it: big-endian, base64.
    """

    path: Path
    size: int
    sha256: str
    crc32c: str


@dataclass(frozen=True)
class Stored:
    """An object.

    Attributes:
        generation: of its content; another content is another generation.
        sha256: that was written beside it.
    """

    name: str
    size: int
    crc32c: str
    generation: int
    sha256: str
    metadata: Mapping[str, str]

    def is_of(self, file: Mapping[str, Any]) -> bool:
        """Whether it holds the file (``size``, ``sha256``, ``crc32c``)."""
        return (self.size, self.sha256, self.crc32c) == (file["size"], file["sha256"], file["crc32c"])


class Objects:
    """The objects of one client in its bucket."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._where = f"client {services.client}, gs://{services.settings.bucket}"

    @property
    def _options(self) -> dict[str, Any]:
        return {"retry": None, "timeout": self._services.settings.request_seconds}

    def below(self, prefix: str) -> dict[str, Stored]:
        """The objects below a prefix, by what follows it."""
        with speaking(self._where):
            blobs = list(self._services.bucket.list_blobs(prefix=prefix, **self._options))
        return {blob.name.removeprefix(prefix): _stored(blob) for blob in blobs}

    def folders(self, prefix: str) -> list[str]:
        """The names one level below a prefix."""
        with speaking(self._where):
            pages = self._services.bucket.list_blobs(prefix=prefix, delimiter="/", **self._options)
            list(pages)
        return [str(name).removeprefix(prefix).rstrip("/") for name in pages.prefixes]

    def read(self, stored: Stored) -> bytes:
        """What an object holds, held against its checksum.

        Raises:
            Stale: it was replaced since it was listed.
        """
        with speaking(self._where):
            blob = self._services.bucket.blob(stored.name)
            return bytes(
                blob.download_as_bytes(checksum="crc32c", if_generation_match=stored.generation, **self._options)
            )

    def content(self, stored: Stored) -> Any:
        """What a JSON object holds.

        Raises:
            Stale: it was replaced since it was listed.
            TargetError: it is no JSON.
        """
        content = self.read(stored)
        try:
            return json.loads(content)
        except ValueError as error:
            raise TargetError(
                f"{stored.name} is no JSON", where=self._where, hint="remove that folder of the bucket, and apply again"
            ) from error

    def inside(self, name: str) -> PurePosixPath:
        """An object's name as a path below a folder of this machine; names are whatever somebody has written there.

        Raises:
            TargetError: it leads out of any folder.
        """
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise TargetError(f"an object's name leads elsewhere: {name[:80]!r}", where=self._where)
        return path

    def download(self, stored: Stored, destination: Path) -> None:
        """Write what an object holds to a file, held against its checksum."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        with speaking(self._where):
            blob = self._services.bucket.blob(stored.name)
            blob.download_to_filename(
                str(destination), checksum="crc32c", if_generation_match=stored.generation, **self._options
            )

    def write(self, name: str, content: Any, *, generation: int, metadata: Mapping[str, str]) -> None:
        """Write a JSON object; ``generation`` is that of the one it replaces, 0 if there is none.

        Raises:
            Stale: there is another one.
        """
        with speaking(self._where):
            blob = self._services.bucket.blob(name)
            blob.metadata = dict(metadata)
            blob.upload_from_string(
                json.dumps(content, sort_keys=True, indent=1),
                content_type="application/json",
                checksum="crc32c",
                if_generation_match=generation,
                **self._options,
            )

    def upload(self, name: str, file: Local, *, generation: int, metadata: Mapping[str, str]) -> None:
        """Upload a file, and look whether it arrived; above 8 MiB in a session of several requests.

        Raises:
            Stale: there is another object than the one that is to be replaced.
            Unreachable: it did not arrive as it was sent.
        """
        with speaking(self._where):
            blob = self._services.bucket.blob(name)
            blob.metadata = {**metadata, "sha256": file.sha256}
            blob.upload_from_filename(
                str(file.path),
                content_type="application/octet-stream",
                checksum="crc32c",
                if_generation_match=generation,
                **self._options,
            )
        if not _stored(blob).is_of(asdict(file)):
            raise unreachable(f"{name.rpartition('/')[2]} did not arrive as it was sent", self._where, 0.0)

    def delete(self, stored: Stored) -> None:
        """Delete just that content; what is gone already is no error."""
        try:
            with speaking(self._where):
                self._services.bucket.blob(stored.name).delete(if_generation_match=stored.generation, **self._options)
        except Missing:
            return


def files_of(folder: Path) -> dict[str, Local]:
    """The files of a folder, by their path in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): local_file(path) for path in paths}


def local_file(path: Path) -> Local:
    """A file with its size and digests."""
    from google_crc32c import Checksum

    checksum: Any = Checksum()  # type: ignore[no-untyped-call]
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum.update(chunk)
    return Local(path, path.stat().st_size, sha256_of_file(path), base64.b64encode(checksum.digest()).decode())


def _stored(blob: Any) -> Stored:
    metadata = dict(blob.metadata or {})
    return Stored(
        blob.name, int(blob.size or 0), str(blob.crc32c), int(blob.generation), metadata.get("sha256", ""), metadata
    )
