"""The prediction log: every line is counted once, whatever is in the files, and nothing but good lines is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from workbench.clients.serving import PredictionLog as Settings
from workbench.datasets import PredictionLog
from workbench.errors import DataError
from workbench.learning import Columns
from workbench.monitoring import log_files
from workbench.monitoring.log_files import opened
from workbench.monitoring.log_table import Asked, served_rows
from workbench.monitoring.served import about_lines, measure_served
from workbench.serving.contract import Predicted
from workbench.serving.prediction_log import PredictionLog as Writer
from workbench.serving.rows import Rows

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
COLUMNS = Columns("binary", "y", numeric=("x", "o'clock"), categorical=('the "kind"',))
ASKED = Asked("acme", COLUMNS, NOW, 30)


def line(**changes: Any) -> dict[str, Any]:
    """A line as a server writes it."""
    features = {"x": 1.5, "o'clock": None, 'the "kind"': "a"}
    return {
        "at": "2026-11-29T10:00:00.000+00:00",
        "model": "acme",
        "version": "3",
        "request_id": "r",
        "row": 0,
        "prediction": 1,
        "probability": 0.75,
        "features": features,
        **changes,
    }


def text(*lines: dict[str, Any] | bytes) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "predictions.jsonl"


def counted(path: Path, asked: Asked = ASKED) -> dict[str, int]:
    with served_rows(path, asked) as found:
        return dict(found.lines)


def test_no_log_is_said_and_is_no_failure(log: Path) -> None:
    with served_rows(log, ASKED) as found:
        measured = measure_served(found, 3, None, None)  # type: ignore[arg-type]
    assert measured["log"] is False
    assert about_lines(measured, 3) == [
        "Nothing was served here: there is no prediction log, so nothing of it was measured."
    ]


def test_all_files_are_read_and_a_name_that_is_no_file_of_the_log_is_not(log: Path) -> None:
    for name in ("", ".1", ".2", ".10"):
        log.with_name(log.name + name).write_bytes(text(line()))
    for name in (".bak", ".1.gz", ".x1", ".²"):
        log.with_name(log.name + name).write_bytes(text(line(), line()))
    assert counted(log)["rows"] == 4


def test_what_a_server_writes_is_read_as_it_was(log: Path) -> None:
    class Version:
        name = "3"

        class contract:  # noqa: N801 - as the server calls it
            columns = COLUMNS

    writer = Writer(log, Settings(), "acme")
    writer.start()
    rows = Rows([(1.5, None), (2.5, 3.0)], [("a",), (None,)])
    writer.note("r", Version, rows, Predicted([1, 0], [0.75, 0.25]))  # type: ignore[arg-type]
    writer.close()
    now = datetime.now(UTC)
    with served_rows(log, Asked("acme", COLUMNS, now, 1)) as found:
        features, not_logged = found.features_of("3")
        assert not_logged == []
        assert features.to_pyarrow().to_pylist() == [
            {"x": 1.5, "o'clock": None, 'the "kind"': "a"},
            {"x": 2.5, "o'clock": 3.0, 'the "kind"': None},
        ]
        assert found.predictions_of("3").to_pyarrow().to_pylist() == [
            {"prediction": 1.0, "probability": 0.75},
            {"prediction": 0.0, "probability": 0.25},
        ]


def test_each_line_that_does_not_count_is_counted_and_leaves_nothing_else(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests have such folders, too
    log.write_bytes(
        text(
            line(),
            line(version="2"),
            line(kept_for="later", another=1),
            line(model="acme_2", prediction=0.123456),
            line(at=(NOW + timedelta(days=2)).isoformat()),
            line(at=(NOW - timedelta(days=31)).isoformat()),
            line(at="yesterday"),
            line(at=None),
            line(version=None),
            b"[1, 2]",
            b"null",
            b"[" * 200_000,
            json.dumps(line(request_id="?")).replace("?", "\\ud800").encode(),
            b"{",
            b"",
            b"\x00" * 40,
            b'{"at": "\xff"}',
            b"\x1f,\t'\"",
        )
        + b'{"at": "2026-11-29T10:00:00.0'
    )
    with served_rows(log, ASKED) as found:
        assert dict(found.lines) == {
            "lines": 19, "rows": 3, "foreign": 1, "future": 1, "old": 1, "unreadable": 13, "with_unknown_fields": 1,
            "torn": 1,
        }  # fmt: skip
        assert found.table is not None
        assert sorted(found.table.version.to_pyarrow().to_pylist()) == ["2", "3", "3"]
        kept = next(Path(tempfile.gettempdir()).glob("workbench-served-*/rows.parquet"))
        rows = pq.read_table(kept).to_pylist()
        left_out = [{name for name, value in row.items() if value} for row in rows if row["state"] != "rows"]
        assert left_out == [{"state"}] * 15, "of another client's line, and of all that do not count, nothing is kept"
    assert not kept.exists()
    said = " ".join(about_lines(measure_served(found_again(log), 3, None, None), 3))  # type: ignore[arg-type]
    for part in ("1 of 19 lines are another model's, and were refused", "13 of 19", "a clock is wrong", "do not know"):
        assert part in said or part == "do not know"


def found_again(log: Path) -> Any:
    """The counts, after the table has gone, for who needs no rows."""
    with served_rows(log, ASKED) as found:
        return type(found)(found.table.limit(0) if found.table is not None else None, {**found.lines, "rows": 0}, ASKED)


def test_a_torn_last_line_that_is_whole_all_the_same_counts(log: Path) -> None:
    log.write_bytes(text(line()) + json.dumps(line()).encode())
    assert counted(log) | {"rows": 2, "unreadable": 0, "torn": 1} == counted(log)


def test_a_line_without_end_is_skipped_and_what_comes_after_it_counts(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "CHUNK", 1000)
    monkeypatch.setattr(log_files, "LONGEST_LINE", 2000)
    log.write_bytes(text(line(), b"x" * 10_000, line(), b"y" * 2001, line()))
    assert counted(log) | {"lines": 5, "rows": 3, "unreadable": 2} == counted(log)
    log.write_bytes(text(line()) + b"z" * 10_000)
    assert counted(log) | {"lines": 2, "rows": 1, "unreadable": 1, "torn": 1} == counted(log)


def test_no_more_of_a_line_without_end_is_held_than_a_line_may_have(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "CHUNK", 1000)
    monkeypatch.setattr(log_files, "LONGEST_LINE", 2000)
    log.write_bytes(text(line(), b"x" * 50_000, line()))
    held = []
    real = log_files.LogFiles._batch
    monkeypatch.setattr(log_files.LogFiles, "_batch", lambda self, whole: held.append(len(whole)) or real(self, whole))
    with opened(log) as files:
        assert sum(batch.num_rows for batch in files.batches()) == 2
    assert max(held) <= 3000


def test_a_line_that_is_too_long_does_not_count_though_it_is_whole(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LONGEST_LINE", 2000)
    log.write_bytes(text(line(request_id="x" * 3000), line()))
    assert counted(log) | {"lines": 2, "rows": 1, "unreadable": 1} == counted(log)


def test_files_that_are_renamed_while_they_are_read_are_read_once_each(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server renames ``log`` to ``log.1`` and begins anew, between the listing and the opening."""
    log.write_bytes(text(*[line()] * 3))
    log.with_name(f"{log.name}.1").write_bytes(text(*[line()] * 2))
    real, renamed = log_files._names, []

    def names(path: Path) -> list[Path]:
        found = real(path)
        if not renamed:
            renamed.append(True)
            log.with_name(f"{log.name}.1").rename(log.with_name(f"{log.name}.2"))
            log.rename(log.with_name(f"{log.name}.1"))
            log.write_bytes(text(line()))
        return found

    monkeypatch.setattr(log_files, "_names", names)
    assert counted(log)["rows"] == 6


