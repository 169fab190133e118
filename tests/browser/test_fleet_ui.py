"""``kedro fleet ui`` in a browser: it loads nothing from elsewhere, runs no script, and its links lead somewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from workbench.fleet.ledger import Ledger

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def fleet_ui(serve: Callable[..., psutil.Process], port: Callable[[], int]) -> str:
    mlflow, at = port(), port()
    serve("mlflow", "ui", f"--port={mlflow}", answers=f"http://127.0.0.1:{mlflow}/version")
    address = f"http://127.0.0.1:{at}"
    words = ("fleet", "ui", f"--port={at}", "--no-open", f"--mlflow=http://127.0.0.1:{mlflow}")
    serve(*words, answers=address)
    return address


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_the_fleet_and_a_client(
    fleet_ui: str, open_page: Callable[..., Any], photograph: Callable[[Page, str], None], width: int, scheme: str
) -> None:
    seen = open_page(f"{fleet_ui}/?refresh=off", width=width, color_scheme=scheme)
    page = seen.page
    page.get_by_role("heading", name="The fleet").wait_for()
    page.get_by_role("row", name="clinic").get_by_role("link").first.click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.get_by_role("link", name="The fleet").click()
    page.get_by_role("heading", name="Clients and pipelines").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the window"
    assert page.evaluate("document.scripts.length") == 0
    photograph(page, f"fleet_ui_{width}_{scheme}")
    assert seen.errors == []
    assert seen.foreign() == []


def test_a_run_leads_to_mlflow(fleet_ui: str, open_page: Callable[..., Any], shown: Path) -> None:
    page = open_page(f"{fleet_ui}/clients/clinic?refresh=off").page
    (run, *_) = Ledger.of(shown).history("clinic")
    for _ in range(30):  # whether MLflow is up is asked behind the page's back
        link = page.get_by_role("link", name=str(run.number), exact=True)
        if link.count():
            break
        page.wait_for_timeout(500)
        page.reload()
    link.click()
    page.wait_for_url(f"**/runs/{run.mlflow_run}**", timeout=60_000)
    page.get_by_text("roc_auc").first.wait_for(timeout=60_000)


def test_a_report_runs_no_script(fleet_ui: str, open_page: Callable[..., Any], shown: Path) -> None:
    (shown / "data/clinic/08_reporting/hostile.html").write_text(
        "<!doctype html><title>quiet</title><h1>Here</h1><script>document.title = 'loud'</script>"
        "<img src='http://127.0.0.1:9/x.png'><form action='/'><button>Go</button></form>"
    )
    seen = open_page(f"{fleet_ui}/clients/clinic/reports/hostile.html")
    assert seen.page.locator("h1").is_visible()
    assert seen.page.title() == "quiet"
    assert not any("x.png" in one for one in seen.requests) or any("img-src" in one for one in seen.errors)
    report = open_page(f"{fleet_ui}/clients/clinic/reports/model_card.html").page
    assert report.locator("h1").first.is_visible()
    assert report.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none", "its style is there"


def test_it_renews_itself(fleet_ui: str, open_page: Callable[..., Any], shown: Path) -> None:
    ledger = Ledger.of(shown)
    number = ledger.start("clinic", "prepare")
    page = open_page(fleet_ui).page
    page.get_by_role("heading", name="Running now").wait_for()
    ledger.finish(number, "succeeded", seconds=1.0)
    page.get_by_role("heading", name="Running now").wait_for(state="detached", timeout=20_000)
