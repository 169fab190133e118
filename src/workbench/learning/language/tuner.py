"""The loop, straight down: encode, restore, then rounds of steps until epochs or budget are used up.

- Examples are packed (``packing.py``), attend to themselves alone (``attention.py``), and only their responses count
  (``loss.py``). The loss of a step is the mean over all of its response tokens, however they are packed.
- AdamW (Loshchilov, Hutter, ICLR 2019), fused; the rate rises linearly, then falls as a cosine.
- A round ends with validation and a checkpoint (``checkpoints.py``). The round with the lowest validation loss is the
  result, whatever came later; if no round is better than the base model, the result is the base model.
- ``kill -9`` and the same command again goes on after the last round; on a CPU, to the same bits.
- When CUDA's memory runs out, gradient checkpointing is turned on and the step is done again; then it is an error.
"""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.language.checkpoints import State, load_checkpoint, restore_optimizer, save_checkpoint
from workbench.learning.language.config import Stop, TuneConfig, TuneReport
from workbench.learning.language.packing import Pack, steps_of
from workbench.learning.language.plan import adamw, encoded, fingerprint, rate

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from workbench.learning.language.base import BaseModel
    from workbench.learning.language.chat import Encoded, Messages
    from workbench.learning.language.tuned import Tuned

__all__ = ["Loop", "tune"]

_LOG = logging.getLogger(__name__)


