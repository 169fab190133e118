from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.learning.language.loss import summed_cross_entropy

TOKENS, SIZE, VOCABULARY = 23, 8, 50


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    hidden = torch.randn(TOKENS, SIZE, generator=chance, dtype=torch.float64)
    head = torch.randn(VOCABULARY, SIZE, generator=chance, dtype=torch.float64)
    return hidden, head, torch.randint(VOCABULARY, (TOKENS,), generator=chance)


@pytest.mark.parametrize("chunk", [1, 5, 23, 100, None])
@pytest.mark.parametrize("frozen", [False, True])
def test_loss_and_gradients_are_those_of_the_plain_one(problem: Any, chunk: int | None, frozen: bool) -> None:
    hidden, head, targets = problem
    ours = hidden.clone().requires_grad_(), head.clone().requires_grad_(not frozen)
    plain = hidden.clone().requires_grad_(), head.clone().requires_grad_()
    loss = summed_cross_entropy(*ours, targets, chunk=chunk)
    expected = cross_entropy(plain[0] @ plain[1].T, targets, reduction="sum")
    (loss * 0.3).backward()
    (expected * 0.3).backward()
    torch.testing.assert_close(loss, expected.float())
    torch.testing.assert_close(ours[0].grad, plain[0].grad, rtol=1e-5, atol=1e-6)
    if frozen:
        assert ours[1].grad is None
    else:
        torch.testing.assert_close(ours[1].grad, plain[1].grad, rtol=1e-5, atol=1e-6)


def test_without_gradients_it_is_the_same_loss(problem: Any) -> None:
    hidden, head, targets = problem
    with torch.no_grad():
        loss = summed_cross_entropy(hidden, head, targets, chunk=4)
    torch.testing.assert_close(loss, cross_entropy(hidden @ head.T, targets, reduction="sum").float())


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation gave out."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else [out]:
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        return out


def test_the_logits_are_never_there_as_a_whole(problem: Any) -> None:
    hidden, head, targets = problem
    with Largest() as seen:
        summed_cross_entropy(hidden.requires_grad_(), head.requires_grad_(), targets, chunk=4).backward()
    assert seen.numbers == max(4 * VOCABULARY, VOCABULARY * SIZE) < TOKENS * VOCABULARY


def test_logits_as_large_as_a_float_allows_are_no_infinity() -> None:
    hidden = torch.tensor([[1e4]], requires_grad=True)
    loss = summed_cross_entropy(hidden, torch.tensor([[1e4], [-1e4]]), torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0
    assert hidden.grad is not None
    assert hidden.grad.isfinite().all()
