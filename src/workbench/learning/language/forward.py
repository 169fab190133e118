"""One forward pass over packed examples: the summed loss of their responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.language.adapters import causal
from workbench.learning.language.attention import packed_attention
from workbench.learning.language.packing import Pack, first_fit

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from workbench.learning.language.chat import Encoded

__all__ = ["autocast", "check_head", "mean_loss", "precision", "summed_loss"]


def precision(device: torch.device, *, frozen: bool) -> torch.dtype:
    """The type that weights are loaded in: bfloat16 on CUDA if they are frozen, else float32.

    Weights that learn stay in float32, and are rounded for each multiplication by :func:`autocast`: an update is often
    smaller than what bfloat16 can tell apart.
    """
    import torch

    return torch.bfloat16 if frozen and _has_bfloat16(device) else torch.float32


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 for multiplications where CUDA has it; nothing on a CPU."""
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16) if _has_bfloat16(device) else nullcontext()


def summed_loss(model: PreTrainedModel | PeftModel, pack: Pack) -> Tensor:
    """The sum of the cross-entropy of all response tokens of a pack, in nats. Call it within ``packed_attention``."""
    from workbench.learning.language.loss import summed_cross_entropy

    whole: Any = causal(model)
    hidden = whole.base_model(
        input_ids=pack.tokens, position_ids=pack.positions, use_cache=False, segments=pack.segments
    ).last_hidden_state
    head = whole.get_output_embeddings().weight
    return summed_cross_entropy(hidden[0].index_select(0, pack.asked), head, pack.targets)


def mean_loss(
    model: PreTrainedModel | PeftModel, examples: Sequence[Encoded], longest: int, device: torch.device
) -> float:
    """The mean cross-entropy of the examples' response tokens, in nats, without dropout."""
    import torch

    order = first_fit([len(example) for example in examples], range(len(examples)), longest)
    total, tokens = torch.zeros((), device=device), 0
    with _evaluating(model), packed_attention(causal(model)), torch.no_grad(), autocast(device):
        for members in order:
            pack = Pack.of([examples[index] for index in members], device)
            total += summed_loss(model, pack)
            tokens += len(pack.targets)
    return float(total) / tokens


def check_head(model: PreTrainedModel, examples: Iterable[Encoded], device: torch.device) -> None:
    """Hold our loss of a few short examples, packed, against what the model itself says of each alone.

    It catches an architecture whose logits are more than a linear layer of the last hidden state (scaled, capped), and
    one whose attention is not what ours is.

    Raises:
        ModelError: they differ.
    """
    import torch
    from torch.nn.functional import cross_entropy

    shortest = sorted(examples, key=len)[:2]
    own = torch.zeros((), device=device)
    with _evaluating(model), torch.no_grad():
        for example in shortest:
            tokens = torch.tensor([[*example.prompt, *example.response]], device=device)
            logits = model(input_ids=tokens, use_cache=False).logits[0, len(example.prompt) - 1 : -1].float()
            own += cross_entropy(logits, tokens[0, len(example.prompt) :], reduction="sum")
        with packed_attention(model):
            ours = summed_loss(model, Pack.of(shortest, device))
    if not torch.isclose(own, ours, rtol=0.02, atol=0.02):
        raise ModelError(
            f"architecture '{model.config.model_type}' computes its loss in another way "
            f"({own.item():.4g} against {ours.item():.4g})",
            hint="take another base model, such as a Llama, Qwen or Mistral",
        )


@contextmanager
def _evaluating(model: PreTrainedModel | PeftModel) -> Iterator[None]:
    training = model.training
    model.train(mode=False)
    try:
        yield
    finally:
        model.train(training)


def _has_bfloat16(device: torch.device) -> bool:
    import torch

    return device.type == "cuda" and torch.cuda.is_bf16_supported()
