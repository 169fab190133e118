"""What the pages are made of: whatever a name or an error holds, it is text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.clients import ClientRegistry
from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Outcome
from workbench.fleet.schema import connect
from workbench.fleet.trends import Point
from workbench.ui.spark import chart, spark
from workbench.ui.words import ago, short, size, until

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onload='alert(1)", "javascript:alert(1)", "{{ 7*7 }}",
    "{% raw %}", "</style><style>*{}", "</title>", "&lt;b&gt;", "\u202egnp.exe", "<!--", "]]>", "\x00\x1b[31m", "%s%n",
]  # fmt: skip


class Shape(HTMLParser):
    """Tags and attributes, and the words between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def shape_of(markup: bytes) -> Shape:
    shape = Shape()
    shape.feed(markup.decode())
    shape.close()
    return shape


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=40))
def test_no_text_becomes_markup(
    ran: Path, tmp_path_factory: pytest.TempPathFactory, pages: Callable[[Path], Any], text: str
) -> None:
    project = tmp_path_factory.mktemp("hostile") / "fleet"
    shutil.copytree(ran, project, ignore=shutil.ignore_patterns("*-shm", "*-wal"))
    path = project / "conf/clients/alpha/client.yml"
    plain = text.encode("utf-8", "replace").decode()
    hostile = [json.dumps(plain[:80]), json.dumps(plain)]
    path.write_text(path.read_text().replace("title: Alpha", f"title: {hostile[0]}\ndescription: {hostile[1]}"))
    ledger = Ledger.of(project)
    number = ledger.start("alpha", plain)
    ledger.finish(number, "failed", seconds=1.0, error=plain, outcome=Outcome(plain, 3, plain, 0.5))
    about = {"tables": {plain: {"kept": 1, "source": {"files": [{"name": plain, "sha256": plain}]}}}}
    (project / "data/alpha/08_reporting/ingest.json").write_text(json.dumps(about))
    verdict = {"decision": plain, "reasons": [plain], "sha256": plain}
    (project / "data/alpha/08_reporting/verdict.json").write_text(json.dumps(verdict))
    for target in ("/", "/clients/alpha"):
        before, after = shape_of(pages(ran).answer(target).body), shape_of(pages(project).answer(target).body)
        assert after.tags <= before.tags | {"b", "small", "lead", "dt", "dd", "div", "bdi", "p"}
        assert not any(name.startswith("on") for name in after.attributes)
        assert after.attributes <= before.attributes | {"title"}
        assert all(link.startswith(("/", "?")) for link in after.links)
    shutil.rmtree(project)


def test_an_address_of_mlflow_shows_no_password(monkeypatch: pytest.MonkeyPatch, ran: Path) -> None:
    from workbench.ui.neighbours import Neighbours

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hunter2@mlflow.example/base/")
    assert Neighbours(ran, mlflow="x", viz="y")._mlflow == "https://mlflow.example/base"


def test_a_hundred_clients_by_eight_pipelines(
    monkeypatch: pytest.MonkeyPatch, ran: Path, tmp_path: Path, pages: Callable[[Path], Any]
) -> None:
    project = tmp_path / "many"
    shutil.copytree(ran / "conf", project / "conf")
    text = (project / "conf/clients/alpha/client.yml").read_text()
    names = [f"client_{number:03d}" for number in range(97)]
    for name in names:
        folder = project / "conf/clients" / name
        folder.mkdir()
        (folder / "client.yml").write_text(text.replace("id: alpha", f"id: {name}"))
    row = "INSERT INTO run (client, pipeline, state, started, finished, seconds, pid, birth, host, metric, value, champion)"
    row += " VALUES (?, ?, 'succeeded', '2026-11-24T10:00:00+00:00', '2026-11-24T10:00:09+00:00', ?, 1, 'x', 'x', 'auc', ?, 1)"
    with connect(project / ".workbench/ledger.db") as connection:
        connection.execute("BEGIN")
        cells = [(name, f"pipeline_{number}") for name in [*names, "alpha", "beta", "gamma"] for number in range(8)]
        connection.executemany(row, [(*cell, 1.0 + turn, 0.5 + turn / 99) for turn in range(15) for cell in cells])
        connection.execute("COMMIT")
    site = pages(project)
    assert site.answer("/").body.count(b"<polyline") == 900, "eight durations and a metric each"
    again: list[str] = []
    monkeypatch.setattr(ClientRegistry, "load", lambda _, name: again.append(name))
    assert site.answer("/").body.count(b"<polyline") == 900
    (project / "conf/clients/client_007/client.yml").touch()
    site.answer("/")
    assert again == ["client_007"], "a client's file is read again when it has changed, and at no other time"


def test_a_line_is_drawn_from_left_to_right_and_high_is_up() -> None:
    points = [Point(1, 1.0), Point(2, 3.0), Point(3, 2.0)]
    drawn = spark(points, 'a "line"')
    assert 'points="2.5,14.5 23.0,2.5 43.5,8.5"' in drawn
    assert "a &#34;line&#34;" in drawn
    assert spark(points[:1], "one is no line") == ""
    assert "8.5" in spark([Point(1, 5.0), Point(2, 5.0)], "what stays lies in the middle")


def test_a_chart_rings_a_new_champion() -> None:
    points = [Point(4, 0.5, 1), Point(5, 0.6, 1), Point(7, 0.7, None), Point(9, 0.8, 2)]
    drawn = chart(points, "auc")
    assert drawn.count('class="crowned"') == 2
    assert "run 9: 0.8, champion version 2" in drawn
    assert chart([], "nothing") == ""
    assert "run 4" in chart(points[:1], "one")


def test_words() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    said = [ago(now - timedelta(seconds=seconds), now) for seconds in (-60, 0, 59, 60, 3599, 7200, 90_000)]
    assert said == ["just now", "just now", "59 s ago", "1 min ago", "59 min ago", "2 h ago", "1 d ago"]
    assert [until(now + timedelta(seconds=seconds), now) for seconds in (1, 61, 86_400)] == [
        "now",
        "in 1 min",
        "in 1 d",
    ]
    assert [short(value) for value in (0.123456, 1234567.0)] == ["0.1235", "1.235e+06"]
    assert [size(count) for count in (7, 1234, 5_000_000, 2_000_000_000)] == ["7 B", "1.2 kB", "5.0 MB", "2.0 GB"]
