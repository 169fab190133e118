"""Kind ``csv``: every cell arrives as text, every line arrives, and what is wrong is said in one sentence."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.clients.sources import CsvSource
from workbench.errors import DataError
from workbench.sources import LINE, PROBLEM, Opening, open_source
from workbench.sources.text import as_utf8


def rows_of(opening: Opening, data: bytes, **options) -> list[dict]:
    (opening.project / "people.csv").write_bytes(data)
    source = CsvSource(kind="csv", path="people.csv", **options)
    return open_source(source, opening).rows.to_pyarrow().to_pylist()


def good(rows: list[dict]) -> list[tuple]:
    return [tuple(v for k, v in row.items() if k not in (PROBLEM, LINE)) for row in rows if row[PROBLEM] is None]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        pytest.param("id,name\n1,Zoë\n2,Ann\n".encode(), {}, id="utf-8"),
        pytest.param(codecs.BOM_UTF8 + "id,name\n1,Zoë\n2,Ann\n".encode(), {}, id="byte-order mark"),
        pytest.param("id,name\n1,Zoë\n2,Ann\n".encode("utf-16"), {"encoding": "utf-16"}, id="utf-16"),
        pytest.param(
            codecs.BOM_UTF16_BE + "id,name\n1,Zoë\n2,Ann\n".encode("utf-16-be"), {"encoding": "utf-16"}, id="utf-16-be"
        ),
        pytest.param("id,name\n1,Zoë\n2,Ann\n".encode("latin-1"), {"encoding": "latin-1"}, id="latin-1"),
        pytest.param("id,name\r\n1,Zoë\n2,Ann\r\n".encode(), {}, id="mixed line ends"),
        pytest.param("id,name\r\n1,Zoë\r\n2,Ann".encode(), {}, id="windows line ends, none at the end"),
        pytest.param("id,name\r1,Zoë\r2,Ann\r".encode(), {}, id="old mac line ends"),
        pytest.param("id;name\n1;Zoë\n2;Ann\n".encode(), {"delimiter": ";"}, id="semicolons"),
        pytest.param("id\tname\n1\tZoë\n2\tAnn\n".encode(), {"delimiter": "\t"}, id="tabs"),
        pytest.param('"id","name"\n"1","Zoë"\n"2","Ann"\n'.encode(), {}, id="quotes"),
        pytest.param("id,name\n\n1,Zoë\n\n2,Ann\n\n".encode(), {}, id="blank lines"),
    ],
)
def test_reads_every_encoding_and_line_end(opening, data, options):
    assert good(rows_of(opening, data, **options)) == [("1", "Zoë"), ("2", "Ann")]


def test_cells_stay_as_they_are_written(opening):
    rows = rows_of(opening, b'id,name\n007," a ""b"", c\nd "\n=cmd,x\0y\n')
    assert good(rows) == [("007", ' a "b", c\nd '), ("=cmd", "x\0y")]


def test_null_values_are_missing_and_so_is_nothing_at_all(opening):
    rows = rows_of(opening, b'id,name\nNA,\n"",-\n', null_values=["NA", "-"])
    assert good(rows) == [(None, None), (None, None)]


def test_lines_that_are_no_rows_are_kept_as_they_stand(opening):
    rows = rows_of(opening, b'id,name\n1\n2,b\n3,c,x,y\n4,"d"e\n5,f\n')
    assert good(rows) == [("2", "b"), ("5", "f")]
    assert [(row[PROBLEM], row[LINE]) for row in rows if row[PROBLEM]] == [
        ("line has too few values", "1"),
        ("line has too many values", "3,c,x,y"),
        ("line has text after a closing quote", '4,"d"e'),
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_rows(opening):
    data = b'id,name\n1,a\n2,"b\n' + b"".join(b"%d,c\n" % number for number in range(1000))
    with pytest.raises(DataError) as raised:
        rows_of(opening, data)
    assert str(raised.value) == (
        "client acme, table people, people.csv: line 3 opens a quote that is not closed, or is longer than 2,000,000 "
        "bytes. Next: close the quote, or write it twice where it stands inside a quoted value"
    )


def test_column_names_never_become_part_of_a_query(opening):
    names = ["select", "a'b", '"x"', "}); drop table t; --", "ünï cödé"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    (opening.project / "people.csv").write_text(f"{header}\n1,2,3,4,5\n", encoding="utf-8")
    rows = open_source(CsvSource(kind="csv", path="people.csv"), opening).rows
    assert list(rows.columns) == [*names, PROBLEM, LINE]
    assert good(rows.to_pyarrow().to_pylist()) == [("1", "2", "3", "4", "5")]


def test_a_glob_is_one_table_in_the_order_of_the_names(opening):
    for name, row in (("b", "2"), ("a", "1"), ("c", "3")):
        (opening.project / f"{name}.csv").write_text(f"id\n{row}\n")
    opened = open_source(CsvSource(kind="csv", path="*.csv"), opening)
    assert good(opened.rows.to_pyarrow().to_pylist()) == [("1",), ("2",), ("3",)]
    assert [file.name for file in opened.files] == ["a.csv", "b.csv", "c.csv"]


def test_files_of_one_table_have_one_header(opening):
    (opening.project / "a.csv").write_text("id,name\n1,x\n")
    (opening.project / "b.csv").write_text("id,title\n1,x\n")
    with pytest.raises(DataError) as raised:
        open_source(CsvSource(kind="csv", path="*.csv"), opening)
    assert str(raised.value) == (
        "client acme, table people, b.csv: the header is not that of a.csv: column 'title' differs. "
        "Next: all files of one table have one header; give the others a table of their own"
    )


HEADER = "Next: the first line has to name the columns"
SET = "for this source in client.yml, or repair the line"


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (b"", {}, ": is empty. Next: bring the data, or take the table out of client.yml"),
        (b" \n\n", {}, ": is empty. Next: bring the data, or take the table out of client.yml"),
        (b"\nid,name\n1,a\n", {}, f": the first line is blank. {HEADER}"),
        (b'"id,name\n1,a\n', {}, f": has no header that can be read (unexpected end of data). {HEADER}"),
        (
            b"id,name\n",
            {},
            ": there are columns but no rows. Next: bring the data, or take the table out of client.yml",
        ),
        (b"id,,name\n1,2,3\n", {}, f": column 2 has no name. {HEADER}"),
        (b"id,name,id\n1,2,3\n", {}, ": column 'id' stands twice. Next: rename one of them in the source"),
        (b"id,Id\n1,2\n", {}, ": 'id' and 'Id' differ by case only. Next: rename one of them in the source"),
        (b"idx\0,name\n1,2\n", {}, rf": the name of column 1, 'idx\x00', cannot be printed. {HEADER}"),
        (
            b"_row,name\n1,2\n",
            {},
            ": column '_row' starts with an underscore, which is ours. Next: rename it in the source",
        ),
        (b"id;name\n1;2\n", {}, ": the header is one column, 'id;name'. Next: set `delimiter: ';'` in client.yml"),
        (
            "id,name,city\n1,a,x\n2,Zoë,x\n".encode("latin-1"),
            {},
            f", column 'name': line 3 is not utf-8. Next: set `encoding: latin-1` (or utf-16) {SET}",
        ),
        (
            "id,namë\n1,a\n".encode("latin-1"),
            {},
            f": line 1 is not utf-8. Next: set `encoding: latin-1` (or utf-16) {SET}",
        ),
        ("id,name\n1,a\n".encode("utf-16"), {}, ": is utf-16, not utf-8. Next: set `encoding: utf-16` in client.yml"),
        (
            "id,name\n1,a\n".encode("utf-16-le"),
            {},
            ": is utf-16, not utf-8. Next: set `encoding: utf-16` in client.yml",
        ),
        (
            "id,name\n1,a\n".encode("utf-8-sig"),
            {"encoding": "latin-1"},
            ": is utf-8, not latin-1. Next: set `encoding: utf-8` in client.yml",
        ),
        (
            b"id,name\n1,a\n",
            {"encoding": "utf-16"},
            ": is not utf-16. Next: set `encoding: utf-8` or `latin-1` in client.yml",
        ),
        (
            "id,name\n1,a\n".encode("utf-16") + b"\x00",
            {"encoding": "utf-16"},
            ": is not utf-16. Next: correct `encoding` of this source in client.yml: utf-8, utf-16, latin-1 or windows-1252",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(opening, data, options, sentence):
    with pytest.raises(DataError) as raised:
        rows_of(opening, data, **options)
    assert str(raised.value) == f"client acme, table people, people.csv{sentence}"


def test_a_wrong_byte_is_found_beyond_the_first_chunk(opening):
    data = b"id,name\n" + b"1,a\n" * 600_000 + b"2,\xff\n"
    with pytest.raises(DataError, match="column 'name': line 600002 is not utf-8"):
        rows_of(opening, data)


def test_a_character_may_be_cut_by_a_chunk(opening):
    # The two bytes of ë stand on both sides of the first MiB.
    data = b"name\n" + b"x" * (2**20 - 6) + "ë\n".encode()
    assert data[2**20 - 1 : 2**20 + 1] == "ë".encode()
    assert good(rows_of(opening, data))[0][0].endswith("xë")


def test_a_line_end_may_be_cut_by_a_chunk(opening):
    # \r is the last character of the first MiB, \n the first of the second.
    start = b"name\r\n" + b"x" * (2**20 - 7) + b"\r\ny\r\n"
    assert start[2**20 - 1 : 2**20 + 1] == b"\r\n"
    assert [name[-1] for (name,) in good(rows_of(opening, start + b"z\n"))] == ["x", "y", "z"]
    # With line ends of one kind there is nothing to rewrite.
    (opening.project / "plain.csv").write_bytes(start)
    assert as_utf8(opening.project / "plain.csv", "utf-8", ",", opening.folder(), "") == opening.project / "plain.csv"


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from(["utf-8", "utf-16"]))
def test_what_was_written_is_read(opening, table, encoding):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table]
    data = "\n".join(["a,b", *lines, ""]).encode(encoding)
    rows = rows_of(opening, data, encoding=encoding)
    assert good(rows) == [tuple(cell or None for cell in row) for row in table]
    assert len(rows) == len(table)


def renamed(opening, **names):
    (opening.project / "people.csv").write_text("Full Name,Age\nAnn,3\n")
    source = CsvSource(kind="csv", path="people.csv", rename=names)
    return open_source(source, opening).rows


def test_columns_get_the_names_of_client_yml(opening):
    rows = renamed(opening, full_name="Full Name")
    assert [name for name in rows.columns if not name.startswith("_")] == ["full_name", "Age"]


def test_a_column_that_is_to_be_renamed_and_is_not_there(opening):
    with pytest.raises(DataError, match=r"'Full Nam', which `rename` calls 'x', .* did you mean 'Full Name'"):
        renamed(opening, x="Full Nam")


def test_no_name_is_given_twice(opening):
    with pytest.raises(DataError, match="makes a second column 'age'"):
        renamed(opening, age="Full Name")
