"""A tuned model: asked, measured, kept on disk.

In its folder, ``tuned.json`` says what it is a tuning of; adapters lie in ``adapter_model.safetensors`` in peft's own
form, or all weights in ``model*.safetensors`` in transformers'; the tokenizer with its chat template beside them; and
``manifest.json`` has the sha256 of each file. Which classes read them is said here, never by the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.language.base import BaseModel
from workbench.learning.language.checkpoints import checked_files, read_weights, write_checked
from workbench.learning.language.config import TuneConfig, TuneReport

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.learning.language.chat import Messages

__all__ = ["RECORD", "Record", "Tuned", "TunedFolder"]

FORMAT = 1
RECORD, ADAPTERS, ADAPTER_CONFIG = "tuned.json", "adapter_model.safetensors", "adapter_config.json"
_HINT = "tune it again: `kedro run --pipeline tune`"


@dataclass(frozen=True)
class Record:
    """What a tuned model is a tuning of.

    Attributes:
        base: the base model's name.
        revision: of a hub id.
        base_sha256: of the base's configuration and weights.
        config: how it was tuned.
        history: what each round brought.
        merged: whether its folder holds all weights: nothing of the base is needed.
    """

    base: str
    revision: str | None
    base_sha256: str
    config: TuneConfig
    history: tuple[TuneReport, ...] = ()
    merged: bool = False

    def with_history(self, history: Sequence[TuneReport]) -> Record:
        """The same with a history."""
        return replace(self, history=tuple(history))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        record = {**asdict(self), "config": self.config.to_dict(), "format": FORMAT}
        return record | {"history": [report.to_dict() for report in self.history]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Record:
        """What :meth:`to_dict` wrote."""
        fields = dict(record)
        if fields.pop("format") != FORMAT:
            raise ValueError("format")
        history = tuple(TuneReport.from_dict(report) for report in fields.pop("history"))
        return cls(config=TuneConfig.from_dict(fields.pop("config")), history=history, **fields)


@dataclass
class Tuned:
    """A tuned model in memory, in evaluation mode.

    Attributes:
        model: with adapters, or all weights.
        tokenizer: the base's.
        base: what it is a tuning of.
        record: for its folder.
        device: where it lies.
    """

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    base: BaseModel
    record: Record
    device: torch.device

    def answer(self, prompts: Sequence[Messages], *, max_new_tokens: int, batch_size: int = 8) -> list[str]:
        """Greedy answers to messages that end with a user's."""
        from workbench.learning.language.answers import answer

        return answer(self.model, self.tokenizer, prompts, max_new_tokens=max_new_tokens, batch_size=batch_size)

    def loss(self, examples: Sequence[Messages]) -> float:
        """Mean cross-entropy of the responses' tokens, in nats; examples that are too long do not count."""
        from workbench.learning.language.chat import encode
        from workbench.learning.language.forward import mean_loss

        longest = self.record.config.sequence_length
        encoded = [one for one in (encode(self.tokenizer, messages) for messages in examples) if len(one) <= longest]
        return mean_loss(self.model, encoded, longest, self.device) if encoded else float("nan")

    @contextmanager
    def as_base(self) -> Iterator[Tuned]:
        """In the block, the base model answers: the adapters are off, or the base is loaded beside."""
        from peft import PeftModel

        if isinstance(self.model, PeftModel):
            with self.model.disable_adapter():
                yield self
            return
        model = self.base.open(self.device, self.model.dtype)
        yield replace(self, model=model)

    def save(self, folder: Path) -> None:
        """Write it durably, in place of whatever the folder held."""
        from peft import PeftModel

        adapters = isinstance(self.model, PeftModel)
        merged = not adapters or self.record.config.merge
        record = replace(self.record, merged=merged)

        def fill(staging: Path) -> None:
            if merged:
                (self._merged() if adapters else self.model).save_pretrained(str(staging))
            else:
                self._save_adapters(staging)
            self.tokenizer.save_pretrained(staging)
            text = json.dumps(record.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            (staging / RECORD).write_text(text, encoding="utf-8")

        write_checked(folder, fill)

    def _save_adapters(self, staging: Path) -> None:
        from peft import get_peft_model_state_dict
        from safetensors.torch import save_file

        # Without `save_embedding_layers`, peft would ask the hub whether the vocabulary was changed.
        weights = get_peft_model_state_dict(self.model, save_embedding_layers=False)
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, staging / ADAPTERS)
        found: Any = self.model.peft_config["default"]
        # The same model gives the same bytes: no set in the order of this process, no path of this machine.
        record = self.record
        ours = {"base_model_name_or_path": record.base, "revision": record.revision, "inference_mode": True}
        text = json.dumps(found.to_dict() | ours, indent=1, sort_keys=True, default=sorted) + "\n"
        (staging / ADAPTER_CONFIG).write_text(text, encoding="utf-8")

    def _merged(self) -> PreTrainedModel:
        """A copy of the base with the adapters added to its weights; this model keeps them apart."""
        import torch

        from workbench.learning.language.adapters import add_adapters, load_trained, trained

        with torch.random.fork_rng(devices=[]):  # adapters are drawn before they are overwritten
            base = self.base.open(torch.device("cpu"), next(iter(self.model.parameters())).dtype)
            copy = add_adapters(base, self.record.config)
        load_trained(copy, {name: value.detach().cpu() for name, value in trained(self.model).items()})
        merged: PreTrainedModel = copy.merge_and_unload()
        return merged


