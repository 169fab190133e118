"""Values setting by setting, files by their stamps, packages by their versions."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.fingerprints import packages
from workbench.fingerprints.packages import version_of
from workbench.fingerprints.stamps import Digests
from workbench.fingerprints.values import digest_of, leaves

ROOT = Path(__file__).parents[2]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
NESTED = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3), lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@given(NESTED)
def test_the_same_value_has_the_same_digests_in_any_order(value: object) -> None:
    def turned(item: object) -> object:
        return {key: turned(item[key]) for key in reversed(item)} if isinstance(item, dict) else item

    assert leaves(value) == leaves(turned(value))
    assert digest_of(value) == digest_of(turned(value))


def test_a_change_is_named() -> None:
    before = leaves({"train": {"epochs": 3, "seed": 1}, "candidates": ["a", "b"]})
    after = leaves({"train": {"epochs": 4, "seed": 1}, "candidates": ["b", "a"]})
    assert {name for name in before if before[name] != after[name]} == {"train.epochs", "candidates"}


def test_typed_parameters_count_as_what_they_stand_for() -> None:
    class Settings(BaseModel):
        epochs: int = 3

    assert leaves({"train": Settings()}) == leaves({"train": {"epochs": 3}})
    assert leaves(Settings(), "train") == leaves({"epochs": 3}, "train")
    assert set(leaves(3, "seed")) == {"seed"}


def test_files_are_read_again_when_they_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder/a", "folder/b"):
        (tmp_path / name).write_text("one")
    digests = Digests(tmp_path, {})
    found = [digests(tmp_path / name) for name in ("file", "folder")]
    assert digests(tmp_path / "missing") is None
    kept = digests.new
    assert set(kept) == {"file", "folder"}

    monkeypatch.setattr("workbench.fingerprints.stamps.sha256_of_path", lambda path: pytest.fail(f"{path} read again"))
    again = Digests(tmp_path, kept)
    assert [again(tmp_path / name) for name in ("file", "folder")] == found
    assert not again.new
    monkeypatch.undo()

    (tmp_path / "folder" / "b").unlink()
    os.utime(tmp_path / "file", ns=(1, 1))
    again = Digests(tmp_path, kept)
    assert again(tmp_path / "file") == found[0], "its bytes are the same"
    assert again(tmp_path / "folder") != found[1]


def test_versions() -> None:
    assert version_of("numpy") == version("numpy")
    assert version_of("sklearn") == version("scikit-learn")
    assert version_of("_pytest") == version("pytest"), "found among all distributions"
    assert version_of("no_such_package") == "none"


def test_no_package_that_the_code_imports_has_to_be_looked_for_among_all() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    names = set(re.findall(r"^ *(?:from|import) (\w+)[\w.]*(?: import .*| as \w+)?$", sources, re.MULTILINE))
    outside = {name for name in names - sys.stdlib_module_names if find_spec(name)} - {"pipelines", "workbench"}
    assert {"sklearn", "azure"} < outside
    packages._all.cache_clear()
    for name in sorted(outside):
        version_of.__wrapped__(name)
        assert packages._all.cache_info().currsize == 0, f"name the distribution of {name!r} in packages.py"
