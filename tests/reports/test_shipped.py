"""The reports that ``kedro run --env clients/clinic`` made, as their readers get them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workbench.files import sha256_of_file

SECTIONS = {
    "model_card": [
        "In short",
        "How good it is",
        "The decision",
        "Where it is right and wrong",
        "Can its numbers be taken at their word",
        "Does it serve all groups alike",
        "What it looks at",
        "How it learned",
        "The data",
        "What it is not good for",
        "What to do next",
        "Where it comes from",
    ],
    "data_quality": [
        "In short",
        "The tables",
        "What was refused, and why",
        "What is missing",
        "How fresh it is",
        "What to do next",
        "Every column",
        "What it was read from",
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
    _, html = shipped

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
    assert reader.pictures >= 1
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
