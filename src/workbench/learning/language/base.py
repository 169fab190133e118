"""Which model is tuned, and how it is opened.

Whatever name it has, it becomes a folder first: a local one, or the snapshot of a hub id in the local cache. Only that
folder is read after that, with nothing but ``config.json``, tokenizer files and safetensors weights; code that lies in
it is never run (``trust_remote_code`` is off), and pickled weights are not looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError, Transient
from workbench.files import sha256_of_file

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["BaseModel"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
"""What is fetched of a hub id: no ``.py``, no ``.bin``, no ``.pt``."""


@dataclass(frozen=True)
class BaseModel:
    """A model in a folder.

    Attributes:
        name: as the configuration says it: a path, or a hub id.
        folder: where its files are.
        revision: of a hub id; None: none was asked for.
    """

    name: str
    folder: Path
    revision: str | None = None

    @classmethod
    def find(cls, name: str, path: Path, *, revision: str | None = None, allow_download: bool = False) -> BaseModel:
        """Look for a folder first, then for a hub id in the local cache, then, if that is allowed, at the hub.

        Args:
            name: as the configuration says it.
            path: the folder that the name stands for, if it stands for one.
            revision: of a hub id.
            allow_download: whether the hub may be asked.

        Raises:
            ModelError: there is no such model, or it has no safetensors weights.
            Transient: the hub does not answer.
        """
        folder = path if path.is_dir() else _snapshot(name, path, revision, allow_download=allow_download)
        _refuse_incomplete(name, folder)
        return cls(name, folder, revision)

    def digest(self) -> str:
        """Hexadecimal sha256 over configuration and weights: what the model is, wherever it lies."""
        digest = hashlib.sha256()
        for path in [self.folder / "config.json", *sorted(self.folder.glob("*.safetensors"))]:
            digest.update(f"{path.name}\0{sha256_of_file(path)}\n".encode())
        return digest.hexdigest()

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its tokenizer, with a chat template and a token that ends an answer.

        Raises:
            ModelError: there is none, or it lacks a token that ends an answer.
        """
        from transformers import AutoTokenizer

        from workbench.learning.language.chat import made_ready

        with _translated(self.name):
            found = AutoTokenizer.from_pretrained(str(self.folder), local_files_only=True, trust_remote_code=False)
        return made_ready(found, self.name)

    def open(self, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
        """Load it, in evaluation mode.

        Raises:
            ModelError: it cannot be read, or would need code of its own.
        """
        from transformers import AutoModelForCausalLM

        with _translated(self.name):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                str(self.folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                attn_implementation="sdpa",
                dtype=dtype,
            )
        model: PreTrainedModel = loaded.to(device).eval()
        return model


def _snapshot(name: str, path: Path, revision: str | None, *, allow_download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    tried, where = str(path), f"language model '{name}'"
    if _HUB_ID.fullmatch(name):
        try:
            return Path(
                snapshot_download(
                    name, revision=revision, local_files_only=not allow_download, allow_patterns=list(_FILES)
                )
            )
        except HFValidationError:
            pass
        except LocalEntryNotFoundError as error:
            if allow_download:
                raise Transient("the hub does not answer", where=where, hint="run the same command again") from error
            tried += f", and the local cache of the hub for '{name}'"
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else "no answer"
            raise ModelError(
                f"the hub refuses it ({status})",
                where=where,
                hint="check the name, and whether it is open to you: `hf auth whoami`",
            ) from error
    raise ModelError(
        "is not on this machine, and nothing is downloaded without permission",
        where=where,
        tried=tried,
        hint=f"copy the model's folder to {path}, or fetch it with `hf download {name}`, "
        "or set tune.model.allow_download: true",
    )


def _refuse_incomplete(name: str, folder: Path) -> None:
    where = f"language model '{name}'"
    if not (folder / "config.json").is_file():
        raise ModelError("its folder has no config.json", where=where, tried=str(folder), hint="copy the whole folder")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            "its folder has no safetensors weights, and no others are read",
            where=where,
            tried=str(folder),
            hint="take a revision with *.safetensors, or convert it: "
            "`model.save_pretrained(folder)` in an environment of its own",
        )


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """What transformers says when a folder is not what it should be."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        text = (str(error).splitlines() or [type(error).__name__])[0][:300]
        own_code = "trust_remote_code" in str(error)
        raise ModelError(
            "it would need code of its own, which is never run" if own_code else f"cannot be loaded: {text}",
            where=f"language model '{name}'",
            hint="take a model whose architecture transformers has" if own_code else "copy or fetch its folder again",
        ) from error
