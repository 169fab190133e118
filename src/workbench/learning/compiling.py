"""Whether a training's step is compiled: only where that is repaid by what is left of the training.

torch.compile (Ansel and others: "PyTorch 2", ASPLOS 2024) fuses what lies between the matrix products, and on CUDA
launches the whole step as one graph (``mode="reduce-overhead"``). It takes a minute or so, which a short training never
gets back. ``auto`` compiles on CUDA, between two epochs, when

    seconds that the epochs to come will take, as measured * (1 - 1 / gain) > 2 * seconds of compiling

- How many will come is not known. It is taken that training goes on as long as it has, and its patience at least.
- Gain and seconds are those measured the last time that this kind of network was compiled on such a device
  (``$XDG_CACHE_HOME/workbench/compiling.json``); before that, :data:`ASSUMED`.

On a CPU ``auto`` never compiles. A compiled step rounds differently, so whether it is must not hang on a clock there:
the same seed gives the same bits. ``on`` compiles from the first step on any device, and gives the same bits each time
on a CPU too. What was decided is in the checkpoint, and a training that goes on does as it did.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.files import durable_file

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["ASSUMED", "CompileSetting", "CompiledStep", "Figures", "epochs_to_come", "known_figures", "note_figures"]

CompileSetting = Literal["auto", "on", "off"]

Step = Callable[..., "Tensor"]

MARGIN = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """What compiling costs and brings.

    Attributes:
        seconds: from the first call to the first result.
        gain: times as quick a step is afterwards.
    """

    seconds: float
    gain: float

    def repaid(self, seconds_to_come: float) -> bool:
        """Whether compiling is repaid, with a margin, by a training that would go on so long without it."""
        return seconds_to_come * (1 - 1 / self.gain) > MARGIN * self.seconds


ASSUMED = Figures(seconds=60.0, gain=1.3)
"""Until something has been measured. Nothing has been, on CUDA, where this was written."""


def epochs_to_come(epoch: int, best: int, patience: int, most: int) -> int:
    """As many as there were, and those of patience that are left at least; never more than are allowed."""
    return min(max(epoch, patience - (epoch - best)), most - epoch)


def figures_key(device: torch.device, network: str) -> str:
    """What figures are measured for: the device, the version of torch, the kind of network."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return f"{name}, torch {torch.__version__}, {network}"


def known_figures(key: str) -> Figures:
    """What was measured last, else :data:`ASSUMED`."""
    try:
        found = json.loads(_cache().read_text(encoding="utf-8"))[key]
        figures = Figures(float(found["seconds"]), float(found["gain"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ASSUMED
    return figures if figures.seconds > 0 and figures.gain > 0 else ASSUMED


def note_figures(key: str, figures: Figures) -> None:
    """Keep what was measured. A cache that cannot be written is done without."""
    path = _cache()
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    try:
        with durable_file(path) as staging:
            staging.write_text(json.dumps({**known, key: asdict(figures)}, indent=1), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a cache, the training is not
        logger.debug("what compiling costs could not be kept: %s", error)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench" / "compiling.json"


class CompiledStep:
    """A function of a batch, compiled when it is first called; where that cannot be done, itself, and a line says so.

    Args:
        step: maps tensors, whose first axes are the rows of a batch, to a loss.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, step: Step, device: torch.device) -> None:
        import torch

        self.step, self.device = step, device
        self.compiled: Step | None = torch.compile(step, mode="reduce-overhead" if device.type == "cuda" else None)

    def __call__(self, *batch: Tensor) -> Tensor:
        """The loss."""
        if self.compiled is None:
            return self.step(*batch)
        import torch
        from torch._dynamo import maybe_mark_dynamic
        from torch._dynamo.exc import TorchDynamoException

        for part in batch:  # batches of an epoch differ by a row: one program for all of them
            maybe_mark_dynamic(part, 0)
        if self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        try:
            return self.compiled(*batch)
        except TorchDynamoException as error:
            why = str(error).strip().splitlines() or [type(error).__name__]
            logger.warning("the training is not compiled, and goes on as it is: %s", why[0][:200])
            self.compiled = None
            return self.step(*batch)
