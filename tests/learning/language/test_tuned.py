from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.errors import ModelError
from workbench.learning.language import BaseModel, TuneConfig, Tuned, TunedFolder, tune

LEARN = TuneConfig(
    epochs=30, learning_rate=2e-2, sequence_length=64, packs_per_step=4, steps_per_round=40, lora_rank=8, device="cpu"
)


@pytest.fixture(scope="module")
def tuned(base: BaseModel, colours: Any) -> Tuned:
    return tune(base, colours, colours, LEARN)


@pytest.fixture(scope="module")
def saved(tuned: Tuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "candidate"
    tuned.save(folder)
    return folder


def answers(tuned: Tuned, colours: Any) -> list[str]:
    return tuned.answer([messages[:-1] for messages in colours], max_new_tokens=8)


def test_adapters_are_kept_apart_and_come_back(base: BaseModel, tuned: Tuned, saved: Path, colours: Any) -> None:
    assert not list(saved.glob("model*.safetensors"))
    found = TunedFolder.check(saved, lambda name, revision: base)
    assert found.record.to_dict() == tuned.record.to_dict()
    again = found.open()
    assert again.loss(colours) == tuned.loss(colours)
    assert answers(again, colours) == answers(tuned, colours)
    with again.as_base() as one, tuned.as_base() as other:
        assert answers(one, colours) == answers(other, colours)


def test_peft_itself_reads_the_folder(base: BaseModel, tuned: Tuned, saved: Path, colours: Any) -> None:
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        theirs = PeftModel.from_pretrained(base.open(tuned.device, tuned.model.dtype), str(saved))
    other = Tuned(theirs.eval(), tuned.tokenizer, base, tuned.record, tuned.device)
    assert other.loss(colours) == pytest.approx(tuned.loss(colours), rel=1e-6)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_merged_or_full_it_stands_alone(
    base: BaseModel, tuned: Tuned, colours: Any, tmp_path: Path, method: str
) -> None:
    from transformers import AutoModelForCausalLM

    config = {"method": method, "merge": True, "epochs": 10} | ({"learning_rate": 3e-3} if method == "full" else {})
    one = tune(base, colours, colours, TuneConfig(**vars(LEARN) | config))
    before = one.loss(colours)
    one.save(tmp_path / "merged")
    assert one.loss(colours) == before, "saving changed the model"
    # transformers alone reads it, without the base.
    theirs = AutoModelForCausalLM.from_pretrained(str(tmp_path / "merged"), use_safetensors=True)
    other = Tuned(theirs.eval(), one.tokenizer, base, one.record, one.device)
    assert other.loss(colours) == pytest.approx(before, rel=1e-4)
    again = TunedFolder.check(tmp_path / "merged", lambda name, revision: base).open()
    assert again.loss(colours) == pytest.approx(before, rel=1e-4)
    with again.as_base() as off:
        assert off.loss(colours) == pytest.approx(one.record.history[0].validation_loss, rel=1e-5)


def test_a_changed_byte_is_refused(base: BaseModel, saved: Path, tmp_path: Path) -> None:
    for path in sorted(saved.iterdir()):
        folder = shutil.copytree(saved, tmp_path / path.name / "candidate")
        content = bytearray((folder / path.name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / path.name).write_bytes(content)
        with pytest.raises(ModelError):
            TunedFolder.check(folder, lambda name, revision: base)


def test_a_planted_or_a_missing_file_is_refused(base: BaseModel, saved: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(saved, tmp_path / "candidate")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="model.safetensors is missing, or is not in the manifest"):
        TunedFolder.check(folder, lambda name, revision: base)
    (folder / "model.safetensors").unlink()
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="adapter_model.safetensors is missing"):
        TunedFolder.check(folder, lambda name, revision: base)
    with pytest.raises(ModelError, match="there is no tuned model"):
        TunedFolder.check(tmp_path / "nowhere", lambda name, revision: base)


def test_another_base_under_the_same_name_is_refused(saved: Path, tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.make_base(tmp_path / "base", ["other words"])
    with pytest.raises(ModelError, match=r"'models/base' is not the one that it was tuned from \(sha256 differs\)"):
        TunedFolder.check(saved, lambda name, revision: BaseModel.find(name, folder))


def test_the_files_hold_no_order_of_this_process_and_no_path_of_this_machine(base: BaseModel, saved: Path) -> None:
    config = json.loads((saved / "adapter_config.json").read_text())
    # peft keeps the names in a set, whose order differs from one process to the next.
    assert len(config["target_modules"]) == 14
    assert config["target_modules"] == sorted(config["target_modules"])
    assert config["base_model_name_or_path"] == "models/base"
    for path in saved.glob("*.json"):
        assert str(base.folder.parent) not in path.read_text(), path.name


def test_the_record_is_json_without_a_clock(saved: Path, tuned: Tuned) -> None:
    record = json.loads((saved / "tuned.json").read_text())
    assert record["base_sha256"] == tuned.base.digest()
    assert "seconds" not in record["history"][0]
    assert "budget_seconds" not in record["config"]


def test_answers_do_not_depend_on_the_batch(tuned: Tuned, colours: Any) -> None:
    prompts = [messages[:-1] for messages in colours]
    prompts[2] = [{"role": "user", "content": "black or white or grey or brown in French?"}]
    alone = [tuned.answer([prompt], max_new_tokens=8)[0] for prompt in prompts]
    assert tuned.answer(prompts, max_new_tokens=8, batch_size=5) == alone