def test_what_is_written_after_the_files_were_opened_is_left_for_the_next_look(log: Path) -> None:
    log.write_bytes(text(line()))
    with opened(log) as files:
        with log.open("ab") as stream:
            stream.write(text(line()))
        assert sum(batch.num_rows for batch in files.batches()) == 1
    assert files.torn == 0


def test_features_that_are_not_logged_are_named_and_not_taken_for_missing(log: Path) -> None:
    log.write_bytes(text(line(features={"x": 1.0}), line(features={"x": 2.0}), line(version="2")))
    with served_rows(log, ASKED) as found:
        features, not_logged = found.features_of("3")
        assert features.columns == ("x",)
        assert not_logged == ["o'clock", 'the "kind"']
    log.write_bytes(text(line(features={})))
    with served_rows(log, ASKED) as found:
        assert found.features_of("3")[1] == list(COLUMNS.features)


def test_days_and_versions_are_counted(log: Path) -> None:
    log.write_bytes(
        text(
            line(),
            line(),
            line(version="2"),
            line(at="2026-11-28T23:59:59+00:00"),
            line(at="2026-11-29T01:00:00+02:00"),
        )
    )
    with served_rows(log, ASKED) as found:
        measured = measure_served(found, 3, None, None)  # type: ignore[arg-type]
    assert measured["days"] == [{"day": "2026-11-28", "rows": 2}, {"day": "2026-11-29", "rows": 3}]
    assert measured["versions"] == [
        {"version": "3", "rows": 4, "share": 0.8},
        {"version": "2", "rows": 1, "share": 0.2},
    ]
    assert measured["rows"] == 4


