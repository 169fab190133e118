"""New clients from files that no person should send, and configuration that no person should write."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError

NAMES = "Next: name the columns that identify a row together: --key <column> --key <column>"


def table(head: str, line: Callable[[int], str], rows: int = 200) -> bytes:
    return "\n".join([head, *map(line, range(rows)), ""]).encode()


def good(row: int) -> str:
    return f"{row},{'abc'[row % 3]},{row % 2}"


GOOD = table("id,city,late", good)
TORN_GZ = gzip.compress(GOOD, mtime=0)[:-30]


@dataclass(frozen=True)
class Arrival:
    """``kedro client add nova --from <file> --target late --no-smoke``.

    Attributes:
        fault: its number in docs/reliability.md.
        content: the file's bytes.
        said: the whole sentence; empty if the client is taken on.
        options: more options.
        name: the file's name.
        has: what client.yml and schema.yml say then: text that stands in one of them.
    """

    fault: int
    content: bytes
    said: str = ""
    options: tuple[str, ...] = ()
    name: str = "orders.csv"
    has: tuple[str, ...] = ()


FILE = "client nova, table orders, orders.csv: "
ARRIVALS = {
    "empty": Arrival(50, b"", f"{FILE}is empty. Next: bring the data, or take the table out of client.yml"),
    "one row": Arrival(50, b"id,city,late\n1,a,1\n", "target 'late': has one value only, so there is nothing to predict. Next: name another --target"),
    "a spreadsheet": Arrival(50, b"PK\x03\x04", "'…/orders.xlsx' holds no table that can be read (tried: .csv, .tsv, .txt, .parquet, .pq, .gz, .zip). Next: give a CSV or Parquet file, or a folder of them", name="orders.xlsx"),
    "a pickle": Arrival(72, b"\x80\x04.", "'…/orders.pkl' holds no table that can be read (tried: .csv, .tsv, .txt, .parquet, .pq, .gz, .zip). Next: give a CSV or Parquet file, or a folder of them", name="orders.pkl"),
    "a web page": Arrival(50, b"<html>403</html>", f"{FILE}is a web page or XML, not CSV. Next: fetch the file again, signed in if need be"),
    "gzip cut at its end": Arrival(5, TORN_GZ, "client nova, table orders, orders.csv.gz: cannot be unpacked (Compressed file ended before the end-of-stream marker was reached). Next: fetch the file again, or unpack it by hand and name the plain file", name="orders.csv.gz"),
    "no such target": Arrival(50, table("id,city,lated", good), "client nova: no table has a column 'late' (tried: id, city, lated). Next: did you mean 'lated'?"),
    "a target without a value": Arrival(50, table("id,city,late", lambda row: f"{row},a,"), "target 'late': has no value. Next: name another --target"),
    "a target of one value": Arrival(50, table("id,city,late", lambda row: f"{row},a,1"), "target 'late': has one value only, so there is nothing to predict. Next: name another --target"),
    "no key": Arrival(53, table("id,city,late", lambda row: good(row % 100)), "no column identifies a row: none has a different value in each row (tried: id, city, late). Next: name the columns that do together: --key <column> --key <column>"),
    "a key that repeats": Arrival(53, table("id,city,late", lambda row: good(row % 100)), f"key column 'id' has 100 different values in 200 rows. {NAMES}", ("--key", "id")),
    "a key with a gap": Arrival(53, table("id,city,late", lambda row: f"{row or ''},a,{row % 2}"), "key column 'id' has no value in 1 of 200 rows. Next: name another --key, or leave it out", ("--key", "id")),
    "a time that is text": Arrival(54, GOOD, "column 'city' is string, which orders no rows in time. Next: name another --time-column, or leave it out", ("--time-column", "city")),
    "two classes of three": Arrival(50, table("id,late,x", good), "target 'late': has 3 different values, and a binary task has two. Next: name another --task, or leave it out", ("--task", "binary")),
    "a number of text": Arrival(50, table("id,late,x", good), "target 'late': is string, and a regression predicts a number. Next: name another --task, or leave it out", ("--task", "regression")),
    "a title of 500 letters": Arrival(70, GOOD, "client nova, conf/clients/nova/client.yml:4: title: String should have at most 80 characters. Next: give other options", ("--title", "x" * 500)),
    "a cell of a megabyte": Arrival(50, table("id,city,late", lambda row: f"{row},{'x' * (1_000_000 if row == 0 else 1)},{row % 2}"), has=("city: {type: string}",)),
    "gzip, semicolons, Windows-1252": Arrival(52, gzip.compress(table("id;city;late", lambda row: f"{row};5 €;{row % 2}").decode().encode("cp1252")), name="orders.csv.gz", has=('delimiter: ";"', 'encoding: "windows-1252"')),
    "UTF-16 without a mark": Arrival(52, GOOD.decode().encode("utf-16-be"), has=('encoding: "utf-16"',)),
    "account numbers of twenty digits": Arrival(54, table("account,city,late", lambda row: f"1234567890123456{7000 + row},a,{row % 2}"), has=("key: [account] # 200 rows, 200 different values", "account: {type: string}")),
    "a time that is yet to come": Arrival(54, table("id,ordered_on,late", lambda row: f"{row},{'9999-12-31' if row == 7 else f'2024-01-{1 + row % 28:02}'},{row % 2}"), has=("# time_column: # ordered_on goes on until 9999-12-31, which is yet to come",)),
    "a title that is YAML and a template": Arrival(70, GOOD, options=("--title", "a: *x\n!!python/name:os {{ 7 * 7 }} ${oc.env:HOME}"), has=(r'title: "a: *x\n!!python/name:os {{ 7 * 7 }} ${oc.env:HOME}"',)),
    "names that are SQL, templates and formulas": Arrival(53, table("id,\"x'; DROP TABLE t; --\",{{ 7 * 7 }},${oc.env:HOME},{0.__class__},=cmd,late", lambda row: f"{row},1,2,3,4,5,{row % 2}"), has=("x_drop_table_t: {type: int64}", "cmd: {type: int64}", '"=cmd"')),
}  # fmt: skip


@pytest.mark.parametrize("case", ARRIVALS.values(), ids=ARRIVALS)
def test_a_new_client(case: Arrival, desk: Any, tmp_path: Path, no_rest: None) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / case.name).write_bytes(case.content)
    before = desk.snapshot()
    said = desk.command(
        "add", "nova", "--from", str(inbox / case.name), "--target", "late", "--no-smoke", *case.options
    )
    after = desk.snapshot()
    assert (inbox / case.name).read_bytes() == case.content
    if case.said:
        assert said.replace(str(inbox), "…") == f"Error: {case.said}\n"
        assert after == before, "nothing of it is there"
        return
    folder = desk.project / "conf" / "clients" / "nova"
    texts = "".join(path.read_text() for path in sorted(folder.iterdir()))
    assert [text for text in case.has if text not in texts] == []
    client = ClientRegistry(desk.project).load("nova")
    assert client.title == (dict(zip(case.options, case.options[1:], strict=False)).get("--title") or "Nova")
    assert {path: after[path] for path in before} == before, "of others, nothing is changed"


ACME = """\
id: acme
title: Acme
owner: somebody
sources:
  people: {kind: csv, path: people.csv}
