"""A report as PDF: the browser prints the page, by the print style that the page brings along."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from workbench.attended import attended
from workbench.errors import ConfigurationError, ReportError
from workbench.files import durable_file
from workbench.scratch import private_folder

__all__ = ["BROWSERS", "find_browser", "write_pdf"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
"""Names under which Chromium and its relatives are installed, in the order in which they are looked for."""

TIMEOUT_SECONDS = 120.0

QUIET = (
    "--headless=new",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",  # the page numbers are the style's; the browser's own header would show the file's path
)


def find_browser() -> str:
    """The path of a browser that can print.

    Raises:
        ConfigurationError: there is none on the PATH.
    """
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise ConfigurationError(
        "a PDF is printed by Chromium, and there is none on the PATH",
        tried=", ".join(BROWSERS),
        hint="install it (Debian: `apt install chromium`), or take `--format html`, which prints from any browser",
    )


def write_pdf(html: Path, pdf: Path, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Print a page to A4 or whatever paper its style asks for, durably.

    The browser has a profile of its own that is removed afterwards; the page itself forbids it to load anything.

    Raises:
        ConfigurationError: there is no browser.
        ReportError: it printed nothing, or took too long; a PDF of an earlier report is gone, since it would be stale.
    """
    browser = find_browser()
    pdf.unlink(missing_ok=True)
    with private_folder("browser", busy=True) as profile:
        printed = Path(profile) / "page.pdf"
        # Chromium's sandbox does not work for root; what it opens is a page without scripts.
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        arguments = [browser, *QUIET, *root, f"--user-data-dir={profile}/profile", f"--print-to-pdf={printed}"]
        said = Path(profile) / "said"
        _run([*arguments, html.resolve().as_uri()], said, timeout_seconds, str(html))
        if not _is_whole(printed):
            last = said.read_text("utf-8", errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise ReportError(
                f"the browser printed no PDF ({last[0][:200]})", where=str(html), hint=f"try {browser} by hand"
            )
        with durable_file(pdf) as staging:
            shutil.copyfile(printed, staging)


def _is_whole(printed: Path) -> bool:
    """Whether it is a PDF to its end, which a browser that died in the middle has not written."""
    content = printed.read_bytes() if printed.is_file() else b""
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def _run(arguments: list[str], said: Path, timeout_seconds: float, where: str) -> None:
    """Run the browser to its end, and what it started with it.

    Its standard error is a file: a pipe would be open as long as any process that it has started, in whatever session.
    """
    with said.open("wb") as errors:
        process = subprocess.Popen(
            attended(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        raise ReportError(f"the browser took longer than {timeout_seconds:g} s to print", where=where) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
