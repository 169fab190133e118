"""No path leads out of a client's reporting folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.ui.files import read_report, reports_of

CANARY = b"canary-of-another"
MINE = ("data", "alpha", "08_reporting")
PIECES = [
    "..", ".", "", "/", "//", "\\", "%2e%2e", "%2f", "%5c", "%00", "%252e", "clients", "alpha", "beta", "reports", "data",
    "08_reporting", "secret.html", "link.html", "linked", "model_card.html", "conf", "client.yml", "?", "#", "～", "ａlpha",
    "ALPHA", "alpha ", "alpha.", "file:", "http:", "\u202e", "x" * 300,
]  # fmt: skip


@pytest.fixture
def planted(ran: Path, tmp_path: Path) -> Path:
    """The fleet's folder with canaries around alpha's reports, and ways to them inside."""
    root = tmp_path / "fleet"
    root.symlink_to(ran)  # read only; what is planted lies in a folder of its own
    own = tmp_path / "planted"
    mine = own.joinpath(*MINE)
    mine.mkdir(parents=True)
    (own / "conf").symlink_to(ran / "conf")
    (own / ".workbench").mkdir()
    (mine / "model_card.html").write_bytes(b"mine")
    for place in (
        own / "secret.html",
        own / "data/secret.html",
        own / "data/alpha/secret.html",
        tmp_path / "secret.html",
    ):
        place.write_bytes(CANARY)
    other = own / "data/beta/08_reporting"
    other.mkdir(parents=True)
    (other / "theirs.html").write_bytes(CANARY)
    (mine / "link.html").symlink_to(own / "secret.html")
    (mine / "linked").symlink_to(other)
    (mine / "folder.html").mkdir()
    (mine / "notes.txt").write_bytes(CANARY)
    (mine / ".hidden.html").write_bytes(CANARY)
    os.mkfifo(mine / "pipe.html")
    return own


def test_the_list_names_plain_reports_only(planted: Path) -> None:
    assert [report.name for report in reports_of(planted, MINE)] == ["model_card.html"]
    assert reports_of(planted, ("data", "nobody", "08_reporting")) == []


@pytest.mark.parametrize(
    "name",
    ["link.html", "folder.html", "pipe.html", "notes.txt", ".hidden.html", "../secret.html", "linked/theirs.html", "",
     "/etc/passwd", "model_card.html\0", "model_card.html\n", "model_card.HTML", "a" * 101 + ".html", "модель.html"],
)  # fmt: skip
def test_what_is_no_report_is_not_read(planted: Path, name: str) -> None:
    assert read_report(planted, MINE, name) is None


def test_a_folder_that_is_a_link_is_not_followed(planted: Path) -> None:
    (planted / "data/gamma").symlink_to(planted / "data/beta")
    (planted / "data/delta").mkdir()
    (planted / "data/delta/08_reporting").symlink_to(planted / "data/beta/08_reporting")
    assert read_report(planted, ("data", "beta", "08_reporting"), "theirs.html") == CANARY
    for client in ("gamma", "delta"):
        assert read_report(planted, ("data", client, "08_reporting"), "theirs.html") is None
        assert reports_of(planted, ("data", client, "08_reporting")) == []
    for way in (("data", "..", "data", "beta", "08_reporting"), ("data/beta", "08_reporting")):
        assert read_report(planted, way, "theirs.html") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=8), st.sampled_from(["/", "%2f", "", "\\"]))
def test_no_target_reaches_a_canary(
    planted: Path, pages: Callable[[Path], Any], pieces: list[str], between: str
) -> None:
    site = pages(planted)
    for start in ("/", "/clients/alpha/reports/", "/clients/", "/reports/"):
        answer = site.answer(start + between.join(pieces))
        assert answer.status in {200, 404}
        assert CANARY not in answer.body
