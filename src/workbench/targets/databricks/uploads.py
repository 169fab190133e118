"""A version's files: sent, read back and compared, one a step, so that a broken upload goes on where it was."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import yaml

from workbench.errors import ModelError, TargetError, Unreachable
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.targets.databricks.errors import Missing, Refused
from workbench.targets.databricks.storage_errors import Forbidden
from workbench.targets.databricks.ways import Digest, Way
from workbench.targets.release import Release

__all__ = ["Upload", "checked", "with_wheel"]


class Upload:
    """The files of one release on their way to one version.

    Args:
        folder: the release's artifact.
        ways: those there are, the best first; the first that is not refused is taken.
        instead: by name, what is sent in the place of a file.
        where: client, target, workspace and version, for messages.
    """

    def __init__(self, folder: Path, ways: Sequence[Way], instead: Mapping[str, bytes], where: str) -> None:
        self._folder, self._instead, self._where = folder, instead, where
        self._way, self._others = ways[0], list(ways[1:])
        self._names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        self._seen: set[str] = set()
        self._refusals: dict[str, TargetError] = {}

    @property
    def share(self) -> float:
        """How many of them are there, from 0 to 1."""
        return len(self._seen) / len(self._names)

    def step(self) -> bool:
        """See to one file, or turn to another way; whether all are there.

        It is read back before it is sent: what an earlier run has sent is not sent again.

        Raises:
            Unreachable: what came back is not what was sent, or it may pass.
            TargetError: no way is open.
        """
        name = next((name for name in self._names if name not in self._seen), None)
        if name is None:
            return True
        try:
            self._see_to(name)
        except Refused:
            raise  # the login is the same on all ways
        except TargetError as refusal:
            self._turn(refusal)
            return False
        self._seen.add(name)
        return len(self._seen) == len(self._names)

    def close(self) -> None:
        """Let go of connections."""
        self._way.close()

    def _see_to(self, name: str) -> None:
        changed = self._instead.get(name)
        wanted = sha256_of_file(self._folder / name) if changed is None else hashlib.sha256(changed).hexdigest()
        try:
            kept = self._kept(name)
        except Forbidden:
            kept = None  # S3 says so of what is not there, to who may not list
        if kept == wanted:
            return
        size = (self._folder / name).stat().st_size if changed is None else len(changed)
        with self._contents(name) as contents:
            self._way.put(name, contents, size)
        if self._kept(name) != wanted:
            raise Unreachable(f"{name} came back otherwise than it was sent", where=self._where)

    def _contents(self, name: str) -> BinaryIO:
        changed = self._instead.get(name)
        return (self._folder / name).open("rb") if changed is None else io.BytesIO(changed)

    def _kept(self, name: str) -> str | None:
        """The sha256 of the file as it is there; None if there is none."""
        digest = Digest()
        try:
            self._way.read(name, digest)
        except Missing:
            return None
        return digest.sha256

    def _turn(self, refusal: TargetError) -> None:
        """Take the next way, from the first file on: it may lead to another place."""
        self._refusals[self._way.name] = refusal
        if not self._others:
            hints = dict.fromkeys(one.hint for one in self._refusals.values() if one.hint)
            tried = "; ".join(f"{name}: {one.what}" for name, one in self._refusals.items())
            raise TargetError(
                "the model's files can be uploaded by no way",
                where=self._where,
                tried=tried,
                hint="; or ".join([*hints, "see docs/targets/databricks.md for what each way asks for"]),
            ) from refusal
        self._way.close()
        self._way = self._others.pop(0)
        self._seen.clear()


def checked(release: Release) -> Path:
    """The folder of a release, after it was compared with the digest that was registered.

    Raises:
        ModelError: it is missing, or another.
    """
    where = f"client {release.client}, model version {release.version}"
    if not release.folder.is_dir():
        raise ModelError(f"its folder {release.folder} is missing", where=where)
    if sha256_of_folder(release.folder) != release.sha256:
        raise ModelError("its files are not those that were registered (sha256 differs)", where=where)
    return release.artifact


def with_wheel(artifact: Path, wheel: str | None) -> dict[str, bytes]:
    """The files that say what the model's container installs, with one wheel more: by name, as they are to be sent.

    The container is built from them, and the model's loader is in this project's wheel.
    https://docs.databricks.com/aws/en/machine-learning/model-serving/private-libraries-model-serving

    Args:
        artifact: the release's.
        wheel: where it lies at the workspace; None changes nothing.
    """
    requirements, conda = artifact / "requirements.txt", artifact / "conda.yaml"
    if wheel is None:
        return {}
    changed = {}
    if requirements.is_file():
        changed[requirements.name] = f"{requirements.read_text(encoding='utf-8').rstrip()}\n{wheel}\n".encode()
    if conda.is_file():
        content = yaml.safe_load(conda.read_text(encoding="utf-8"))
        for entry in content.get("dependencies", []):
            if isinstance(entry, dict) and "pip" in entry:
                entry["pip"] = [*entry["pip"], wheel]
        changed[conda.name] = yaml.safe_dump(content, sort_keys=False).encode()
    return changed