key: [id]
target: late
task: binary
metric: {name: roc_auc}
"""
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@dataclass(frozen=True)
class Written:
    """One file of a client, and what ``kedro client check`` says of it, behind the file's path."""

    fault: int
    text: str | bytes
    said: str
    file: str = "client.yml"
    where: str = field(default="")


def schema(column: str) -> str:
    return f"tables: {{people: {{columns: {{id: {column}}}}}}}\n"


ID = "client acme, "
WRITTEN = {
    "an alias bomb": Written(62, BOMB, ":2: an alias (*name) is not allowed; write the value out"),
    "a bomb of brackets": Written(62, "a: " + "[" * 3000 + "]" * 3000, ":1: nested deeper than 20 levels"),
    "a file of a megabyte": Written(62, "#" * 1_000_001, ": has 1,000,001 bytes, more than 1,000,000"),
    "a number of five thousand digits": Written(62, f"{ACME}x: {'9' * 5000}\n", f":10: '{'9' * 40}…' cannot be read (Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits); put it in quotes if it is text"),
    "a call": Written(63, f"{ACME}x: !!python/object/apply:os.system [id]\n", ":10: the tag !!python/object/apply:os.system is not allowed; write the value alone"),
    "a tag of one's own": Written(63, f"{ACME}x: !env SECRET\n", ":10: the tag !env is not allowed; write the value alone"),
    "a class for a kind": Written(65, ACME.replace("kind: csv", "kind: os.system"), ":5: sources.people: Input tag 'os.system' found using 'kind' does not match any of the expected tags: 'csv', 'database', 'package_csv', 'parquet', 'tpch', 'sklearn'", where=ID),
    "a class for a recipe": Written(65, f"{ACME}recipe: os.system\n", r":10: recipe: String should match pattern '^[A-Za-z_][A-Za-z0-9_]{0,62}$'", where=ID),
    "a path out of the project": Written(57, ACME.replace("path: people.csv", "path: ../../etc/passwd"), ":5: path '../../etc/passwd' leads out of the folder it is relative to. Next: give a path without a leading `/` and without `..`", where=ID),
    "a path from the root": Written(57, ACME.replace("path: people.csv", "path: /etc/passwd"), ":5: path '/etc/passwd' leads out of the folder it is relative to. Next: give a path without a leading `/` and without `..`", where=ID),
    "SQL for a table": Written(53, ACME.replace("people:", '"people; DROP TABLE x":'), ":5: sources.people; DROP TABLE x.[key]: String should match pattern '^[A-Za-z_][A-Za-z0-9_]{0,62}$'", where=ID),
    "another client's id": Written(58, ACME.replace("id: acme", "id: acme_2"), ":1: id is 'acme_2' but the folder is 'acme'. Next: write `id: acme`"),
    "UTF-16": Written(52, ACME.encode("utf-16"), ": is not UTF-8 at byte 0"),
    "a NUL byte": Written(52, f"{ACME}x: a\0b\n", ":10: control characters are not allowed"),
    "a key twice": Written(53, f"{ACME}title: Other\n", ":10: key 'title' stands twice"),
    "nothing": Written(50, "", ":1: id: this key is missing. Next: add `id:` (and 7 more after it)", where=ID),
    "a date that is none": Written(54, schema("{type: date, min: 2024-02-30}"), ":1: '2024-02-30' cannot be read (day is out of range for month); put it in quotes if it is text", "schema.yml"),
    "a bound that bounds nothing": Written(49, schema("{type: float64, max: .inf}"), ":1: tables.people.columns.id: max inf bounds nothing", "schema.yml", ID),
    "a pattern that looks around": Written(53, schema("{type: string, pattern: '(?=a)b'}"), ":1: tables.people.columns.id.pattern: '(?=a)b' looks around or refers back, which RE2 (and so DuckDB) cannot", "schema.yml", ID),
    "a parameter that is none": Written(68, "trian: {epochs: 3}\n", ":1: unknown parameter 'trian'. Next: did you mean 'train'?", "parameters.yml", ID),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN.values(), ids=WRITTEN)