def tune(  # noqa: PLR0917 - what, then how
    base: BaseModel,
    train: Sequence[Messages],
    validation: Sequence[Messages],
    config: TuneConfig | None = None,
    work: Path | None = None,
    on_round: Callable[[TuneReport], None] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Tuned:
    """Tune a base model.

    Args:
        base: which.
        train: the examples to learn, each a list of messages that ends with the assistant's.
        validation: the examples that choose the round.
        config: how.
        work: a folder for checkpoints; None: an interrupted training begins anew.
        on_round: told of each round as it ends, after its checkpoint is on disk.
        clock: seconds; the budget is measured by it.

    Raises:
        ModelError: the base cannot be tuned like this, a loss is not a number, or memory ran out.
        DataError: no example is short enough.
    """
    from workbench.learning.devices import pick_device, seeded
    from workbench.learning.language.adapters import add_adapters, load_trained
    from workbench.learning.language.forward import check_head, precision
    from workbench.learning.language.tuned import Record, Tuned

    config = config or TuneConfig()
    device = pick_device(config.device)
    tokenizer = base.tokenizer()
    learned, judged = (
        encoded(tokenizer, fold, config.sequence_length, name)
        for fold, name in ((train, "training"), (validation, "validation"))
    )
    record = Record(base.name, base.revision, base.digest(), config)
    with seeded(config.seed, device):
        opened = base.open(device, precision(device, frozen=config.method == "lora"))
        check_head(opened, learned, device)
        model = add_adapters(opened, config) if config.method == "lora" else opened.requires_grad_(requires_grad=True)
        loop = Loop(model, learned, judged, config, device, work, clock)
        weights, history = loop.run(fingerprint(record, learned, judged), on_round or (lambda _: None))
        load_trained(model, weights)
    return Tuned(model.eval(), tokenizer, base, record.with_history(history), device)


class Loop:
    """What changes while a model is tuned."""

    def __init__(  # noqa: PLR0917
        self,
        model: PreTrainedModel | PeftModel,
        train: Sequence[Encoded],
        validation: Sequence[Encoded],
        config: TuneConfig,
        device: torch.device,
        work: Path | None,
        clock: Callable[[], float],
    ) -> None:
        from workbench.learning.language.adapters import trained

        self.model, self.train, self.validation = model, train, validation
        self.config, self.device, self.work, self.clock = config, device, work, clock
        self.learning = trained(model)
        self.optimizer = adamw(self.learning, config)
        self.steps, self.ends = steps_of(
            [len(example) for example in train],
            epochs=config.epochs,
            longest=config.sequence_length,
            packs_per_step=config.packs_per_step,
            seed=config.seed,
        )
        self.state = State("")
        self.best: dict[str, Tensor] = {}
        self.began = clock()
        if config.gradient_checkpointing == "on":
            self._save_memory()

    def run(
        self, fingerprint: str, on_round: Callable[[TuneReport], None]
    ) -> tuple[dict[str, Tensor], list[TuneReport]]:
        """Train until there is a reason to stop; the best parameters, and what each round brought."""
        from workbench.learning.language.adapters import causal
        from workbench.learning.language.attention import packed_attention

        if not self._restored(fingerprint):
            self.state = State(fingerprint)
            self._round(None, on_round)
        self.model.train()
        with packed_attention(causal(self.model)):
            losses: list[float] = []
            while self.state.history[-1].stopped is None:
                losses.append(self.step(self.steps[self.state.step]))
                self.state.step += 1
                ended = self.state.step in self.ends or self.state.step % self.config.steps_per_round == 0
                if ended or self._spent():
                    self._round(sum(losses) / len(losses), on_round)
                    losses = []
        return self.best, self.state.history

    def step(self, packs: Sequence[Sequence[int]]) -> float:
        """One update of the weights; the mean loss of its response tokens."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * rate(self.state.step, len(self.steps), self.config.warmup)
        while True:
            try:
                loss, tokens = self._gradients(packs)
                break
            except torch.OutOfMemoryError as error:
                self._make_room(error)
        if not math.isfinite(loss):
            numbers = ", ".join(str(index + 1) for pack in packs for index in pack)
            raise ModelError(
                f"the training loss became {loss} at step {self.state.step + 1}",
                tried=f"the examples {numbers} of those that are short enough",
                hint="set tune.train.learning_rate ten times lower",
            )
        torch.nn.utils.clip_grad_norm_(self.learning.values(), self.config.clip)
        self.optimizer.step()
        self.state.tokens += tokens
        return loss

    def _gradients(self, packs: Sequence[Sequence[int]]) -> tuple[float, int]:
        """The gradients of the mean loss of all response tokens; it, and how many tokens went through the model."""
        import torch

        from workbench.learning.language.forward import autocast, summed_loss

        self.optimizer.zero_grad(set_to_none=True)
        responses = sum(len(self.train[index].response) for pack in packs for index in pack)
        total, tokens = torch.zeros((), device=self.device), 0
        for members in packs:
            pack = Pack.of([self.train[index] for index in members], self.device)
            with autocast(self.device):
                loss = summed_loss(self.model, pack) / responses
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
            tokens += pack.tokens.shape[1]
        return float(total), tokens

    def _round(self, train_loss: float | None, on_round: Callable[[TuneReport], None]) -> None:
        """Validate, keep the best, write the checkpoint, tell."""
        from workbench.learning.language.forward import mean_loss

        began, state = self.clock(), self.state
        value = mean_loss(self.model, self.validation, self.config.sequence_length, self.device)
        if not math.isfinite(value):
            raise ModelError(f"the validation loss became {value}", hint="set tune.train.learning_rate ten times lower")
        better = value < state.best_loss
        if better:
            state.best_loss, state.best_step = value, state.step
            self.best = {name: parameter.detach().cpu().clone() for name, parameter in self.learning.items()}
        report = TuneReport(
            state.step, len(self.steps), train_loss, value, state.tokens, better, self._stop(), self._seconds()
        )
        state.history.append(report)
        if self.work is not None:
            before, state.seconds = state.seconds, self._seconds()
            save_checkpoint(self.work, state, self.learning, self.optimizer, self.best)
            state.seconds = before
        state.judging = self.clock() - began
        on_round(report)

    def _restored(self, fingerprint: str) -> bool:
        """Whether there is a checkpoint of this very training; if so, take it up."""
        from workbench.learning.language.adapters import load_trained

        if self.work is None:
            return False
        found = load_checkpoint(self.work, fingerprint)
        if found is None:
            if self.work.exists():
                shutil.rmtree(self.work)
            return False
        self.state, weights, optimizer, self.best = found
        if self.state.history[-1].stopped == "budget" and not self._spent():
            self.state.history[-1] = replace(self.state.history[-1], stopped=None)
        load_trained(self.model, weights)
        restore_optimizer(self.optimizer, optimizer)
        _LOG.info("going on after step %d of %d", self.state.step, len(self.steps))
        return True

    def _seconds(self) -> float:
        return self.state.seconds + self.clock() - self.began

    def _spent(self) -> bool:
        return self._seconds() + self.state.judging >= self.config.budget_seconds

    def _stop(self) -> Stop | None:
        if self.state.step == len(self.steps):
            return "epochs"
        return "budget" if self._spent() else None

    def _make_room(self, error: torch.OutOfMemoryError) -> None:
        from workbench.learning.language.adapters import causal

        if self.config.gradient_checkpointing == "off" or causal(self.model).is_activation_checkpointing:
            raise ModelError(
                f"the GPU's memory does not hold sequences of {self.config.sequence_length} tokens",
                hint="set tune.train.sequence_length lower, or method to lora"
                + ("" if self.config.gradient_checkpointing != "off" else ", or gradient_checkpointing to auto"),
            ) from error
        _LOG.warning("the GPU's memory ran out: from here on activations are computed twice instead of kept")
        self._save_memory()

    def _save_memory(self) -> None:
        import torch

        from workbench.learning.language.adapters import causal

        self.optimizer.zero_grad(set_to_none=True)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        # Not reentrant: the reentrant kind gives no gradient when the embeddings are frozen, as they are with LoRA.
        inner: Any = causal(self.model)
        inner.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
