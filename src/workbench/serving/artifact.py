"""A model's folder: found, copied to a folder of our own, held against its digest, and loaded from that copy.

What is loaded is the copy, so nobody can exchange a file between the look at its digest and the reading of it. The copy
has mode 0700 and is gone afterwards. Which class a model is comes from the word in its JSON, looked up in our code; no
pickle is read, whatever else lies in the folder, and there is no second way to load a model that fails the first.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from workbench.errors import ModelError, Transient, WorkbenchError
from workbench.files import sha256_of_folder
from workbench.scratch import private_folder

if TYPE_CHECKING:
    from workbench.learning import TabularModel

__all__ = ["FOLDER_IN_ARTIFACT", "load", "model_folder"]

FOLDER_IN_ARTIFACT = Path("data/model")
"""Where MLflow puts the model's folder inside of a version's artifact."""

MANIFEST = "manifest.json"

LARGEST = 8 * 2**30
"""Bytes of a model; a bucket that holds more is not one."""


def load(artifact: str, sha256: str | None, *, where: str) -> tuple[TabularModel, str]:
    """Load a model.

    Args:
        artifact: a path, ``file://…`` or ``gs://bucket/folder``: the model's folder, or MLflow's artifact around it.
        sha256: what the folder's digest has to be (``workbench.files.sha256_of_folder``); None if nobody knows, so that
            the model's own manifest is all there is to hold it against.
        where: for the error: client and version.

    Returns:
        The model, and its folder's digest.

    Raises:
        ModelError: it is not there, not a model, or not the one that it should be.
        Transient: the bucket does not answer.
    """
    from workbench.learning import TabularModel

    with private_folder("serving") as temporary:
        copy = Path(temporary) / "model"
        if artifact.startswith("gs://"):
            _download(artifact, copy, where)
            copy = model_folder(copy, where)
        else:
            _copy(model_folder(local_path(artifact, where), where), copy, where)
        found = sha256_of_folder(copy)
        if sha256 is not None and found != sha256:
            raise ModelError("its files are not those that were registered (sha256 differs)", where=where)
        try:
            return TabularModel.load(copy), found
        except WorkbenchError as error:
            # The copy's own path would tell nobody anything.
            raise ModelError(error.what, where=where, hint="register it again, or serve another version") from error


def local_path(artifact: str, where: str) -> Path:
    """The path that an address on this machine names."""
    if "://" not in artifact:
        return Path(artifact)
    parts = urlsplit(artifact)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise ModelError(f"its address {parts.scheme}:// is neither a path, nor file://, nor gs://", where=where)
    return Path(unquote(parts.path))


def model_folder(path: Path, where: str) -> Path:
    """The folder with the manifest: this one, or the one inside of MLflow's artifact."""
    for folder in (path, path / FOLDER_IN_ARTIFACT):
        if (folder / MANIFEST).is_file():
            return folder
    raise ModelError(
        f"there is no model in {path}",
        where=where,
        tried=f"{MANIFEST}, {FOLDER_IN_ARTIFACT / MANIFEST}",
        hint="a model's folder holds model.safetensors, model.json and manifest.json",
    )


def _copy(folder: Path, copy: Path, where: str) -> None:
    copy.mkdir(mode=0o700)
    total = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        total += path.stat().st_size
        if total > LARGEST:
            raise ModelError(f"its folder holds more than {LARGEST:,} bytes", where=where)
        target = copy / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise ModelError(f"{path.name} cannot be read ({error.strerror})", where=where) from error


def _download(address: str, copy: Path, where: str) -> None:
    """All objects below a folder of a bucket; each is checked against its own checksum by the library."""
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage
    from google.cloud.storage.exceptions import DataCorruption

    parts = urlsplit(address)
    prefix = parts.path.strip("/") + "/"
    try:
        client: Any = storage.Client() if _has_project() else storage.Client(project="unknown")
        blobs = list(client.list_blobs(parts.netloc, prefix=prefix, timeout=30))
        if not blobs:
            raise ModelError(f"there is nothing below {address}", where=where)
        if sum(blob.size for blob in blobs) > LARGEST:
            raise ModelError(f"{address} holds more than {LARGEST:,} bytes", where=where)
        for blob in blobs:
            name = PurePosixPath(blob.name.removeprefix(prefix))
            if blob.name.endswith("/"):
                continue
            if name.is_absolute() or ".." in name.parts:
                raise ModelError(f"{address} has an object whose name leads elsewhere", where=where)
            target = copy / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            blob.download_to_filename(str(target), timeout=120)
    except NotFound as error:
        raise ModelError(f"there is no bucket {parts.netloc}, or it is not for this account", where=where) from error
    except (GoogleAPIError, GoogleAuthError, DataCorruption, OSError) as error:
        raise Transient(f"{address} cannot be read ({type(error).__name__})", where=where) from error


def _has_project() -> bool:
    import os

    return any(os.environ.get(name) for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"))
