"""One file of predictions, written by several processes: a line goes out whole, and one of them begins the next file."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workbench.clients.serving import PredictionLog as Settings
from workbench.serving.prediction_log import PredictionLog
from workbench.serving.rows import Rows

VERSION: Any = SimpleNamespace(name="3", contract=SimpleNamespace(columns=SimpleNamespace(features=("a",))))
PREDICTED: Any = SimpleNamespace(records=lambda: [{"prediction": 1}])


def opened(path: Path, bytes_: int, **more: Any) -> PredictionLog:
    """One that writes when it is closed."""
    made = PredictionLog(path, Settings(megabytes=bytes_ / 2**20, **more), "tiny")
    made.start()
    return made


def note(log: PredictionLog, request: str) -> None:
    log.note(request, VERSION, Rows([(1.0,)], [()]), PREDICTED)


def requests(path: Path) -> list[str]:
    return [json.loads(line)["request_id"] for line in path.read_text().splitlines()]


def test_what_another_process_has_renamed_is_not_renamed_again(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    mine, other = opened(path, 100), opened(path, 100)
    note(other, "one")
    other.close()
    assert requests(path.with_name("predictions.jsonl.1")) == ["one"]
    mine._rotate()  # the file was full when it wrote, and is none by now
    path.write_text("")
    mine._rotate()
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["predictions.jsonl", "predictions.jsonl.1"]
    mine.close()


def test_two_do_not_rename_at_once(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    mine, other = opened(path, 100), opened(path, 100)
    note(mine, "one")
    with other._alone():
        ends = threading.Thread(target=mine.close)
        ends.start()
        ends.join(0.5)
        assert ends.is_alive()
        assert requests(path) == ["one"]
    ends.join()
    assert not path.exists()
    other.close()


def test_the_oldest_goes_when_there_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    for number in range(4):
        log = opened(path, 100, files=2)
        note(log, str(number))
        log.close()
    found = {one.suffix: requests(one) for one in tmp_path.iterdir()}
    assert found == {".1": ["3"], ".2": ["2"]}


def test_what_the_disk_is_too_slow_for_is_dropped_and_counted(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "predictions.jsonl", Settings(waiting=2), "tiny")
    for number in range(3):
        note(log, str(number))
    assert log.dropped == 1
    log.start()
    log.close()
    assert requests(tmp_path / "predictions.jsonl") == ["0", "1"]
