from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.errors import DataError, ModelError
from workbench.learning.language import BaseModel, TuneConfig, Tuned, TuneReport, tune
from workbench.learning.language import tuner as tuner_module
from workbench.learning.language.adapters import trained
from workbench.learning.language.plan import rate

LEARN = TuneConfig(
    epochs=60, learning_rate=5e-3, sequence_length=64, packs_per_step=4, steps_per_round=40, lora_rank=8, device="cpu"
)
ANSWERS = ["rouge", "vert", "bleu", "noir", "blanc", "brun", "rose", "gris"]


def asked(tuned: Tuned, colours: Any) -> list[str]:
    return tuned.answer([messages[:-1] for messages in colours], max_new_tokens=8, batch_size=3)


def weights(tuned: Tuned) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in tuned.model.named_parameters()}


@pytest.fixture(scope="module")
def lora(base: BaseModel, colours: Any) -> Tuned:
    return tune(base, colours, colours, LEARN)


def test_adapters_learn_the_examples_and_off_they_are_the_base(lora: Tuned, base: BaseModel, colours: Any) -> None:
    first, *_, last = lora.record.history
    assert first.step == 0
    assert first.validation_loss > 4
    assert min(report.validation_loss for report in lora.record.history) < 0.1
    assert last.stopped == "epochs"
    assert asked(lora, colours) == ANSWERS
    untouched = Tuned(base.open(lora.device, torch.float32), lora.tokenizer, base, lora.record, lora.device)
    with lora.as_base() as off:
        assert asked(off, colours) == asked(untouched, colours) != ANSWERS
        assert off.loss(colours) == pytest.approx(first.validation_loss, rel=1e-6)
    assert asked(lora, colours) == ANSWERS
    assert all("lora_" in name for name in trained(lora.model))


def test_all_weights_learn_the_examples(base: BaseModel, colours: Any) -> None:
    full = tune(
        base, colours, colours, TuneConfig(**vars(LEARN) | {"method": "full", "learning_rate": 3e-3, "epochs": 20})
    )
    assert full.loss(colours) < 0.1
    assert asked(full, colours) == ANSWERS
    with full.as_base() as off:
        assert asked(off, colours) != ANSWERS
    assert len(trained(full.model)) == len(list(full.model.parameters()))


def test_the_best_round_is_the_result_also_when_it_is_not_the_last(base: BaseModel, colours: Any, quick: Any) -> None:
    # The validation examples say the opposite of what is learned, so they get worse from some round on.
    wrong = [[one[0], {"role": "assistant", "content": "rouge"}] for one in colours]
    tuned = tune(base, colours, wrong, quick(epochs=12))
    best = min(tuned.record.history, key=lambda report: report.validation_loss)
    assert 0 < best.step < tuned.record.history[-1].step
    assert [report.best for report in tuned.record.history][tuned.record.history.index(best)]
    assert tuned.loss(wrong) == pytest.approx(best.validation_loss, rel=1e-5)


def test_the_same_seed_gives_the_same_bits(base: BaseModel, colours: Any, quick: Any) -> None:
    one, two, other = (tune(base, colours, colours, quick(lora_dropout=0.1, seed=seed)) for seed in (1, 1, 2))
    assert one.record == two.record
    mine, others = weights(one), weights(other)
    assert all(torch.equal(value, mine[name]) for name, value in weights(two).items())
    assert not all(torch.equal(value, mine[name]) for name, value in others.items())