def test_a_configuration(case: Written, desk: Any) -> None:
    base = desk.project / "conf" / "base"
    base.mkdir()
    (base / "parameters.yml").write_text("train: {epochs: 1}\n")
    folder = desk.project / "conf" / "clients" / "acme"
    path = folder / case.file
    path.write_bytes(case.text if isinstance(case.text, bytes) else case.text.encode())
    if case.file != "schema.yml":
        (folder / "schema.yml").unlink()
    before = desk.snapshot()
    said = desk.command("check", "acme")
    assert said == f"✗ acme: {case.where}{path}{case.said}\n"
    assert desk.snapshot() == before


def test_a_clients_logging_configuration_is_never_read(desk: Any, tmp_path: Path) -> None:
    """Python's logging configuration may name any callable. Ours lies in ``conf/``; a client has none."""
    from workbench.hooks.config_loader import ClientConfigLoader

    canary = tmp_path / "canary"
    base = desk.project / "conf" / "base"
    base.mkdir()
    (base / "parameters.yml").write_text("train: {epochs: 1}\n")
    folder = desk.project / "conf" / "clients" / "acme"
    handler = {"()": "pathlib.Path.mkdir", "self": str(canary)}
    (folder / "logging.yml").write_text(json.dumps({"version": 1, "handlers": {"x": handler}}))
    with pytest.raises(ConfigurationError, match=r"logging.yml: this is no file of a client's configuration"):
        ClientConfigLoader(desk.project / "conf", env="clients/acme", base_env="base", default_run_env="base")
    assert not canary.exists()