@dataclass(frozen=True)
class TunedFolder:
    """A tuned model on disk, checked against its manifest.

    Attributes:
        folder: where.
        record: what it is a tuning of.
        base: that.
    """

    folder: Path
    record: Record
    base: BaseModel

    @classmethod
    def check(cls, folder: Path, find: Callable[[str, str | None], BaseModel]) -> TunedFolder:
        """Check a folder.

        Args:
            folder: what :meth:`Tuned.save` wrote.
            find: from name and revision to the base model.

        Raises:
            ModelError: it is missing, was changed, or its base is not the one that it was tuned from.
        """
        if not folder.is_dir():
            raise ModelError(f"there is no tuned model in {folder}", hint=_HINT)
        checked_files(folder, _HINT)
        try:
            record = Record.from_dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{RECORD} is not what this version writes", where=str(folder), hint=_HINT) from error
        base = find(record.base, record.revision)
        if base.digest() != record.base_sha256:
            raise ModelError(
                f"the base model '{record.base}' is not the one that it was tuned from (sha256 differs)",
                where=str(folder),
                hint="bring that one back, or tune again",
            )
        return cls(folder, record, base)

    def open(self, device: str = "auto") -> Tuned:
        """Load it."""
        import torch

        from workbench.learning.devices import pick_device
        from workbench.learning.language.adapters import add_adapters
        from workbench.learning.language.forward import precision

        where = pick_device(device)
        own = BaseModel(str(self.folder), self.folder)
        tokenizer = own.tokenizer()
        if self.record.merged:
            model = own.open(where, precision(where, frozen=True))
            return Tuned(model, tokenizer, self.base, self.record, where)
        with torch.random.fork_rng(devices=[]):  # adapters are drawn before they are overwritten
            adapted = add_adapters(self.base.open(where, precision(where, frozen=True)), self.record.config)
        _load_adapters(adapted, self.folder)
        return Tuned(adapted.eval(), tokenizer, self.base, self.record, where)


def _load_adapters(model: PeftModel, folder: Path) -> None:
    from peft import set_peft_model_state_dict

    loaded: Any = set_peft_model_state_dict(model, read_weights(folder / ADAPTERS))
    missing = [name for name in loaded.missing_keys if "lora_" in name]
    if missing or loaded.unexpected_keys:
        raise ModelError("its adapters do not fit the base model", where=str(folder), hint=_HINT)
