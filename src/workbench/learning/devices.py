"""Where a network runs, and how chance is kept in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["enough_memory", "half_precision", "pick_device", "seeded"]


def pick_device(name: str) -> torch.device:
    """``auto`` is CUDA if there is one, else the CPU.

    Raises:
        ModelError: the name is unknown, or there is no CUDA device.
    """
    import torch

    if name not in {"auto", "cpu", "cuda"}:
        raise ModelError(f"device '{name}' is unknown", tried="auto, cpu, cuda", hint="set train.device")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("torch sees no CUDA device", hint="set train.device to auto, or install a CUDA build of torch")
    return torch.device(name)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators, and put them back afterwards."""
    import torch

    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def half_precision(device: torch.device, *, wanted: bool = True) -> torch.autocast:
    """Matrix products of a training in bfloat16, where the processor has instructions for it: twice as quick.

    A GPU from Ampere on has them, and a CPU with AVX-512 BF16 or AMX; without them a CPU would be slower. bfloat16 has
    the range of float32, so that no loss has to be scaled. Weights, their mean, the last layer and the loss stay in
    float32, and so does all that is predicted.
    """
    import torch

    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported()
    else:
        known = torch.cpu.get_capabilities()
        has = bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has)


@contextmanager
def enough_memory(batch_size: int) -> Iterator[None]:
    """Translate CUDA's "out of memory", where a smaller batch did not help or cannot."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"memory does not hold the table and a batch; {batch_size:,} rows were halved as often as that goes",
            hint="free the GPU's memory of other processes, or set train.device to cpu",
        ) from error