KILLED = """
import json, os, signal, sys
from pathlib import Path
from workbench.learning.language import BaseModel, TuneConfig, tune
from workbench.learning.language import checkpoints

where, folder, work, config, examples = sys.argv[1:]
config, examples = TuneConfig(**json.loads(config)), json.loads(examples)
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
seen = 0

if where == "before the checkpoint is there":
    write = checkpoints.write_checked
    def write_checked(target, fill):
        global seen
        seen += target.name == "checkpoint"
        if target.name == "checkpoint" and seen == 4:
            kill()
        write(target, fill)
    checkpoints.write_checked = write_checked
if where == "in the middle of a file":
    import safetensors.torch
    save = safetensors.torch.save_file
    def save_file(tensors, path):
        global seen
        seen += Path(path).name == "optimizer.safetensors"
        if seen == 3:
            Path(path).write_bytes(b"half")
            kill()
        save(tensors, path)
    safetensors.torch.save_file = save_file
tune(BaseModel.find("models/base", Path(folder)), examples, examples, config, Path(work))
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before the checkpoint is there", "in the middle of a file"])
def test_killed_and_begun_again_it_ends_with_the_same_bits(
    base: BaseModel, colours: Any, quick: Any, tmp_path: Path, where: str
) -> None:
    # With dropout, so that the random generators count; 2 of 3 steps into an epoch, so that the order counts.
    config = quick(lora_dropout=0.1, sequence_length=32, epochs=3)
    unbroken = tune(base, colours, colours, config)
    arguments = [where, str(base.folder), str(tmp_path / "work"), json.dumps(vars(config)), json.dumps(colours)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    told: list[TuneReport] = []
    resumed = tune(base, colours, colours, config, tmp_path / "work", told.append)
    assert 0 < told[0].step < told[-1].step
    assert told[0].step > 2, "it began anew"
    assert resumed.record == unbroken.record
    expected = weights(unbroken)
    assert all(torch.equal(value, expected[name]) for name, value in weights(resumed).items())
    assert not list((tmp_path / "work").glob(".staging-*"))
    assert len(list((tmp_path / "work").glob("best-*"))) == 1


def test_what_ended_is_not_done_again_and_another_training_begins_anew(
    base: BaseModel, colours: Any, quick: Any, tmp_path: Path
) -> None:
    told: list[TuneReport] = []
    first = tune(base, colours, colours, quick(), tmp_path, told.append)
    steps = len(told)
    again = tune(base, colours, colours, quick(), tmp_path, told.append)
    assert len(told) == steps
    assert again.record == first.record
    assert again.loss(colours) == first.loss(colours)
    tune(base, colours[:-1], colours, quick(), tmp_path, told.append)
    assert told[steps].step == 0
    tune(base, colours, colours, quick(seed=18), tmp_path, told.append)
    assert [report.step for report in told].count(0) == 3


def test_a_damaged_checkpoint_is_refused(base: BaseModel, colours: Any, quick: Any, tmp_path: Path) -> None:
    tune(base, colours, colours, quick(epochs=1), tmp_path)
    path = tmp_path / "checkpoint" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match=r"weights.safetensors was changed since it was written.*remove .* to begin anew"
    ):
        tune(base, colours, colours, quick(epochs=1), tmp_path)


class Clock:
    """A second for each look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_the_budget_is_kept_and_the_best_so_far_is_the_result(
    base: BaseModel, colours: Any, quick: Any, tmp_path: Path
) -> None:
    told: list[TuneReport] = []
    clock = Clock()
    tuned = tune(base, colours, colours, quick(epochs=1000, budget_seconds=60), tmp_path, told.append, clock=clock)
    assert told[-1].stopped == "budget"
    assert 50 < clock.now <= 62
    assert told[-1].step < told[-1].steps
    best = min(told, key=lambda report: report.validation_loss)
    assert tuned.loss(colours) == pytest.approx(best.validation_loss, rel=1e-6)
    # What was spent counts after an interruption, too; more of it goes on.
    before = len(told)
    tune(base, colours, colours, quick(epochs=1000, budget_seconds=60), tmp_path, told.append, clock=Clock())
    assert len(told) == before
    tune(base, colours, colours, quick(epochs=1000, budget_seconds=120), tmp_path, told.append, clock=Clock())
    assert told[-1].step > told[before - 1].step


@pytest.mark.parametrize("seconds", [30, 33, 36])
def test_the_budget_ends_a_round_in_its_middle(base: BaseModel, colours: Any, quick: Any, seconds: int) -> None:
    clock = Clock()
    # Eight steps an epoch; a round is as long as an epoch.
    config = quick(sequence_length=40, packs_per_step=1, steps_per_round=1000, epochs=1000, budget_seconds=seconds)
    tuned = tune(base, colours, colours, config, clock=clock)
    assert tuned.record.history[-1].stopped == "budget"
    assert seconds - 8 < clock.now <= seconds + 2


