"""Whatever is done to the log behind its back is found, and the first bad line is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import audit
from workbench.audit.entry import GENESIS, Mark, decode, encode, facts_digest, sha256_of
from workbench.audit.log import Lines


def written(project: Path, count: int = 5) -> list[bytes]:
    for number in range(count):
        audit.record(project, "thing.done", client="acme", number=number)
    return Lines.path(project).read_bytes().splitlines(keepends=True)


def edited(line: bytes, **changes: object) -> bytes:
    return json.dumps(json.loads(line) | changes, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def forged(line: bytes) -> bytes:
    """Other facts, and a digest that fits them."""
    facts, salt = {"number": 99}, "00" * 16
    return edited(line, facts=facts, salt=salt, facts_sha256=facts_digest(facts, salt))


def without_facts(line: bytes) -> bytes:
    return encode(decode(line.removesuffix(b"\n")).without_facts()) + b"\n"


Tampering = Callable[[list[bytes]], list[bytes]]
TAMPERED: dict[str, tuple[Tampering, int, str]] = {
    "who is changed": (lambda all_: [*all_[:2], edited(all_[2], user="eve@x"), *all_[3:]], 3, "record 3 is not the one"),
    "facts are changed": (lambda all_: [*all_[:2], edited(all_[2], facts={}), *all_[3:]], 3, "the facts of record 3"),
    "facts are forged": (lambda all_: [*all_[:2], forged(all_[2]), *all_[3:]], 3, "record 3 is not the one"),
    "facts are taken out": (lambda all_: [*all_[:2], without_facts(all_[2]), *all_[3:]], 3, "its facts are gone"),
    "a space is added": (lambda all_: [all_[0].replace(b",", b", ", 1), *all_[1:]], 1, "this is no record"),
    "the first is removed": (lambda all_: all_[1:], 1, "here should be record 1, and it is record 2"),
    "one is removed": (lambda all_: [*all_[:2], *all_[3:]], 3, "here should be record 3, and it is record 4"),
    "one is inserted": (lambda all_: [*all_[:2], all_[1], *all_[2:]], 3, "here should be record 3, and it is record 2"),
    "two change places": (lambda all_: [all_[0], all_[2], all_[1], *all_[3:]], 2, "here should be record 2, and it is record 3"),
    "the last is changed": (lambda all_: [*all_[:4], forged(all_[4])], 5, "record 5 is not the one that its head has seen"),
    "the end is cut": (lambda all_: all_[:3], 4, "the end is missing: its head has seen 5 records, here are 3"),
    "the end is cut in a line": (lambda all_: [*all_[:4], all_[4][:50]], 5, "the end is missing"),
    "all is gone": (lambda all_: [], 1, "the end is missing: its head has seen 5 records, here are 0"),
    "garbage is inserted": (lambda all_: [*all_[:2], b"\0\xff\n", *all_[2:]], 3, "this is no record"),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "line", "problem"), TAMPERED.values(), ids=TAMPERED.keys())
def test_tampering_is_found(tmp_path: Path, tamper: Tampering, line: int, problem: str) -> None:
    lines = written(tmp_path)
    assert audit.verify(tmp_path).ok
    Lines.path(tmp_path).write_bytes(b"".join(tamper(lines)))
    verdict = audit.verify(tmp_path)
    assert (verdict.line, verdict.ok) == (line, False)
    assert problem in verdict.problem


@pytest.mark.parametrize("name", ["the end is cut", "the last is changed", "all is gone"])
def test_a_record_after_the_tampering_does_not_hide_it(tmp_path: Path, name: str) -> None:
    lines = written(tmp_path)
    Lines.path(tmp_path).write_bytes(b"".join(TAMPERED[name][0](lines)))
    audit.record(tmp_path, "thing.done")
    verdict = audit.verify(tmp_path)
    assert not verdict.ok
    assert "5 records were known" in verdict.problem


@pytest.mark.parametrize("text", [None, "", "{}", "not JSON"])
def test_a_lost_head_is_found_and_the_next_record_says_so(tmp_path: Path, text: str | None) -> None:
    written(tmp_path)
    head = Lines.path(tmp_path).with_name("audit.head")
    head.unlink() if text is None else head.write_text(text)
    assert "audit.head" in audit.verify(tmp_path).problem
    audit.record(tmp_path, "thing.done")
    assert "0 records were known, 5 were there" in audit.verify(tmp_path).problem


def test_an_anchor_tells_when_log_and_head_were_rewritten_together(tmp_path: Path) -> None:
    written(tmp_path / "real")
    anchor = audit.verify(tmp_path / "real").head
    written(tmp_path / "forged")
    assert audit.verify(tmp_path / "forged").ok
    assert audit.verify(tmp_path / "forged", [anchor]).line == 5
    written(tmp_path / "short", 3)
    assert "an anchor has seen 5 records" in audit.verify(tmp_path / "short", [anchor]).problem
    audit.record(tmp_path / "real", "thing.done")
    assert audit.verify(tmp_path / "real", [anchor, Mark(0, GENESIS)]).ok


@given(st.data())
def test_no_changed_byte_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    project = tmp_path_factory.mktemp("bytes")
    whole = b"".join(written(project, 3))
    at = data.draw(st.integers(0, len(whole) - 2))  # but the last line's end, which is nobody's
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != whole[at]))
    Lines.path(project).write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    assert not audit.verify(project).ok


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    )
)
def test_whatever_the_facts_a_record_is_one_line_that_reads_back(facts: dict[str, audit.Fact]) -> None:
    from workbench.audit.entry import new

    entry = new(Mark(0, GENESIS), "thing.done", "acme", facts)
    line = encode(entry)
    assert b"\n" not in line
    assert decode(line) == entry
    assert sha256_of(entry) == sha256_of(entry.without_facts())


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_read(line: bytes) -> None:
    assert decode(line) is None