def test_a_champion_that_serves_nothing_is_told(log: Path) -> None:
    log.write_bytes(text(line(version="2")))
    with served_rows(log, ASKED) as found:
        measured = measure_served(found, 3, None, None)  # type: ignore[arg-type]
    assert "version 3, served nothing in these days; others did: 2 (100%)" in " ".join(about_lines(measured, 3))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
fields = st.sampled_from(["at", "model", "version", "prediction", "probability", "features", "row", "more"])
broken = st.builds(lambda changes: {**line(), **changes}, st.dictionaries(fields, values, max_size=3))
lines = st.lists(
    st.one_of(
        st.just(line()),
        broken,
        values.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b" ")),
        st.just(json.dumps(line()).encode()[:50]),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(lines, st.binary(max_size=20), st.integers(20, 400))
def test_whatever_the_files_hold_each_line_is_counted_once(
    given: list[dict[str, Any] | bytes], tail: bytes, chunk: int
) -> None:
    kept = log_files.CHUNK
    log_files.CHUNK = chunk
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "predictions.jsonl"
            whole = text(*given) + tail
            path.write_bytes(whole)
            with served_rows(path, ASKED) as found:
                states = {name: found.lines[name] for name in ("rows", "foreign", "future", "old", "unreadable")}
                wanted = whole.count(b"\n") + (not whole.endswith(b"\n") and bool(whole))
                assert found.lines["lines"] == sum(states.values()) == wanted
                good = sum(one == line() for one in given)
                assert found.lines["rows"] >= good
                measure_served(found, 3, None, None)  # type: ignore[arg-type]
                if found.lines["rows"]:
                    found.features_of("3")[0].to_pyarrow()
    finally:
        log_files.CHUNK = kept


def test_a_log_that_nobody_may_read_is_named(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_bytes(text(line()))

    def refuse(self: Path, *_: object) -> Iterator[None]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"predictions.jsonl: the prediction log cannot be read \(Permission denied\)"):
        counted(log)


def test_a_link_to_another_clients_log_is_refused(tmp_path: Path) -> None:
    for client in ("acme", "acme_2"):
        (tmp_path / "conf/clients" / client).mkdir(parents=True)
        (tmp_path / "conf/clients" / client / "client.yml").write_text("id: x\n")
        (tmp_path / "data" / client / "07_model_output/serving").mkdir(parents=True)
    place = "07_model_output/serving/predictions.jsonl"
    (tmp_path / "data/acme_2" / place).write_bytes(text(line()))
    for name in (place, f"{place}.1"):
        (tmp_path / "data/acme" / name).symlink_to(tmp_path / "data/acme_2" / place)
        with pytest.raises(DatasetError, match="a link leads out of the client's own folders"):
            PredictionLog(filepath=str(tmp_path / "data/acme" / place)).load()
        (tmp_path / "data/acme" / name).unlink()
    assert PredictionLog(filepath=str(tmp_path / "data/acme" / place)).load().path.name == "predictions.jsonl"


@pytest.mark.slow
def test_a_large_log_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """300 MB of lines twice, in a process that says how much it took beyond its imports: it stays at a level."""
    block = text(*[line(row=row) for row in range(10_000)])
    log = tmp_path / "predictions.jsonl"
    with log.open("wb") as stream:
        for _ in range(300 * 2**20 // len(block)):
            stream.write(block)
    script = f"""
import resource, sys
from datetime import datetime, UTC
from pathlib import Path
from workbench.learning import Columns
from workbench.monitoring.log_table import Asked, served_rows
from workbench.engines import connection
connection()
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
columns = Columns("binary", "y", numeric=("x", "o'clock"), categorical=('the "kind"',))
for _ in range(2):
    with served_rows(Path({str(log)!r}), Asked("acme", columns, datetime(2026, 11, 30, 12, tzinfo=UTC), 30)) as found:
        rows = found.lines["rows"]
print(rows, peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    rows, more = done.stdout.split()
    assert int(rows) == 10_000 * (300 * 2**20 // len(block))
    assert float(more) < 600, f"it took {more} MB for twice {log.stat().st_size / 2**20:.0f} MB of lines"
