from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients.yaml_files import read_yaml
from workbench.errors import ConfigurationError

ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED = {
    "an alias bomb": (ALIAS_BOMB, ":2: an alias (*name) is not allowed; write the value out"),
    "a python tag": (
        "a: 1\nb: !!python/object/apply:os.system ['true']",
        ":2: the tag !!python/object/apply:os.system is not allowed; write the value alone",
    ),
    "a key twice": ("a: 1\nb: 2\na: 3", ":3: key 'a' stands twice"),
    "a nested key twice": ("a:\n  b: 2\n  b: 3", ":3: key 'b' stands twice"),
    "deep nesting": ("a: " + "[" * 50 + "]" * 50, ":1: nested deeper than 20 levels"),
    "a date that is none": (
        "a: 1\nb: 2024-02-30",
        ":2: '2024-02-30' cannot be read (day is out of range for month); put it in quotes if it is text",
    ),
    "a list as a key": ("a: 1\n? [b, c]\n: 2", ":2: a key is a list or a mapping; a key is one word"),
    "a control character": ("a: 1\nb: x\0y", ":2: control characters are not allowed"),
    "a list": ("- 1\n- 2", ": is not a mapping of keys to values"),
    "a broken mapping": ("a: b: c", ":1: mapping values are not allowed in this context"),
    "a tab": ("a:\n\tb: 1", ":2: found character that cannot start any token"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "client.yml"
    path.write_text(text)
    started = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}{sentence}"
    assert time.monotonic() - started < 2, "a bomb went off"


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_text("a: " + "x" * 1_000_001)
    with pytest.raises(ConfigurationError, match="has 1,000,004 bytes, more than 1,000,000"):
        read_yaml(path)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_bytes("title: Zürich".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 at byte 8"):
        read_yaml(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file or directory\)"):
        read_yaml(tmp_path / "client.yml")


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(path).data == {"a": 1}


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_text("# nothing\n")
    assert read_yaml(path).data == {}


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "client.yml"
    path.write_text("a: 1\nb:\n  c: 2\n  d:\n    - 3\n    - 4\n")
    file = read_yaml(path)
    assert [file.line(at) for at in [("a",), ("b",), ("b", "c"), ("b", "d", 1), ("b", "nowhere")]] == [1, 2, 3, 6, 2]


@given(st.dictionaries(st.text(min_size=1), st.none() | st.booleans() | st.integers() | st.text(), max_size=5))
def test_what_yaml_wrote_is_read_back(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "client.yml"
    path.write_text(yaml.safe_dump(data, allow_unicode=False), encoding="utf-8")
    assert read_yaml(path).data == data
