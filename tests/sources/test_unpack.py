"""Archives are unpacked into a private folder, and never without bound."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile

import pytest

from workbench.clients.sources import CsvSource
from workbench.errors import DataError
from workbench.sources import open_source, unpack

DATA = b"id,name\n1,a\n2,b\n"


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def opened(opening, name, packed):
    (opening.project / name).write_bytes(packed)
    return open_source(CsvSource(kind="csv", path=name), opening)


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("people.csv.gz", gzip.compress(DATA)),
        ("people.csv.zip", zipped(("people.csv", DATA))),
        ("PEOPLE.ZIP", zipped(("folder/", b""), ("__MACOSX/._people.csv", b"\0"), ("folder/people.csv", DATA))),
    ],
    ids=["gz", "zip", "zip made by a mac"],
)
def test_unpacks(opening, name, packed):
    table = opened(opening, name, packed)
    assert table.rows.count().to_pyarrow().as_py() == 2
    assert table.files[0].bytes == len(packed)


def test_a_name_inside_an_archive_is_never_used(opening):
    table = opened(opening, "people.zip", zipped(("../../escaped.csv", DATA)))
    assert table.rows.count().to_pyarrow().as_py() == 2
    assert not list(opening.project.parent.rglob("escaped.csv"))


def test_what_is_unpacked_is_private(opening):
    opened(opening, "people.zip", zipped(("people.csv", DATA)))
    folders = [path for path in opening.scratch.rglob("*") if path.is_dir()]
    assert folders
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize("suffix", ["gz", "zip"])
def test_a_bomb_is_not_unpacked(opening, monkeypatch, suffix):
    monkeypatch.setattr(unpack, "ALWAYS_ALLOWED_BYTES", 2**20)
    data = b"id\n" + b"1\n" * 5_000_000
    packed = gzip.compress(data) if suffix == "gz" else zipped(("people.csv", data))
    with pytest.raises(DataError) as raised:
        opened(opening, f"people.csv.{suffix}", packed)
    bound = max(2**20, 200 * len(packed))
    assert str(raised.value) == (
        f"client acme, table people, people.csv.{suffix}: unpacks to more than {bound:,} bytes from {len(packed):,}. "
        "Next: if it is no decompression bomb, unpack it by hand and name the plain file"
    )
    assert all(path.stat().st_size <= bound for path in opening.scratch.rglob("*") if path.is_file())


def test_nothing_is_unpacked_beyond_the_absolute_bound(opening, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="unpacks to more than 10 bytes"):
        opened(opening, "people.csv.gz", gzip.compress(DATA))


def flipped(packed: bytes) -> bytes:
    """One byte of the compressed data is not what it was."""
    at = packed.index(b"people.csv") + len(b"people.csv") + 2
    return packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        pytest.param("people.csv.gz", gzip.compress(DATA)[:-9], id="cut off"),
        pytest.param("people.csv.gz", DATA, id="not gzip"),
        pytest.param("people.csv.zip", DATA, id="not zip"),
        pytest.param("people.csv.zip", flipped(zipped(("people.csv", DATA))), id="damaged"),
        pytest.param(
            "people.csv.zip",
            zipped(("people.csv", DATA)).replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"),
            id="locked",
        ),
    ],
)
def test_an_archive_that_cannot_be_unpacked(opening, name, packed):
    with pytest.raises(DataError) as raised:
        opened(opening, name, packed)
    assert str(raised.value).startswith(f"client acme, table people, {name}: cannot be unpacked (")
    assert str(raised.value).endswith("Next: fetch the file again, or unpack it by hand and name the plain file")


@pytest.mark.parametrize(("members", "count"), [([], 0), ([("a.csv", DATA), ("b.csv", DATA)], 2)])
def test_an_archive_holds_one_file(opening, members, count):
    with pytest.raises(DataError) as raised:
        opened(opening, "people.zip", zipped(*members))
    assert str(raised.value) == (
        f"client acme, table people, people.zip: holds {count} files, and one was expected. "
        "Next: unpack it by hand and name the files, or a glob, in client.yml"
    )
