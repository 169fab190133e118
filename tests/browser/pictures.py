"""The pictures of reports in docs/images, taken of a client's own pages: ``make pictures CLIENT=skyways``.

The client's pipelines have run before. Pages in English are those that lie under ``data/<client>``; what is German is
rendered anew, in a copy of the project in which the client speaks German and drift looks at the last thirty days, so
that something has changed since the last report. All are taken by Chromium, 1,280 pixels wide, in light or dark, from
the top of the page down to where a section begins, and stored with the 128 colours that serve them best.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
WIDTH = 1280
COPIED = ("conf", "notebooks", "src", "pyproject.toml", ".telemetry")
"""What makes a project, besides the client's data."""


@dataclass(frozen=True)
class Picture:
    """What of a page is shown.

    Attributes:
        page: the report.
        until: the section before which the picture ends, by its number from 1; None: the end of the page.
        scheme: of colours.
        locale: of the client; None: as it is.
    """

    page: str
    until: int | None = None
    scheme: Literal["light", "dark"] = "light"
    locale: str | None = None


PICTURES = {
    "model_card": Picture("model_card", until=4),
    "model_card_top": Picture("model_card", until=2),
    "model_card_dark": Picture("model_card", until=3, scheme="dark"),
    "data_quality": Picture("data_quality", until=5),
    "drift": Picture("drift", until=5),
    "executive": Picture("executive"),
    "executive_de": Picture("executive", locale="de"),
    "fleet_overview": Picture("fleet_overview", until=3, scheme="dark"),
}


def main() -> None:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--client", default="skyways")
    parser.add_argument("--project", type=Path, default=ROOT)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    for name in options.names:
        if name not in PICTURES:
            parser.error(f"there is no picture '{name}'; there are {', '.join(PICTURES)}")
    wanted = {name: PICTURES[name] for name in options.names or PICTURES}
    with launched() as browser, tempfile.TemporaryDirectory(prefix="workbench-pictures-") as scratch:
        spoken = {one.locale for one in wanted.values() if one.locale}
        projects = {locale: translated(options.project, options.client, locale, Path(scratch)) for locale in spoken}
        for name, picture in wanted.items():
            project = projects[picture.locale] if picture.locale else options.project
            page = page_of(project, options.client, picture.page)
            if not page.is_file():
                sys.exit(f"{page} is not there; first: {maker_of(options.client, picture.page)}")
            (options.folder / f"{name}.png").write_bytes(few_colours(taken(browser, page, picture)))
            print(options.folder / f"{name}.png")


def page_of(project: Path, client: str, report: str) -> Path:
    """Where a report lies; the one on all clients is no client's."""
    folder = project / (".workbench/reports" if report == "fleet_overview" else f"data/{client}/08_reporting")
    return folder / f"{report}.html"


def maker_of(client: str, report: str) -> str:
    """What makes a page."""
    return "kedro report run fleet_overview" if report == "fleet_overview" else f"kedro run --env clients/{client}"


def translated(project: Path, client: str, locale: str, scratch: Path) -> Path:
    """A copy of the project in which a client has another language, with its reports made anew."""
    folder = scratch / locale
    folder.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (project / name).is_dir() else shutil.copy
        copy(project / name, folder / name)
    shutil.copytree(project / "data" / client, folder / "data" / client)
    path = folder / "conf/clients" / client / "client.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["brand"] = (settings.get("brand") or {}) | {"locale": locale}
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    command = ["run", "--pipeline", "report", "--env", f"clients/{client}"]
    command += ["--params", "report.drift.days=30"] if settings.get("time_column") else []
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    subprocess.run([sys.executable, "-m", "kedro", *command], cwd=folder, env=environment, check=True)
    return folder


@contextmanager
def launched() -> Iterator[Browser]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    from workbench.reports.pdf import find_browser

    # Chromium's sandbox refuses to run as root; the pages are our own.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=options)
        yield browser
        browser.close()


def taken(browser: Browser, page: Path, picture: Picture) -> bytes:
    """A picture of the page, as PNG."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 1000}, color_scheme=picture.scheme)
    shown = context.new_page()
    shown.goto(page.resolve().as_uri())
    height = shown.evaluate("document.documentElement.scrollHeight")
    if picture.until is not None:
        section = shown.locator("main > section").nth(picture.until - 1).bounding_box()
        height = section["y"] if section else height
    content = shown.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": int(height)})
    context.close()
    return content


def few_colours(content: bytes) -> bytes:
    """The same picture in a third of the bytes: pages have few colours."""
    from PIL import Image

    # The method keeps the colour of a few dots, which the others mix with that of its neighbours.
    image = Image.open(io.BytesIO(content)).convert("RGB")
    image = image.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    main()
