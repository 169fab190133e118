from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ModelError
from workbench.learning.language import BaseModel
from workbench.learning.language.attention import Segments, packed_attention
from workbench.learning.language.chat import Encoded
from workbench.learning.language.forward import check_head, mean_loss, summed_loss
from workbench.learning.language.packing import Pack, first_fit, steps_of

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

CPU = torch.device("cpu")


def examples(lengths: list[tuple[int, int]]) -> list[Encoded]:
    chance = torch.Generator().manual_seed(1)
    return [
        Encoded(*(tuple(torch.randint(3, 200, (size,), generator=chance).tolist()) for size in pair))
        for pair in lengths
    ]


LENGTHS = [(5, 3), (1, 1), (9, 7), (2, 14), (16, 1), (3, 4), (30, 20)]


@pytest.fixture(scope="module")
def model(base: BaseModel) -> LlamaForCausalLM:
    return base.open(CPU, torch.float64)


def plain_loss(model: Any, example: Encoded) -> torch.Tensor:
    """transformers' own loss of one example alone."""
    tokens = torch.tensor([[*example.prompt, *example.response]])
    labels = tokens.clone()
    labels[0, : len(example.prompt)] = -100
    return model(input_ids=tokens, labels=labels).loss * len(example.response)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    found = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    return found


def test_a_packs_loss_and_gradients_are_those_of_its_examples_alone(model: LlamaForCausalLM) -> None:
    several = examples(LENGTHS)
    apart = sum(plain_loss(model, example) for example in several)
    expected = gradients(model, apart)
    with packed_attention(model):
        together = summed_loss(model, Pack.of(several, CPU))
    assert together.item() == pytest.approx(apart.item(), rel=1e-5)
    for name, value in gradients(model, together).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def test_no_token_sees_another_example(model: LlamaForCausalLM) -> None:
    first, second, third = examples([(4, 6), (7, 5), (3, 9)])
    changed = Encoded(tuple(token + 1 for token in first.prompt), tuple(token + 1 for token in first.response))
    hidden = []
    with packed_attention(model), torch.no_grad():
        for one in (first, changed):
            pack = Pack.of([one, second, third], CPU)
            hidden.append(
                model.model(
                    input_ids=pack.tokens, position_ids=pack.positions, segments=pack.segments
                ).last_hidden_state
            )
    assert not torch.equal(hidden[0][0, :10], hidden[1][0, :10])
    assert torch.equal(hidden[0][0, 10:], hidden[1][0, 10:])


def test_only_the_responses_tokens_are_asked_for() -> None:
    pack = Pack.of([Encoded((1, 2, 3), (4, 5)), Encoded((6,), (7, 8, 9))], CPU)
    assert pack.tokens.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    assert pack.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3]]
    assert pack.asked.tolist() == [2, 3, 5, 6, 7]
    assert pack.targets.tolist() == [4, 5, 7, 8, 9]


def test_attention_is_what_it_was_after_the_block(model: LlamaForCausalLM) -> None:
    with pytest.raises(RuntimeError), packed_attention(model):
        raise RuntimeError
    assert model.config._attn_implementation == "sdpa"


def test_a_validation_loss_is_the_mean_over_tokens(model: LlamaForCausalLM) -> None:
    several = examples(LENGTHS)
    with torch.no_grad():
        total = sum(plain_loss(model, example).item() for example in several)
    tokens = sum(len(example.response) for example in several)
    assert mean_loss(model, several, 64, CPU) == pytest.approx(total / tokens, rel=1e-5)


TINY = {"vocab_size": 210, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def test_other_architectures_pack_too() -> None:
    from transformers import GemmaConfig, GemmaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    several = examples(LENGTHS)
    models = [
        Qwen2ForCausalLM(Qwen2Config(**TINY, num_key_value_heads=1)),
        GemmaForCausalLM(GemmaConfig(**TINY, num_key_value_heads=1, head_dim=16)),
    ]
    for one in models:
        check_head(one.eval(), several, CPU)


def test_an_architecture_whose_loss_is_another_is_refused(model: LlamaForCausalLM) -> None:
    def scaled(module: Any, arguments: Any, output: torch.Tensor) -> torch.Tensor:
        return output * 2

    check_head(model, examples(LENGTHS), CPU)
    handle = model.lm_head.register_forward_hook(scaled)
    try:
        with pytest.raises(ModelError, match="computes its loss in another way"):
            check_head(model, examples(LENGTHS), CPU)
    finally:
        handle.remove()


def test_a_window_shorter_than_an_example_is_refused() -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(**TINY, num_key_value_heads=1, sliding_window=8, use_sliding_window=True, max_window_layers=0)
    one = Qwen2ForCausalLM(config)
    with packed_attention(one), pytest.raises(ModelError, match="longer than the model's attention window of 8"):
        summed_loss(one, Pack.of(examples(LENGTHS), CPU))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_segments_put_every_token_back(lengths: list[int]) -> None:
    segments = Segments.of(lengths, CPU)
    row = torch.arange(sum(lengths))
    if segments.groups:
        out = torch.cat([row[group.gather][group.keep] for group in segments.groups])
        assert torch.equal(out[segments.back], row)
        # Padding to the next power of two, at most: less than half of it is padding.
        assert sum(group.gather.numel() for group in segments.groups) < 2 * len(row)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=300), st.integers(0, 5))
def test_every_example_is_in_one_pack_and_no_pack_is_too_long(lengths: list[int], seed: int) -> None:
    packs = first_fit(lengths, range(len(lengths)), 50)
    assert sorted(index for pack in packs for index in pack) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in pack) <= 50 for pack in packs)
    # No two packs fit into one, as long as both were open.
    if len(packs) <= 64:
        sizes = sorted(sum(lengths[index] for index in pack) for pack in packs)
        assert len(sizes) == 1 or sizes[0] + sizes[1] > 50


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 7), st.integers(1, 3))
def test_an_epoch_sees_every_example_once(lengths: list[int], packs_per_step: int, epochs: int) -> None:
    steps, ends = steps_of(lengths, epochs=epochs, longest=50, packs_per_step=packs_per_step, seed=1)
    assert (steps, ends) == steps_of(lengths, epochs=epochs, longest=50, packs_per_step=packs_per_step, seed=1)
    assert all(1 <= len(step) <= packs_per_step for step in steps)
    begin = 0
    for end in sorted(ends):
        seen = sorted(index for step in steps[begin:end] for pack in step for index in pack)
        assert seen == list(range(len(lengths)))
        begin = end
    assert begin == len(steps)
