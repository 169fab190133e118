"""Models that were cut, changed or planted: each is refused in one sentence, and nothing in it is ever run."""

from __future__ import annotations

import ast
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ModelError

ROOT = Path(__file__).parents[2]
BACK = "Next: bring it back with `dvc checkout`, or train it again: `kedro run --pipeline train`"
AGAIN = "Next: train the model again: `kedro run --pipeline train`"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a model that was trained on forty rows."""
    import pyarrow as pa

    from workbench.learning import Columns, TrainConfig
    from workbench.learning.candidates import select

    rows = pa.table({"x": [float(row % 7) for row in range(40)], "y": [int(row % 7 > 3) for row in range(40)]})
    columns = Columns(target="y", task="binary", numeric=("x",), categorical=())
    found = select(rows, rows, columns, TrainConfig(epochs=1, seed=1), names=("linear",), metric="log_loss")
    folder = tmp_path_factory.mktemp("model") / "linear"
    found.contenders["linear"].model.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Bomb:
    """Leaves a folder behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.path,)


def changed(name: str, change: Callable[[bytes], bytes | None], *, signed: bool = False) -> Callable[[Path], None]:
    """Change a file of a model, or remove it; ``signed``, with a manifest that agrees, as an attacker would."""

    def act(folder: Path) -> None:
        content = change((folder / name).read_bytes())
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)
        if signed:
            files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
            digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
            (folder / "manifest.json").write_text(json.dumps({"format": 1, "sha256": digests}, indent=1) + "\n")

    return act


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def record(**values: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | values).encode()


def not_finite(content: bytes) -> bytes:
    from safetensors.torch import load, save

    return save({name: value * float("nan") for name, value in load(content).items()})


W, R, M = "model.safetensors", "model.json", "manifest.json"
TAMPERED: dict[str, tuple[int, Callable[[Path], None], str]] = {
    "weights cut at their end": (5, changed(W, lambda content: content[:-8]), f"…: {W} was changed since the model was written. {BACK}"),
    "weights with one bit flipped": (6, changed(W, flipped), f"…: {W} was changed since the model was written. {BACK}"),
    "a record with one bit flipped": (6, changed(R, flipped), f"…: {R} was changed since the model was written. {BACK}"),
    "a manifest with one bit flipped": (6, changed(M, flipped), f"…: {R} was changed since the model was written. {BACK}"),
    "no weights": (2, changed(W, lambda _: None), f"…: {W} cannot be read (No such file or directory). {BACK}"),
    "no manifest": (2, changed(M, lambda _: None), f"…: {M} cannot be read (No such file or directory). {BACK}"),
    "an empty manifest": (2, changed(M, lambda _: b""), f"…: {W} was changed since the model was written. {BACK}"),
    "a pickle for weights": (72, changed(W, lambda _: b"", signed=True), f"…: its weights cannot be read. {BACK}"),
    "weights that are no numbers": (49, changed(W, not_finite, signed=True), f"…: its weights 'intercept' are not finite numbers. {BACK}"),
    "code for a kind": (75, changed(R, record(kind="os.system"), signed=True), "…: a model of kind 'os.system' is unknown (tried: network, boosting, linear, ensemble)"),
    "another format": (79, changed(R, record(format=99), signed=True), "…: has format 99, and this version of the workbench reads 3"),
    "another shape": (79, changed(R, record(columns={"task": "binary"}), signed=True), f"…/{R}: is not what this version of the workbench writes (KeyError). {AGAIN}"),
    "a record of brackets": (62, changed(R, lambda _: b"[" * 100_000, signed=True), f"…/{R}: is not what this version of the workbench writes (RecursionError). {AGAIN}"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_model(
    fault: int, tamper: Callable[[Path], None], said: str, model: dict[str, bytes], tmp_path: Path
) -> None:
    from workbench.learning import TabularModel

    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in model.items():
        (folder / name).write_bytes(content)
    assert TabularModel.load(folder).kind == "linear"
    tamper(folder)
    canary = tmp_path / "canary"
    if fault == 72:
        changed(W, lambda _: pickle.dumps(Bomb(canary)), signed=True)(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ModelError) as caught:
        TabularModel.load(folder)
    assert str(caught.value).replace(str(folder), "…") == said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "looking changes nothing"
    assert not canary.exists()


def test_nothing_here_unpickles() -> None:
    """``weights_only=True`` has let code through more than once, so there is no ``torch.load`` that it could guard."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            elif isinstance(node, ast.Attribute):
                names = [ast.unparse(node)]
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                names = ["allow_pickle"]
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if is_pickle(name)]
    assert found == []


def is_pickle(name: str) -> bool:
    return name in {"torch.load", "torch.save", "allow_pickle"} or name.partition(".")[0] in {
        "pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "skops",
    }  # fmt: skip
