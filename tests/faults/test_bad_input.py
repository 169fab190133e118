"""Bad deliveries: what a person reads, that what stood there stays to the byte, and that no row is lost.

One row of the table is one delivery to a client whose last ``ingest`` went well. The files of the other modules here
carry on: ``test_bad_values.py`` with the values in them, ``test_bad_clients.py`` with new clients and their
configuration, ``test_bad_models.py`` with models, ``test_bad_reports.py`` with what is shown and exported.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HEADER = b"id,city,late\n"
FOUR = [
    {"city": "Basel", "id": 1, "late": 0},
    {"city": "Bern", "id": 2, "late": 1},
    {"city": None, "id": 3, "late": 0},
    {"city": "Biel", "id": 4, "late": 1},
]
TEXT = "id,city,late\n1,Basel,0\n2,Bern,1\n3,,0\n4,Biel,1\n"
INBOX = "data/acme/00_landing"
PACKED = {"path": f"{INBOX}/people.csv.gz"}
ZIPPED = {"path": f"{INBOX}/people.csv.zip"}
PARQUET = {"kind": "parquet", "path": f"{INBOX}/*.parquet"}
CSV, GZ, ZIP = (f"client acme, table people, people.csv{end}: " for end in ("", ".gz", ".zip"))
TABLE = "client acme, table people: "
BRING = "Next: bring the data, or take the table out of client.yml"
NAMES = "Next: the first line has to name the columns"
LOOK = (
    "Next: look at them with `catalog.load('quarantine')['people']`, then correct the source or "
    "conf/clients/acme/schema.yml; raw was left as it was"
)
FETCH = "Next: fetch the file again, or unpack it by hand and name the plain file"


@dataclass(frozen=True)
class Case:
    """One delivery.

    Attributes:
        fault: its number in docs/reliability.md.
        files: name to bytes; bytes alone are ``people.csv``.
        said: the whole sentence; empty if the delivery is taken.
        raw: the rows that are taken.
        apart: the rows that go to quarantine.
        source: how client.yml says that the source is to be read.
    """

    fault: int
    files: bytes | dict[str, bytes]
    said: str = ""
    raw: list[dict[str, Any]] = field(default_factory=list)
    apart: int = 0
    source: dict[str, Any] = field(default_factory=dict)


def rows(*lines: str) -> bytes:
    return HEADER + "".join(f"{line}\n" for line in lines).encode()


def bad(share: str, why: str) -> str:
    return f"{TABLE}{share}, and budgets.bad_rows_share allows 25.00%: {why}. {LOOK}"


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def zipped(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_up_", "../"), content)
    return sink.getvalue()


TABLE_4 = pa.table({"id": [1, 2, 3, 4], "city": ["Basel", "Bern", None, "Biel"], "late": [0, 1, 0, 1]})
LARGE = parquet(pa.table({"id": range(5000), "city": [f"c{n}" for n in range(5000)], "late": [0, 1] * 2500}))
GZIP_BOMB = gzip.compress(bytes(65 * 2**20), mtime=0)
ZIP_BOMB = zipped(a=bytes(65 * 2**20))
TORN = LARGE[:4] + bytes(396) + LARGE[400:]
DECODE = "a Parquet file that is read cannot be decoded"
AGAIN = "Next: it was cut or changed on its way: fetch it again, or make it again with `kedro run`"
DIFFERS = "Next: all files of one table have one schema; give the others a table of their own"
NOT_WHOLE = "is not a whole Parquet file. Next: fetch the file again, or correct `path` in client.yml"

CASES = {
    # what is there at all
    "no file": Case(
        50,
        {},
        f"{TABLE}no file is at '{INBOX}/people.csv' (tried: …/{INBOX}/people.csv). "
        "Next: bring the file, or correct `path` in client.yml",
    ),
    "empty": Case(50, b"", f"{CSV}is empty. {BRING}"),
    "nothing but blanks": Case(50, b" \n\n", f"{CSV}is empty. {BRING}"),
    "header only": Case(50, HEADER, f"{CSV}there are columns but no rows. {BRING}"),
    "one row": Case(50, rows("1,Basel,1"), raw=[{"city": "Basel", "id": 1, "late": 1}]),
    "a blank first line": Case(50, b"\n" + HEADER, f"{CSV}the first line is blank. {NAMES}"),
    "a web page": Case(
        50,
        b"<!DOCTYPE html><html>sign in</html>\n",
        f"{CSV}is a web page or XML, not CSV. Next: fetch the file again, signed in if need be",
    ),
    "ragged": Case(
        50,
        rows("1,Basel,1", "2,Bern", "3,a,b,c", "4,Biel,0"),
        bad("2 of 4 rows are bad (50.00%)", "line has too few values (1); line has too many values (1)"),
        apart=2,
    ),
    "one ragged line of five": Case(
        50,
        TEXT.encode() + b"5,Chur\n",
        raw=FOUR,
        apart=1,
    ),
    "a quote that is not closed": Case(
        50,
        rows('1,"Basel,1', "2,Bern,0"),
        f"{CSV}line 2 opens a quote that is not closed, or is longer than 2,000,000 bytes. "
        "Next: close the quote, or write it twice where it stands inside a quoted value",
    ),
    "a line of three megabytes": Case(
        50,
        rows(f"1,{'x' * 3_000_000},1"),
        f"{CSV}line 2 opens a quote that is not closed, or is longer than 2,000,000 bytes. "
        "Next: close the quote, or write it twice where it stands inside a quoted value",
    ),
    "a text of a megabyte": Case(
        50, rows(f"1,{'x' * 1_000_000},1"), raw=[{"city": "x" * 1_000_000, "id": 1, "late": 1}]
    ),
    "another delimiter": Case(
        50,
        TEXT.replace(",", ";").encode(),
        f"{CSV}the header is one column, 'id;city;late'. Next: set `delimiter: ';'` in client.yml",
    ),
    # how it is encoded
    "a byte-order mark": Case(52, b"\xef\xbb\xbf" + TEXT.encode(), raw=FOUR),
    "UTF-16": Case(52, TEXT.encode("utf-16"), raw=FOUR, source={"encoding": "utf-16"}),
    "UTF-16, the high byte first, without a mark": Case(
        52, TEXT.encode("utf-16-be"), raw=FOUR, source={"encoding": "utf-16"}
    ),
    "UTF-16, the low byte first, without a mark": Case(
        52, TEXT.encode("utf-16-le"), raw=FOUR, source={"encoding": "utf-16"}
    ),
    "UTF-16 that nobody told of": Case(
        52, TEXT.encode("utf-16"), f"{CSV}is utf-16, not utf-8. Next: set `encoding: utf-16` in client.yml"
    ),
    "UTF-16 cut within a character": Case(
        52,
        TEXT.encode("utf-16")[:-1],
        f"{CSV}is not utf-16. Next: correct `encoding` of this source in client.yml: utf-8, utf-16, latin-1 or "
        "windows-1252",
        source={"encoding": "utf-16"},
    ),
    "Latin-1": Case(
        52,
        "id,city,late\n1,Zürich,1\n".encode("latin-1"),
        raw=[{"city": "Zürich", "id": 1, "late": 1}],
        source={"encoding": "latin-1"},
    ),
    "Latin-1 that nobody told of": Case(
        52,
        "id,city,late\n1,Zürich,1\n".encode("latin-1"),
        "client acme, table people, people.csv, column 'city': line 2 is not utf-8. "
        "Next: set `encoding: latin-1` (or utf-16) for this source in client.yml, or repair the line",
    ),
    "Windows-1252 said to be Latin-1": Case(
        52,
        "id,city,late\n1,5 €,1\n".encode("cp1252"),
        f"{CSV}holds bytes from 0x80 to 0x9f, which are no letters in latin-1. "
        "Next: set `encoding: windows-1252` in client.yml: that is what Windows calls by that name",
        source={"encoding": "latin-1"},
    ),
    "Windows-1252": Case(
        52,
        "id,city,late\n1,5 €,1\n".encode("cp1252"),
        raw=[{"city": "5 €", "id": 1, "late": 1}],
        source={"encoding": "windows-1252"},
    ),
    "a NUL byte in a text": Case(52, TEXT.encode() + b"5,Ch\0ur,1\n", raw=FOUR, apart=1),
    "a NUL byte in a number": Case(52, TEXT.encode() + b"5\0,Chur,1\n", raw=FOUR, apart=1),
    "line ends of two kinds": Case(52, TEXT.replace("\n", "\r\n", 2).encode(), raw=FOUR),
    "line ends of a typewriter": Case(52, TEXT.replace("\n", "\r").encode(), raw=FOUR),
    # what the columns are called
    "a column twice": Case(
        53,
        b"id,city,late,city\n1,a,0,b\n",
        f"{CSV}column 'city' stands twice. Next: rename one of them in the source",
    ),
    "columns that differ by case": Case(
        53,
        b"id,city,late,City\n1,a,0,b\n",
        f"{CSV}'city' and 'City' differ by case only. Next: rename one of them in the source",
    ),
    "a column without a name": Case(53, b"id,,late\n1,a,0\n", f"{CSV}column 2 has no name. {NAMES}"),
    "a name with a NUL byte": Case(
        53, b"id,ci\0ty,late\n1,a,0\n", rf"{CSV}the name of column 2, 'ci\x00ty', cannot be printed. {NAMES}"
    ),
    "a name of ours": Case(
        53,
        b"id,_reasons,late\n1,a,0\n",
        f"{CSV}column '_reasons' starts with an underscore, which is ours. Next: rename it in the source",
    ),
    "SQL in a name": Case(
        53,
        b'id,"city""; DROP TABLE raw; --",late\n1,a,0\n',
        f"{TABLE}column 'city' is missing (tried: the source has id, city\"; DROP TABLE raw; --, late). "
        "Next: did you mean 'city\"; DROP TABLE raw; --'? If it was renamed, rename it in "
        "conf/clients/acme/schema.yml too",
    ),
    "ten thousand columns": Case(
        50,
        (",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n").encode(),
        f"{CSV}has 10,000 columns, and a table may have 2,500. "
        "Next: have the columns delivered that matter, or one line a measurement",
    ),
    # which columns there were the last time
    "a column renamed": Case(
        48,
        b"id,town,late\n1,a,0\n",
        f"{TABLE}column 'city' is missing (tried: the source has id, town, late). "
        "Next: did you mean 'town'? If it was renamed, rename it in conf/clients/acme/schema.yml too",
    ),
    "a column added": Case(
        48,
        b"id,city,late,more\n1,a,0,1\n",
        f"{TABLE}column 'more' is not in the schema. Next: name it in conf/clients/acme/schema.yml, or set "
        "`strict: false` there to drop what is not named",
    ),
    "a column dropped": Case(
        48,
        b"id,late\n1,0\n",
        f"{TABLE}column 'city' is missing (tried: the source has id, late). "
        "Next: have it delivered, or take it out of conf/clients/acme/schema.yml",
    ),
    "columns in another order": Case(48, b"late,id,city\n1,7,Basel\n", raw=[{"city": "Basel", "id": 7, "late": 1}]),
    "a column retyped": Case(
        48,
        {"a.parquet": parquet(TABLE_4.set_column(1, "city", pa.array([[1], [2], [3], [4]])))},
        f"{TABLE}column 'city' is array<int64> now, and was string. "
        "Next: have it delivered as string, or correct its `type` in conf/clients/acme/schema.yml",
        source=PARQUET,
    ),
    "a second file with a column more": Case(
        48,
        {"people.csv": TEXT.encode(), "people_2.csv": b"id,city,late,more\n5,a,0,1\n"},
        "client acme, table people, people_2.csv: the header is not that of people.csv: column 'more' differs. "
        "Next: all files of one table have one header; give the others a table of their own",
        source={"path": f"{INBOX}/*.csv"},
    ),
    "Parquet: a second file with a column more": Case(
        48,
        {"a.parquet": parquet(TABLE_4), "b.parquet": parquet(TABLE_4.append_column("more", pa.array([1, 2, 3, 4])))},
        "client acme, table people, b.parquet: the columns are not those of a.parquet: 'more' differs in name or "
        f"type. {DIFFERS}",
        source=PARQUET,
    ),
    "Parquet: a second file with another type": Case(
        48,
        {"a.parquet": parquet(TABLE_4), "b.parquet": parquet(TABLE_4.set_column(1, "city", pa.array([1, 2, 3, 4])))},
        "client acme, table people, b.parquet: the columns are not those of a.parquet: 'city' differs in name or "
        f"type. {DIFFERS}",
        source=PARQUET,
    ),
    # what was cut or packed
    "Parquet cut at its end": Case(
        5, {"a.parquet": LARGE[:-30]}, f"client acme, table people, a.parquet: {NOT_WHOLE}", source=PARQUET
    ),
    "Parquet torn in its middle": Case(
        5, {"a.parquet": TORN}, f"{TABLE}{DECODE} (TProtocolException: Invalid data). {AGAIN}", source=PARQUET
    ),
    "a page in place of Parquet": Case(
        5, {"a.parquet": b"<html>"}, f"client acme, table people, a.parquet: {NOT_WHOLE}", source=PARQUET
    ),
    "Parquet without rows": Case(
        50,
        {"a.parquet": parquet(TABLE_4.slice(0, 0))},
        f"client acme, table people, a.parquet: there are columns but no rows. {BRING}",
        source=PARQUET,
    ),
    "gzip cut at its end": Case(
        5,
        {"people.csv.gz": gzip.compress(TEXT.encode() * 100, mtime=0)[:-20]},
        f"{GZ}cannot be unpacked (Compressed file ended before the end-of-stream marker was reached). {FETCH}",
        source=PACKED,
    ),
    "gzip that is none": Case(
        5,
        {"people.csv.gz": TEXT.encode()},
        f"{GZ}cannot be unpacked (Not a gzipped file (b'id')). {FETCH}",
        source=PACKED,
    ),
    "a gzip bomb": Case(
        56,
        {"people.csv.gz": GZIP_BOMB},
        f"{GZ}unpacks to more than 67,108,864 bytes from {len(GZIP_BOMB):,}. "
        "Next: if it is no decompression bomb, unpack it by hand and name the plain file",
        source=PACKED,
    ),
    "a zip bomb": Case(
        56,
        {"people.csv.zip": ZIP_BOMB},
        f"{ZIP}unpacks to more than 67,108,864 bytes from {len(ZIP_BOMB):,}. "
        "Next: if it is no decompression bomb, unpack it by hand and name the plain file",
        source=ZIPPED,
    ),
    "a zip of two files": Case(
        56,
        {"people.csv.zip": zipped(a=TEXT.encode(), b=TEXT.encode())},
        f"{ZIP}holds 2 files, and one was expected. "
        "Next: unpack it by hand and name the files, or a glob, in client.yml",
        source=ZIPPED,
    ),
    "a zip whose file wants to lie elsewhere": Case(
        56, {"people.csv.zip": zipped(_up__up_people=TEXT.encode())}, raw=FOUR, source=ZIPPED
    ),
    # where it lies
    "a path out of the project": Case(
        57,
        TEXT.encode(),
        f"{TABLE}path '../../../etc/passwd' leads out of the folder it is relative to. "
        "Next: give a path without a leading `/` and without `..`",
        source={"path": "../../../etc/passwd"},
    ),
    "another client's file": Case(
        57,
        TEXT.encode(),
        f"{TABLE}'data/acme_2/people.csv' is another client's. "
        "Next: read from data/acme, or from a folder that is no client's",
        source={"path": "data/acme_2/people.csv"},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_delivery(case: Case, desk: Any, seen: Callable[..., str], no_rest: None) -> None:
    (desk.project / "data" / "acme_2").mkdir()
    (desk.project / "data" / "acme_2" / "people.csv").write_text(TEXT)
    desk.read(**case.source)
    desk.deliver({"people.csv": case.files} if isinstance(case.files, bytes) else case.files)
    before = desk.snapshot()
    if not case.said:
        desk.run("ingest")
        assert desk.table() == case.raw
        assert len(desk.table("02_intermediate/quarantine/people")) == case.apart
        return
    assert seen(lambda: desk.run("ingest")).replace(str(desk.project), "…") == case.said
    after = desk.snapshot()
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    if not case.apart:
        assert changed == set(), "a delivery that cannot be read changes nothing"
        return
    # What was found stands there to be looked at; the table that others read stands as it stood.
    assert not [path for path in changed if path.startswith("data/acme/01_raw")]
    assert len(desk.table("02_intermediate/quarantine/people")) == case.apart
    found = json.loads((desk.data / "08_reporting" / "ingest.json").read_text())["tables"]["people"]
    assert found["kept"] + found["quarantined"] == found["read"]
    assert len(desk.table("02_intermediate/checked/people")) == found["read"], "no row is lost"
