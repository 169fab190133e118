from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load, save

from workbench.errors import ModelError, StorageError
from workbench.learning import TabularModel, TrainConfig, fit
from workbench.learning.networks import ResNetSpec, TabMSpec
from workbench.learning.storage import read_model, write_model

NAMES = ("model.safetensors", "model.json")
FILES = (*NAMES, "manifest.json")


@pytest.fixture
def saved(models: Callable, tmp_path: Path) -> Path:
    """A model on disk that a test may spoil."""
    folder = tmp_path / "model"
    models("binary").save(folder)
    return folder


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file and make the manifest agree, as somebody would who knows how."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_bytes((json.dumps(manifest, indent=1) + "\n").encode())


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_comes_back_as_it_was(task: str, models: Callable, make_table: Callable, tmp_path: Path) -> None:
    model, rows = models(task), make_table(task, 300, 9)
    model.save(tmp_path / "model")
    again = TabularModel.load(tmp_path / "model")
    assert np.array_equal(again.predict(rows), model.predict(rows))
    assert (again.columns, again.encoder, again.config.network) == (model.columns, model.encoder, model.config.network)
    assert [report.to_dict() for report in again.history] == [report.to_dict() for report in model.history]
    again.save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


@pytest.mark.parametrize("network", [TabMSpec(members=2, width=16), ResNetSpec(width=16)], ids=["tabm", "resnet"])
def test_loading_a_model_does_not_import_torch_s_compiler(
    network: Any, make_table: Callable, make_columns: Callable, tmp_path: Path
) -> None:
    train = make_table("binary", 300)
    config = TrainConfig(epochs=1, network=network)
    fit(train, train.slice(0, 100), make_columns("binary"), config).save(tmp_path / "model")
    program = f"""
import sys
from pathlib import Path
from workbench.learning import TabularModel
TabularModel.load(Path({str(tmp_path / "model")!r}), device="cpu")
print([name for name in ("torch", "torch._dynamo", "sympy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['torch']"


def test_there_is_no_file_but_weights_text_and_manifest(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)


def test_predictions_have_the_task_s_shape(models: Callable, make_table: Callable) -> None:
    for task, shape in {"binary": (40,), "multiclass": (40, 3), "regression": (40,)}.items():
        rows = make_table(task, 40).drop_columns("y")
        assert models(task).predict(rows).shape == shape
        assert models(task).predict(rows.slice(0, 0)).shape == (0, *shape[1:])
    assert np.allclose(models("multiclass").predict(make_table("multiclass", 40)).sum(axis=1), 1)


def test_a_row_s_prediction_does_not_hang_on_its_neighbours(models: Callable, make_table: Callable) -> None:
    rows = make_table("binary", 100, 4)
    alone = np.concatenate([models("binary").predict(rows.slice(at, 1)) for at in range(5)])
    np.testing.assert_allclose(alone, models("binary").predict(rows)[:5], rtol=1e-5)


def test_a_table_that_lacks_a_column_is_refused(models: Callable, make_table: Callable) -> None:
    with pytest.raises(ModelError, match="column 'slope' is missing from the table"):
        models("binary").predict(make_table("binary", 5).drop_columns("slope"))


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_refused_wherever_it_is(saved: Path, name: str) -> None:
    content = bytearray((saved / name).read_bytes())
    for place in np.random.default_rng(0).integers(len(content) * 8, size=30).tolist():
        content[place // 8] ^= 1 << place % 8
        (saved / name).write_bytes(content)
        with pytest.raises(ModelError, match=f"{name} was changed since the model was written"):
            TabularModel.load(saved)
        content[place // 8] ^= 1 << place % 8


def test_every_flipped_bit_of_the_manifest_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_model(folder, {name: name.encode() for name in NAMES})
    content = bytearray((folder / "manifest.json").read_bytes())
    for place in range(len(content) * 8):
        content[place // 8] ^= 1 << place % 8
        (folder / "manifest.json").write_bytes(content)
        with pytest.raises(ModelError, match="was changed since the model was written"):
            read_model(folder, NAMES)
        content[place // 8] ^= 1 << place % 8


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [0, 100])
def test_truncated_and_missing_files_are_refused(saved: Path, name: str, left: int) -> None:
    os.truncate(saved / name, left)
    with pytest.raises(ModelError, match="was changed since the model was written"):
        TabularModel.load(saved)
    (saved / name).unlink()
    with pytest.raises(ModelError, match=f"{name} cannot be read"):
        TabularModel.load(saved)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model in"):
        TabularModel.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("architecture", "name"), "os.system", "architecture 'os.system' is unknown"),
        (("architecture", "width"), 4096, "is not what this version of the workbench writes"),
        (("architecture", "width"), 10**12, "width of the network is 1000000000000"),
        (("format",), 4, "has format 4"),
        (("kind",), "os.system", "kind 'os.system' is unknown"),
        (("kind",), "boosting", "is not what this version of the workbench writes"),
        (("kind",), ["network"], "is unknown"),
        (("encoder",), [], "is not what this version of the workbench writes"),
        (("encoder", "numeric"), None, "is not what this version of the workbench writes"),
        (("columns", "task"), "ranking", "task 'ranking' is unknown"),
        (("training",), {"imported": "os"}, "is not what this version of the workbench writes"),
    ],
)
def test_a_record_that_is_not_ours_is_refused_even_if_the_manifest_agrees(
    saved: Path, keys: tuple[str, ...], value: object, said: str
) -> None:
    record = json.loads((saved / "model.json").read_bytes())
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    rewrite(saved, "model.json", json.dumps(record).encode())
    with pytest.raises(ModelError, match=said):
        TabularModel.load(saved)


def test_a_model_from_before_there_was_calibration_is_still_read(
    saved: Path, models: Callable, make_table: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads((saved / "model.json").read_bytes())
    del record["calibration"], record["training"]["clipping"], record["training"]["half"]
    rewrite(saved, "model.json", json.dumps({**record, "format": 1}).encode())
    again, rows = TabularModel.load(saved), make_table("binary", 50)
    assert again.temperature is None
    monkeypatch.setattr(models("binary"), "temperature", None)
    assert np.array_equal(again.predict(rows), models("binary").predict(rows))


@pytest.mark.parametrize("calibration", [{"value": 0}, {"value": 1e9}, {"value": "hot"}, {"rows": 3}, [1]])
def test_a_calibration_that_nobody_fitted_is_refused(saved: Path, calibration: object) -> None:
    record = json.loads((saved / "model.json").read_bytes())
    rewrite(saved, "model.json", json.dumps({**record, "calibration": calibration}).encode())
    with pytest.raises(ModelError, match="is not what this version of the workbench writes"):
        TabularModel.load(saved)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_a_record_that_is_no_record_is_refused(saved: Path, content: bytes) -> None:
    rewrite(saved, "model.json", content)
    with pytest.raises(ModelError, match="is not what this version of the workbench writes"):
        TabularModel.load(saved)


def test_weights_must_be_those_of_the_architecture_and_finite(saved: Path) -> None:
    weights = load((saved / "model.safetensors").read_bytes())
    name = next(name for name, value in weights.items() if value.ndim == 2)
    rewrite(saved, "model.safetensors", save({**weights, name: torch.full_like(weights[name], torch.nan)}))
    with pytest.raises(ModelError, match=f"its weights '{name}' are not finite numbers"):
        TabularModel.load(saved)
    rewrite(saved, "model.safetensors", save({key: value for key, value in weights.items() if key != name}))
    with pytest.raises(ModelError, match="is not what this version of the workbench writes"):
        TabularModel.load(saved)
    rewrite(saved, "model.safetensors", b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(ModelError, match="its weights cannot be read"):
        TabularModel.load(saved)


def test_a_save_that_is_broken_off_leaves_the_old_model(
    saved: Path, models: Callable, make_table: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_table("binary", 20)
    before = TabularModel.load(saved).predict(rows)
    write, calls = Path.write_bytes, []

    def fail_at_the_second(path: Path, content: bytes) -> int:
        calls.append(path.name)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail_at_the_second)
    with pytest.raises(StorageError, match="the disk is full"):
        models("multiclass").save(saved)
    monkeypatch.undo()
    assert np.array_equal(TabularModel.load(saved).predict(rows), before)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_columns_in_another_order_and_more_of_them_change_nothing(models: Callable, make_table: Callable) -> None:
    rows = make_table("binary", 30)
    mixed = rows.select(rows.column_names[::-1]).append_column("more", pa.array(range(30)))
    assert np.array_equal(models("binary").predict(mixed), models("binary").predict(rows))
