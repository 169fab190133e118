"""A day of a fleet of twenty clients in seconds, with the scheduler killed again and again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workbench.schedules.book import SlotBook
from workbench.schedules.cron import Cron

START, END = "2026-03-28T12:00:00", "2026-03-29T12:00:00"  # the clocks of Europe change in between
FACTOR = 3600.0
ZONES = ["UTC", "Europe/Zurich", "America/New_York", "Asia/Kolkata"]


@pytest.fixture
def hook():
    """A webhook that counts deliveries by their key, and is out of order now and then."""
    got: Counter[str] = Counter()
    rng = random.Random(5)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            refused = rng.random() < 0.1
            if not refused:
                got[self.headers["Idempotency-Key"]] += 1
            self.send_response(503 if refused else 204)
            if refused:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/reports", got
    server.shutdown()
    server.server_close()
    thread.join()


def schedule_of(index: int) -> dict[str, Any]:
    return {
        "cron": f"{index * 3 % 60} {index % 24},{(index + 9) % 24} * * *",
        "timezone": ZONES[index % len(ZONES)],
        "templates": ["model_card"],
        "deliver": ["site", "hook"],
        "missed": "all",
        "retries": 20,
    }


@pytest.mark.slow
@pytest.mark.integration
def test_every_slot_of_a_day_is_delivered_exactly_once(fleet: Any, hook: Any) -> None:
    url, got = hook
    deliver = {"site": {"kind": "folder", "path": "reports"}, "hook": {"kind": "webhook", "url": url}}
    schedules = {f"client_{index:02}": schedule_of(index) for index in range(20)}
    project = fleet(deliver, **{client: {"daily": one} for client, one in schedules.items()})
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (START, END))
    expected = {
        (client, due)
        for client, one in schedules.items()
        for due in Cron(one["cron"], one["timezone"]).missed(start, end, 99)
    }
    book = SlotBook(project)
    book.known_since([(client, "daily") for client in schedules], start)
    (project / "origin").write_text(str(time.time()))

    kills = run_with_kills(project, random.Random(17))

    assert kills >= 4
    slots = book.history(None, 1000)
    assert {(slot.client, slot.due) for slot in slots} == expected
    assert {(slot.state, slot.reason) for slot in slots} == {("delivered", None)}
    assert len(slots) == len(expected)
    receipts = book.receipts([slot.number for slot in slots])
    assert Counter(receipt.state for receipt in receipts) == {"sent": 2 * len(expected)}
    keys = {f"{client}/daily/{due:%Y%m%dT%H%M%SZ}" for client, due in expected}
    assert set(got) == keys, "each was posted, under one key however often"
    assert {f"{p.parents[3].name}/{p.parents[1].name}/{p.parent.name}" for p in folders(project)} == keys
    assert not list(project.rglob(".staging-*")), "nothing half-written is left"
    for path in folders(project):
        assert json.loads(path.read_text())["client"] == path.parents[3].name


def folders(project: Path) -> list[Path]:
    return list((project / "deliveries").glob("*/reports/*/*/parcel.json"))


def run_with_kills(project: Path, rng: random.Random) -> int:
    """Run the scheduler to the end of the day; kill it, its children, or both, at random moments."""
    script = str(Path(__file__).with_name("simulated_scheduler.py"))
    kills = 0
    with (project / "scheduler.log").open("w") as log:
        for attempt in range(60):
            process = subprocess.Popen(
                [sys.executable, script, str(project), str(FACTOR), START, END], stdout=log, stderr=log
            )
            try:
                process.wait(timeout=rng.uniform(1.5, 5.0) if attempt < 6 else 120)
            except subprocess.TimeoutExpired:
                children = children_of(process.pid)
                if attempt % 3 != 1:
                    process.send_signal(signal.SIGKILL if attempt % 3 == 0 else signal.SIGTERM)
                if attempt % 2 == 0:
                    for child in children:
                        kill_group(child)
                if attempt % 3 == 1:
                    process.kill()
                process.wait()
                kills += 1
                continue
            assert process.returncode == 0, (project / "scheduler.log").read_text()[-4000:]
            if "over" in (project / "scheduler.log").read_text():
                return kills
    pytest.fail("it never came to its end")


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
