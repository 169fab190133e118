"""A step of a training: forwards, backwards, the weights moved, and their running mean after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from workbench.learning.averaging import RunningMean
from workbench.learning.compiling import CompiledStep

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from workbench.learning.checkpoint import Checkpoint
    from workbench.learning.networks.model import NetworkModel
    from workbench.learning.tensors import TensorTable
    from workbench.learning.together import Crew

__all__ = ["Stepper", "halved"]

logger = logging.getLogger(__name__)


class Stepper:
    """What learns from one batch after the other.

    Args:
        model: its network is trained in place.
        device: where it lies.
        crew: the processes that train together.

    Attributes:
        average: the running mean of the weights.
        compiled: whether the step is.
    """

    def __init__(self, model: NetworkModel, device: torch.device, crew: Crew) -> None:
        import torch

        config = model.config
        self.task, self.config, self.device, self.crew = model.columns.task, config, device, crew
        self.network: nn.Module = model.network
        self.average = RunningMean(self.network, config.averaging)
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.losses: Callable[..., Tensor] = self._losses
        self.compiled = False

    def __call__(self, table: TensorTable, batch_index: Tensor) -> Tensor | None:
        """Learn from some rows; the loss of this process's part, or None if memory did not hold them."""
        import torch

        from workbench.learning.devices import half_precision

        self.optimizer.zero_grad()
        index = self.crew.part(batch_index)
        try:
            batch, target = table.batch(index)
            with half_precision(self.device, wanted=self.config.half):
                value = self.losses(*batch, target)
            value.backward()  # type: ignore[no-untyped-call]
        except torch.OutOfMemoryError:
            if len(index) == 1 or self.crew.size > 1:  # the others would wait for ever
                raise
            return None
        self.crew.share_gradients(self.parameters, len(index) / len(batch_index))
        torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clipping)
        self.optimizer.step()
        self.average.update()
        # A compiled step on CUDA writes its next loss where this one lies.
        return value.detach().clone() if self.compiled else value.detach()

    def compile(self) -> None:
        """From now on."""
        if not self.compiled:
            self.compiled = True
            self.losses = CompiledStep(self._losses, self.device)

    def tensors(self) -> Mapping[str, Tensor]:
        """Weights, their mean, and the optimiser's moments, for a checkpoint."""
        parts = {"weights": self.network.state_dict(), "average": self.average.network.state_dict()}
        tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors.update({f"optimizer/{number}/{name}": value for name, value in state.items()})
        return tensors

    def resume(self, found: Checkpoint) -> None:
        """Stand where a checkpoint was made."""
        self.network.load_state_dict(found.part("weights"))
        self.average.network.load_state_dict(found.part("average"))
        self.average.steps = int(found.record["steps"])
        if found.record.get("compiled"):
            self.compile()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in found.part("optimizer").items():
            number, name = key.split("/")
            state.setdefault(int(number), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _losses(self, numeric: Tensor, flags: Tensor, codes: Tensor, target: Tensor) -> Tensor:
        """The mean loss of a batch."""
        from workbench.learning.objectives import loss

        outputs = self.network(numeric, flags, codes)
        return loss(self.task, outputs.float(), target)


def halved(rows: int) -> int:
    """Half a batch that memory does not hold, and a line that says so."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    logger.warning("memory does not hold a batch of %s rows: going on with %s", f"{rows:,}", f"{rows // 2:,}")
    return rows // 2
