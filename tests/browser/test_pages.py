"""The other pages: MLflow's of a client's champion, and the reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mlflow(serve: Callable[..., psutil.Process], port: Callable[[], int]) -> str:
    at = port()
    address = f"http://127.0.0.1:{at}"
    serve("mlflow", "ui", f"--port={at}", answers=address)
    return address


def test_mlflow_shows_the_champion(
    mlflow: str, open_page: Callable[..., Any], photograph: Callable[[Page, str], None]
) -> None:
    page = open_page(f"{mlflow}/#/models/clinic").page
    page.get_by_text("champion").first.wait_for(timeout=60_000)
    assert page.get_by_text("Version 1").first.is_visible()
    page.get_by_role("button", name="Close").first.click()  # the assistant, which asks for a language model
    photograph(page, "mlflow_champion")
    page = open_page(f"{mlflow}/#/models").page
    page.get_by_text("clinic", exact=True).first.wait_for(timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["model_card", "data_quality"])
def test_a_report_opens_by_itself(
    shown: Path, open_page: Callable[..., Any], photograph: Callable[[Page, str], None], name: str, scheme: str
) -> None:
    address = (shown / "data" / "clinic" / "08_reporting" / f"{name}.html").as_uri()
    seen = open_page(address, color_scheme=scheme)
    assert seen.page.locator("h1").first.is_visible()
    pictures = seen.page.locator("img")
    for at in range(pictures.count()):
        assert pictures.nth(at).evaluate("image => image.complete && image.naturalWidth") > 0
    photograph(seen.page, f"report_{name}_{scheme}")
    assert seen.errors == []
    assert [one for one in seen.requests if not one.startswith("data:")] == [address], "it asks somebody for something"


PATH_OF_A_TABLE = "data/a_client_with_a_name/02_intermediate/quarantine/a_table_with_a_name.parquet"


@pytest.mark.parametrize("name", ["model_card", "data_quality", "drift", "executive"])
def test_on_a_phone_only_tables_and_charts_are_wider_than_the_page(
    shown: Path, open_page: Callable[..., Any], name: str
) -> None:
    address = (shown / "data" / "clinic" / "08_reporting" / f"{name}.html").as_uri()
    page = open_page(address, width=390, height=844, is_mobile=True).page
    page.locator(".steps li").first.evaluate(
        "(step, path) => { const code = document.createElement('code'); code.textContent = path; step.append(code); }",
        PATH_OF_A_TABLE,
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
