"""A page becomes a PDF, or it is said what is missing."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError, ReportError
from workbench.reports import pdf

BROWSER = next((name for name in pdf.BROWSERS if shutil.which(name)), None)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a script in the place of the browser."""

    def write(script: str) -> None:
        path = tmp_path / "bin" / "chromium"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    return write


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "a page # 1.html"
    css = Path(pdf.__file__).with_name("page.css").read_text()
    rows = "".join(f"<tr><td>row {i}</td><td>text</td></tr>" for i in range(120))
    body = f"<main><h1>Title</h1><table><thead><tr><th>Name</th><th>x</th></tr></thead><tbody>{rows}</tbody></table></main>"
    path.write_text(f"<!doctype html><title>Weekly</title><style>{css}</style>{body}")
    return path


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_a_page_is_printed_on_a4_with_its_style(page: Path) -> None:
    target = page.with_suffix(".pdf")
    pdf.write_pdf(page, target)
    content = target.read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) > 1
    assert re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]", content), "A4"
    assert sorted(path.name for path in page.parent.iterdir()) == [page.name, target.name]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_the_page_for_a_manager_is_one_page(clinic_project: Path, tmp_path: Path) -> None:
    target = tmp_path / "executive.pdf"
    pdf.write_pdf(clinic_project / "data/clinic/08_reporting/executive.html", target)
    assert len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())) == 1


def test_without_a_browser_it_is_said_what_to_install(page: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"none on the PATH \(tried: chromium, .*apt install chromium"):
        pdf.write_pdf(page, tmp_path / "x.pdf")


def test_a_browser_that_prints_nothing_leaves_no_stale_pdf(page: Path, program) -> None:
    program("echo 'cannot open display' >&2; exit 1")
    target = page.with_suffix(".pdf")
    target.write_bytes(b"%PDF- of yesterday")
    with pytest.raises(ReportError, match="printed no PDF .cannot open display"):
        pdf.write_pdf(page, target)
    assert not target.exists()


def test_a_browser_that_hangs_is_killed_with_what_it_started(page: Path, program, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program(f"sleep 60 & echo $! > {pid}; sleep 60")
    started = time.monotonic()
    with pytest.raises(ReportError, match="took longer than 1 s to print"):
        pdf.write_pdf(page, tmp_path / "x.pdf", timeout_seconds=1)
    assert time.monotonic() - started < 20
    stat = Path(f"/proc/{pid.read_text().strip()}/stat")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and stat.exists() and stat.read_text().split()[2] != "Z":
        time.sleep(0.05)
    assert not stat.exists() or stat.read_text().split()[2] == "Z", "its child outlived it"


def test_what_is_no_pdf_is_not_kept(page: Path, program) -> None:
    program('for last; do case "$last" in --print-to-pdf=*) echo half > "${last#*=}";; esac; done')
    with pytest.raises(ReportError, match="printed no PDF .it said nothing"):
        pdf.write_pdf(page, page.with_suffix(".pdf"))
    assert not page.with_suffix(".pdf").exists()


@pytest.mark.parametrize(("user", "sandboxed"), [(0, False), (1000, True)])
def test_how_the_browser_is_called(
    page: Path, program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, sandboxed: bool
) -> None:
    """In a sandbox unless that is impossible, with nobody's own profile, and asking nobody for anything."""
    monkeypatch.setattr(pdf.os, "geteuid", lambda: user)
    program(f'printf "%s\\n" "$@" > {tmp_path}/said')
    with pytest.raises(ReportError, match="printed no PDF"):
        pdf.write_pdf(page, tmp_path / "x.pdf")
    said = (tmp_path / "said").read_text().splitlines()
    assert ("--no-sandbox" not in said) == sandboxed
    (profile,) = (Path(word.partition("=")[2]) for word in said if word.startswith("--user-data-dir="))
    assert not profile.parent.exists(), "it is gone with the browser"
    quiet = {"--headless=new", "--disable-background-networking", "--disable-sync", "--disable-component-update"}
    assert quiet <= set(said)
    assert "--no-pdf-header-footer" in said, "the browser's own header names the file's path"
    assert said[-1] == page.as_uri(), "a sign in a path is no part of an address"
