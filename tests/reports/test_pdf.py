"""A page becomes a PDF, or it is said what is missing."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError, ReportError, StorageError
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
    program(f"sleep 8 & echo $! > {pid}; sleep 8")
    started = time.monotonic()
    with pytest.raises(ReportError, match="took longer than 1 s to print"):
        pdf.write_pdf(page, tmp_path / "x.pdf", timeout_seconds=1)
    assert time.monotonic() - started < 5
    stat = Path(f"/proc/{pid.read_text().strip()}/stat")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and stat.exists() and stat.read_text().split()[2] != "Z":
        time.sleep(0.05)
    assert not stat.exists() or stat.read_text().split()[2] == "Z", "its child outlived it"


PRINTS = 'for last; do case "$last" in --print-to-pdf=*) echo "{}" > "${{last#*=}}";; esac; done'


def test_a_profile_that_somebody_still_writes_to_does_not_fail_what_is_printed(
    page: Path, program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(PRINTS.format("%PDF-1.7 %%EOF"))
    remove, left = os.rmdir, []

    def refused(path: str, **options: int) -> None:
        left.append(path)
        raise OSError(errno.ENOTEMPTY, "Directory not empty", path)

    monkeypatch.setattr(os, "rmdir", refused)
    pdf.write_pdf(page, page.with_suffix(".pdf"))
    assert page.with_suffix(".pdf").exists()
    remove(left[-1])


def test_a_disk_that_is_full_leaves_no_half_of_it(page: Path, program, monkeypatch: pytest.MonkeyPatch) -> None:
    program(PRINTS.format("%PDF-1.7 %%EOF"))

    def half(_: Path, target: Path) -> None:
        target.write_bytes(b"%PDF")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(StorageError, match="the disk is full"):
        pdf.write_pdf(page, page.with_suffix(".pdf"))
    assert [path.name for path in page.parent.iterdir() if path.is_file()] == [page.name]


@pytest.mark.usefixtures("silent_keyboard")
def test_a_browser_asks_nobody_and_says_nothing_where_a_command_prints_its_result(
    page: Path, program, capfd: pytest.CaptureFixture[str]
) -> None:
    program(f"read answer; echo noise; {PRINTS.format('%PDF-1.7 %%EOF')}")
    pdf.write_pdf(page, page.with_suffix(".pdf"), timeout_seconds=8)
    assert capfd.readouterr() == ("", "")


def test_why_it_printed_nothing_is_told_in_few_words(page: Path, program) -> None:
    program("head -c 5000 /dev/zero | tr '\\0' x >&2")
    with pytest.raises(ReportError, match="printed no PDF .x{200}[)]"):
        pdf.write_pdf(page, page.with_suffix(".pdf"))


def test_what_it_leaves_running_is_not_waited_for(page: Path, program) -> None:
    """A browser's helpers may go into sessions of their own, and write to its standard error as long as they live."""
    program(f"setsid sleep 4 & {PRINTS.format('%PDF-1.7 %%EOF')}")
    began = time.monotonic()
    pdf.write_pdf(page, page.with_suffix(".pdf"))
    assert time.monotonic() - began < 3
    assert page.with_suffix(".pdf").read_bytes() == b"%PDF-1.7 %%EOF\n"


@pytest.mark.parametrize("printed", ["half", "%PDF-1.7 half", "half %%EOF", ""])
def test_what_is_no_pdf_is_not_kept(page: Path, program, printed: str) -> None:
    program(PRINTS.format(printed))
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
    quiet |= {"--disable-extensions", "--no-first-run", "--no-default-browser-check"}
    assert quiet <= set(said)
    assert "--no-pdf-header-footer" in said, "the browser's own header names the file's path"
    assert said[-1] == page.as_uri(), "a sign in a path is no part of an address"