def test_examples_that_are_too_long_are_left_out_and_counted(
    base: BaseModel, colours: Any, quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    long = [{"role": "user", "content": "red " * 200}, {"role": "assistant", "content": "rouge"}]
    tune(base, [*colours, long], colours, quick(epochs=1))
    assert "1 of 9 training examples have more than 64 tokens and are left out" in caplog.text
    with pytest.raises(DataError, match=r"no validation example has 64 tokens or fewer; the shortest of 1 has \d+"):
        tune(base, colours, [long], quick(epochs=1))


def test_a_loss_that_is_no_number_names_its_examples(
    base: BaseModel, colours: Any, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.learning.language import forward

    real = forward.summed_loss
    monkeypatch.setattr(
        forward, "summed_loss", lambda model, pack: real(model, pack) * (torch.nan if model.training else 1)
    )
    with pytest.raises(
        ModelError, match=r"the training loss became nan at step 1 \(tried: the examples \d, .*ten times lower"
    ):
        tune(base, colours, colours, quick())


def test_an_architecture_with_another_loss_is_refused_before_the_first_step(
    base: BaseModel, colours: Any, quick: Any, tmp_path: Path
) -> None:
    from transformers import AutoConfig, GraniteConfig, GraniteForCausalLM

    folder = shutil.copytree(base.folder, tmp_path / "base")
    known = AutoConfig.from_pretrained(str(folder)).to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    settings = {name: known[name] for name in (*names, "num_key_value_heads", "initializer_range", "eos_token_id")}
    GraniteForCausalLM(GraniteConfig(**settings, logits_scaling=8.0)).save_pretrained(folder)
    told: list[TuneReport] = []
    with pytest.raises(ModelError, match="architecture 'granite' computes its loss in another way"):
        tune(BaseModel.find("granite", folder), colours, colours, quick(), None, told.append)
    assert told == []


def test_the_same_setting_is_the_same_training_however_it_is_written() -> None:
    assert json.dumps(TuneConfig(lora_alpha=8, clip=1).to_dict()) == json.dumps(TuneConfig(lora_alpha=8.0).to_dict())


def test_unknown_modules_are_refused(base: BaseModel, colours: Any, quick: Any) -> None:
    with pytest.raises(ModelError, match="no module of architecture 'llama' is named by 'query'"):
        tune(base, colours, colours, quick(lora_targets="query"))
    some = tune(base, colours, colours, quick(lora_targets="q_proj, v_proj", epochs=1))
    assert {name.split(".")[-4] for name in trained(some.model)} == {"q_proj", "v_proj"}


def out_of_memory(monkeypatch: pytest.MonkeyPatch, calls: set[int]) -> None:
    """The forward passes of these numbers find no memory."""
    from workbench.learning.language import forward

    real, count = forward.summed_loss, 0

    def summed_loss(model: Any, pack: Any) -> Any:
        nonlocal count
        if model.training:
            count += 1
            if count in calls:
                raise torch.OutOfMemoryError("CUDA out of memory")
        return real(model, pack)

    monkeypatch.setattr(forward, "summed_loss", summed_loss)


def test_when_memory_runs_out_activations_are_computed_twice_and_the_result_is_the_same(
    base: BaseModel, colours: Any, quick: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = weights(tune(base, colours, colours, quick()))
    with monkeypatch.context() as context:
        out_of_memory(context, {3})
        tuned = tune(base, colours, colours, quick())
    assert "memory ran out" in caplog.text
    inner: Any = tuned.model.base_model.model
    assert inner.is_activation_checkpointing
    for name, value in weights(tuned).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    # A second time there is nothing left to turn on.
    with monkeypatch.context() as context:
        out_of_memory(context, {2, 3})
        with pytest.raises(ModelError, match="memory does not hold sequences of 64 tokens"):
            tune(base, colours, colours, quick())
    out_of_memory(monkeypatch, {2})
    with pytest.raises(ModelError, match="gradient_checkpointing to auto"):
        tune(base, colours, colours, quick(gradient_checkpointing="off"))


def test_activations_are_computed_twice_only_if_asked(
    base: BaseModel, colours: Any, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    real = tuner_module.Loop._gradients

    def gradients(self: Any, packs: Any) -> Any:
        looked.append(self.model.base_model.model.is_activation_checkpointing)
        return real(self, packs)

    monkeypatch.setattr(tuner_module.Loop, "_gradients", gradients)
    tune(base, colours, colours, quick(epochs=1))
    assert not any(looked)
    looked.clear()
    tune(base, colours, colours, quick(epochs=1, gradient_checkpointing="on"))
    assert all(looked)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10] == 1
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.001
    assert rate(0, 1, 0.0) == 1


def test_a_step_counts_each_response_token_alike_however_it_is_packed(
    base: BaseModel, colours: Any, quick: Any
) -> None:
    # One pack of all examples, or one pack each: the same mean over tokens, so the same update.
    together = tune(base, colours, colours, quick(sequence_length=512, packs_per_step=1, epochs=1, warmup=0.0))
    apart = tune(base, colours, colours, quick(sequence_length=40, packs_per_step=8, epochs=1, warmup=0.0))
    assert together.record.history[-1].steps == apart.record.history[-1].steps == 1
    expected = weights(together)
    for name, value in weights(apart).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-5)


def test_an_old_folder_of_another_training_is_cleared(
    base: BaseModel, colours: Any, quick: Any, tmp_path: Path
) -> None:
    tune(base, colours, colours, quick(epochs=1), tmp_path)
    shutil.copytree(next(tmp_path.glob("best-*")), tmp_path / "best-999")
    tune(base, colours, colours, quick(epochs=1, seed=3), tmp_path)
    assert not (tmp_path / "best-999").exists()
