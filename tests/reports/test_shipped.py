"""The reports that ``kedro run --env clients/clinic`` made, as their readers get them."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workbench.files import sha256_of_file
from workbench.reports import words

SECTIONS = {
    "model_card": [
        "In short",
        "What changed since last time",
        "How good it is",
        "The decision",
        "Where it is right and wrong",
        "Can its numbers be taken at their word?",
        "Does it serve all groups alike?",
        "What it looks at",
        "How it learned",
        "The data",
        "What it is not good for",
        "What to do next",
        "Where it comes from",
    ],
    "data_quality": [
        "In short",
        "What changed since last time",
        "The tables",
        "What was refused, and why",
        "What is missing",
        "How fresh it is",
        "What to do next",
        "Every column",
        "What it was read from",
    ],
    "drift": [
        "In short",
        "What changed since last time",
        "The prediction and the answer",
        "Which columns moved",
        "Before and now",
        "What to do next",
        "Every column",
        "How to read it",
    ],
    "executive": [
        "In short",
        "Is it healthy?",
        "What we do next",
        "What changed since last time",
    ],
}


@pytest.fixture(params=SECTIONS)
def shipped(request, clinic_project: Path) -> tuple[str, str]:
    path = clinic_project / "data" / "clinic" / "08_reporting" / f"{request.param}.html"
    return request.param, path.read_text(encoding="utf-8")


def test_the_sections_are_all_there_and_none_is_empty(shipped) -> None:
    name, html = shipped
    bodies = re.findall(r'<section id="[^"]+"><h2>(.*?)</h2>(.*?)</section>', html, re.DOTALL)
    assert [title for title, _ in bodies] == SECTIONS[name]
    for title, body in bodies:
        assert len(re.sub(r"<[^>]*>", " ", body).split()) > 3, title


def test_a_reader_needs_nothing_but_the_file(shipped) -> None:
    name, html = shipped

    class Reader(HTMLParser):
        pictures = 0

        def handle_starttag(self, tag, attrs):
            assert tag not in {"script", "link", "iframe", "svg"}
            given = dict(attrs)
            assert "style" not in given
            assert not any(name.startswith("on") for name in given)
            for name in ("src", "href", "srcset"):
                assert given.get(name, "#").startswith(("#", "data:image/svg+xml;base64,"))
            if tag == "img":
                assert len(given["alt"]) > 20
                self.pictures += 1

    reader = Reader()
    reader.feed(html)
    assert reader.pictures >= (0 if name == "executive" else 1)
    assert "http://" not in html
    assert "https://" not in html
    assert len(html) < 1_000_000


def test_the_model_card_says_what_the_files_say(clinic_project: Path) -> None:
    folder = clinic_project / "data" / "clinic" / "08_reporting"
    html = (folder / "model_card.html").read_text(encoding="utf-8")
    evaluation = json.loads((folder / "evaluation.json").read_text())
    verdict = json.loads((folder / "verdict.json").read_text())
    for model in ("network", "boosting", "majority"):
        assert f"{evaluation['models'][model]['roc_auc']['value']:.3f}" in html
    assert f"Version {verdict['version']} is the champion" in html
    assert verdict["run_id"] in html
    assert "kedro run --env clients/clinic" in html


def test_the_lineage_names_the_tables_that_were_read(clinic_project: Path) -> None:
    data = clinic_project / "data" / "clinic"
    html = (data / "08_reporting" / "model_card.html").read_text(encoding="utf-8")
    digest = sha256_of_file(data / "04_feature" / "features.parquet")[:16]
    assert f'<td>features</td><td class="num">569</td><td><code>{digest}</code></td>' in html
    assert "<dt>Configuration</dt>" in html


def leaves(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def spellings(value) -> set[str]:
    """Every way in which a report may write a number."""
    ways = [
        *(words.number(value, digits) for digits in (1, 2, 3, 4, 5)),
        words.percent(value),
        words.percent(value, 0),
        words.percent(value, 2),
    ]
    shown = [metric.show(value) for metric in words.METRICS.values()]
    return {*ways, *shown, words.count(value), f"{value:g}"}


def test_every_number_in_a_table_of_the_page_lies_in_the_tables_beside_it(shipped, clinic_project: Path) -> None:
    name, html = shipped
    folder = clinic_project / "data" / "clinic" / "08_reporting" / f"{name}.tables"
    tables = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    assert tables["about"]["template"] == name
    known = {text.lstrip(f"-{words.MINUS}") for value in leaves(tables) for text in spellings(value)}
    if name == "data_quality":
        known |= {str(len(one["columns"])) for one in tables["ingest_summary"]["tables"].values()}
    cells = re.findall(r'<td class="num[^"]*">(.*?)</td>', html)
    texts = [unescape(cell.split("<small>")[0]).replace("\N{NO-BREAK SPACE}", " ") for cell in cells]
    numbers = {end.lstrip(f"+{words.MINUS}") for text in texts for end in text.split(" to ")}
    numbers = {text for text in numbers if re.search(r"\d", text) and not re.fullmatch(r"\d{4}-\d\d-\d\d", text)}
    assert len(numbers) >= (0 if name == "executive" else 2)
    assert numbers <= known, "a number on the page that no table beside it holds"
