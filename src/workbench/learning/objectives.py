"""What is minimised for each task, and how a network's outputs become predictions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.learning.encoding import TargetCoder

__all__ = ["ensemble_loss", "loss", "predictions", "row_losses"]


def loss(task: str, outputs: Tensor, target: Tensor) -> Tensor:
    """The mean loss over rows and members: cross-entropy in nats, or the squared error of a standardised target.

    Args:
        task: binary, multiclass or regression.
        outputs: ``(b, members, outputs)``, logits or standardised values.
        target: ``(b,)``, float32; int64 class numbers for ``multiclass``.
    """
    import torch.nn.functional as F

    rows, members, _ = outputs.shape
    repeated = target.unsqueeze(1).expand(rows, members)
    if task == "multiclass":
        return F.cross_entropy(outputs.flatten(0, 1), repeated.flatten())
    if task == "binary":
        return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), repeated)
    return F.mse_loss(outputs.squeeze(-1), repeated)


def row_losses(task: str, outputs: Tensor, target: Tensor) -> Tensor:
    """Each row's part of :func:`loss`, which is their mean, for tables side by side.

    Args:
        task: binary, multiclass or regression.
        outputs: ``(tables, b, members, outputs)``.
        target: ``(tables, b)``.

    Returns:
        ``(tables, b)``: means over the members.
    """
    import torch.nn.functional as F

    repeated = target.unsqueeze(2).expand(outputs.shape[:3])
    if task == "multiclass":
        each = F.cross_entropy(outputs.flatten(0, 2), repeated.flatten(), reduction="none").view(repeated.shape)
    elif task == "binary":
        each = F.binary_cross_entropy_with_logits(outputs.squeeze(-1), repeated, reduction="none")
    else:
        each = F.mse_loss(outputs.squeeze(-1), repeated, reduction="none")
    return each.mean(2)


def ensemble_loss(task: str, outputs: Tensor, target: Tensor) -> Tensor:
    """The loss of the members' mean prediction, in float64: what tells when the ensemble is at its best.

    Members that disagree and are overfitted each for itself can still be better together, so the mean of their losses
    would stop too early. For one member it is :func:`loss`.
    """
    import torch.nn.functional as F

    exact = outputs.double()
    if task == "regression":
        return F.mse_loss(exact.squeeze(-1).mean(1), target.double())
    if task == "multiclass":
        chosen = target
    else:
        exact = F.pad(exact, (1, 0))  # the log-odds of 1, as two logits
        chosen = target.long()
    together = exact.log_softmax(-1).logsumexp(1) - math.log(outputs.shape[1])
    return F.nll_loss(together, chosen)


def predictions(target: TargetCoder, outputs: Tensor) -> Tensor:
    """The mean over the members of probabilities or of values in the target's unit, in float64.

    Returns:
        ``(b,)``: the probability of 1, or the value; ``(b, classes)``: probabilities that sum to 1.
    """
    exact = outputs.double()
    if target.task == "multiclass":
        return exact.softmax(-1).mean(1)
    if target.task == "binary":
        return exact.squeeze(-1).sigmoid().mean(1)
    return exact.squeeze(-1).mean(1) * target.scale + target.mean
