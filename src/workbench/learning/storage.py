"""A model's folder on disk: files and a manifest of their sha256; nothing in it is ever executed.

One flipped bit passes both ``torch.load`` and safetensors, so each file is held against the manifest, and the bytes
that were checked are the bytes that are parsed. The manifest guards against damage and carelessness; that a model is
the one that was registered is what the registry's own digest says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.files import durable_folder, recover_folder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MANIFEST", "read_model", "weights_of", "write_model"]

MANIFEST = "manifest.json"
_HINT = "bring it back with `dvc checkout`, or train it again: `kedro run --pipeline train`"


def write_model(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files and their manifest; the folder changes as a whole."""
    with durable_folder(folder) as staging:
        for name, content in files.items():
            (staging / name).write_bytes(content)
        (staging / MANIFEST).write_bytes(_manifest(files))


def read_model(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The bytes of the named files, checked.

    Raises:
        ModelError: a file is missing, or a byte of a file or of the manifest is not the one that was written.
    """
    recover_folder(folder)
    if not folder.is_dir():
        raise ModelError(f"there is no model in {folder}", hint="make one: `kedro run --pipeline train`")
    files = {name: _read(folder / name) for name in names}
    recorded = _read(folder / MANIFEST)
    if recorded == _manifest(files):
        return files
    raise ModelError(
        f"{_culprit(recorded, files)} was changed since the model was written", where=str(folder), hint=_HINT
    )


def weights_of(content: bytes) -> dict[str, Tensor]:
    """The tensors in a safetensors file.

    Raises:
        ModelError: the file cannot be parsed, or holds a number that is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights: dict[str, Tensor] = load(content)
    except SafetensorError as error:
        raise ModelError("its weights cannot be read", hint=_HINT) from error
    for name, value in sorted(weights.items()):
        if value.is_floating_point() and not value.isfinite().all():
            raise ModelError(f"its weights '{name}' are not finite numbers", hint=_HINT)
    return weights


def _manifest(files: Mapping[str, bytes]) -> bytes:
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    return (json.dumps({"format": 1, "sha256": digests}, indent=1) + "\n").encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path.name} cannot be read ({error.strerror})", where=str(path.parent), hint=_HINT
        ) from error


def _culprit(recorded: bytes, files: Mapping[str, bytes]) -> str:
    """The first file whose digest is not in the manifest, else the manifest itself."""
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest().encode() not in recorded:
            return name
    return MANIFEST
