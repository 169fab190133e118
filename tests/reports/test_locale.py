"""The words of a report in the reader's language: nothing untranslated, nothing unknown, English where there is none."""

from __future__ import annotations

import gettext
import io
import re
import string
from pathlib import Path

import nbformat
import pytest

from workbench.clients.brand import Brand
from workbench.reports import collect, locale, words
from workbench.reports.changes import what_changed
from workbench.reports.compare import compare
from workbench.reports.executive import checks_of, facts_of, health
from workbench.reports.html import Html
from workbench.reports.look import Look
from workbench.reports.page import Heading, page
from workbench.reports.sentences import EXCLUDED, REASONS, SENTENCES
from workbench.reports.style import picture

ROOT = Path(__file__).parents[2]
LANGUAGES = sorted(path.name for path in locale.CATALOGUES.iterdir())


@pytest.fixture(scope="module")
def said():
    return {one.id for one in collect.sentences(collect.ROOMS, ROOT / "notebooks/reports") if one.id}


@pytest.fixture
def speak(acme):
    def localise(name: str) -> None:
        locale.localise(acme.model_copy(update={"brand": Brand(locale=name)}))

    yield localise
    locale.localise(None)


def test_german_and_french_are_there() -> None:
    assert {"de", "fr"} <= set(LANGUAGES)


def placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_with_all_its_values(language: str, said) -> None:
    catalogue = collect.read_catalogue(locale.CATALOGUES / language / "LC_MESSAGES" / "reports.po")
    known = {one.id: one.string for one in catalogue if one.id}
    assert known.keys() == said, "run `make words`, then translate what is new"
    for message, translated in known.items():
        pairs = [(message, translated)] if isinstance(message, str) else [(message[-1], one) for one in translated]
        for original, words_of_it in pairs:
            assert words_of_it.strip(), f"not translated: {original}"
            assert placeholders(words_of_it) <= placeholders(original), original
            if isinstance(message, str):
                assert placeholders(words_of_it) == placeholders(original), original
                # French has one before a colon, too, which does not break.
                assert words_of_it[:1].replace("\N{NO-BREAK SPACE}", ":").isspace() == original[:1].isspace(), original
                assert words_of_it[-1:].isspace() == original[-1:].isspace(), original


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    path = locale.CATALOGUES / language / "LC_MESSAGES" / "reports.po"
    fresh = gettext.GNUTranslations(io.BytesIO(collect.compiled(collect.read_catalogue(path))))
    with path.with_suffix(".mo").open("rb") as file:
        shipped = gettext.GNUTranslations(file)
    without_header = [{key: text for key, text in one._catalog.items() if key} for one in (fresh, shipped)]
    assert without_header[0] == without_header[1], "run `make words`"


def literals(path: Path) -> set[str]:
    """Texts between tags that a function of a report puts out as they are, found in its source."""
    calls = re.compile(r'\b(?:paragraph|callout|Cell|table)\((?:"(?:good|bad|note)", )?f?"([^"]*[a-z]{3,} [^"]*)"')
    return set(calls.findall(path.read_text(encoding="utf-8")))


def test_no_section_says_a_sentence_that_is_not_collected() -> None:
    operators = {"failure.py"}  # the page of a failed report is the operator's, and English
    paths = [path for path in (ROOT / "src/workbench/reports").rglob("*.py") if path.name not in operators]
    assert {path.name: found for path in paths if (found := literals(path))} == {}


def test_a_language_without_a_catalogue_is_english_with_its_own_numbers(speak) -> None:
    speak("it_CH")
    assert locale.say("Nothing changed") == "Nothing changed"
    assert words.count(12345) == "12’345"
    assert locale.language_of("it_CH") == "en"


GLOSSARY = {
    "held-out rows": {"de": "Testzeilen", "fr": "lignes de test"},
    "majority baseline": {"de": "naive Vorhersage", "fr": "prédiction naïve"},
    "challenger": {"de": "Herausforderer", "fr": "challenger"},
    "champion": {"de": "Champion", "fr": "champion"},
    "predictions": {"de": "Vorhersage", "fr": "prédiction"},
    "features": {"de": "Merkmal", "fr": "variable"},
    "metrics": {"de": "Gütemaß", "fr": "métrique"},
}
"""What is said in English with one word is said with one word in each language."""


@pytest.mark.parametrize("language", ["de", "fr"])
def test_one_thing_has_one_name(language: str, said) -> None:
    for message in said:
        text = message if isinstance(message, str) else message[-1]
        for term, names in GLOSSARY.items():
            plain = re.sub(r"\{\w+(:[^}]*)?\}", "", text)
            if re.search(rf"(?<!\w){term}(?!\w)", plain, re.IGNORECASE):
                assert names[language].lower() in locale.say(text, in_locale=language).lower(), text


def test_french_puts_a_space_that_does_not_break_before_a_colon(said) -> None:
    for message in said:
        text = locale.say(message if isinstance(message, str) else message[-1], in_locale="fr")
        assert not re.search(r"[ \w][:;?!»](?!\w)|« | %(?!Y)", re.sub(r"\{[^}]*\}", "", text)), text


def test_a_sentence_that_no_catalogue_has_is_said_in_english(speak) -> None:
    speak("de")
    assert locale.say("{n} zebras", n=3) == "3 zebras"


def test_swiss_german_has_german_words_and_swiss_numbers(speak) -> None:
    speak("de_CH")
    assert "Nichts hat sich geändert" in what_changed(compare({}, {"about": {"made": "2026-03-02T08:05:00+00:00"}}))
    html = what_changed(
        compare({"t": {"rows": 12000}}, {"about": {"made": "2026-03-02T08:05:00+00:00"}, "t": {"rows": 10000}})
    )
    assert "Zeilen" in html
    assert "12’000" in html
    assert "2. März 2026" in html


def test_what_a_table_holds_in_english_is_said_in_the_readers_language(speak) -> None:
    sentence = "roc_auc 0.91 against 0.9: better than champion version 3 by 0.01, with a margin of 0.005"
    assert words.named(sentence) == (
        "ROC AUC 0.91 against 0.9: better than champion version 3 by 0.01, with a margin of 0.005."
    )
    speak("fr")
    assert words.named(sentence) == (
        "ROC AUC 0,91 contre 0,9\N{NO-BREAK SPACE}: meilleur de 0,01 que la version championne 3, pour une marge "
        "exigée de 0,005."
    )
    assert locale.spoken("delay is not one of a, b", REASONS) == "delay n'est pas l'une des valeurs a, b"
    assert locale.spoken("something new", SENTENCES) == "something new"


def test_what_changed_of_a_clients_column_is_said_in_our_words_but_for_its_name(speak) -> None:
    """A row begins with what the column is to the model, and ends with a bin; between them stands the client's name."""
    row = {"role": "feature", "column": "mean", "bin": "up to 73.9", "now": 0.1}
    other = row | {"bin": "above"}
    last = {
        "drift_bins": [row, other],
        "curve": [{"rate": 1.0}],
        "summary": {"new_rows": "test fold", "first": "2013-11-06"},
    }
    now = {"drift_bins": [row | {"now": 0.2}, other | {"now": 0.3}], "curve": [{"rate": 2.0}],
           "summary": {"new_rows": "last 30 days", "first": "2013-12-02T10:00:00"}}  # fmt: skip
    changes = compare(now, {"about": {"made": "2026-03-02T08:05:00+00:00"}} | last)
    speak("de")
    html = what_changed(changes)
    for told in ("Merkmal, mean, bis 73,9<", "Merkmal, mean, darüber<", "Zeile 1<", ">letzte 30 Tage<", ">Testzeilen<",
                 ">06.11.2013<", ">02.12.2013, 10:00<"):  # fmt: skip
        assert told in html, (told, html)


def test_a_number_below_nothing_has_a_minus_sign(speak) -> None:
    assert words.number(-4.03) == "\N{MINUS SIGN}4.03"
    speak("fr")
    assert words.number(-4.03) == "\N{MINUS SIGN}4,03"


def test_the_axes_of_a_chart_are_written_as_the_words_beside_it(speak) -> None:
    assert ticks() == ["0.0", "0.5", "1.0"]
    assert locale.months("2013-Mar Maybe") == "2013-Mar Maybe"
    speak("de")
    assert ticks() == ["0,0", "0,5", "1,0"]
    assert locale.months("2013-Mar Maybe Oct") == "2013-Mär Maybe Okt"


def ticks() -> list[str]:
    with picture(alt="from nothing to one") as drawn:
        (ax,) = drawn.axes
        return ax.xaxis.get_major_formatter().format_ticks([0, 0.5, 1])


def test_a_value_is_never_taken_for_a_placeholder(speak) -> None:
    speak("de")
    assert locale.say("Questions to {owner}", owner="{moment}") == "Fragen an {moment}"


def test_the_page_for_a_manager_speaks_german(speak, acme) -> None:
    speak("de")
    summary = {"tables": {"orders": {"quarantined_share": 0.5, "kept": 1, "quarantined": 1, "read": 2, "columns": {}}}}
    evaluation = {"primary": "roc_auc", "rows": 10, "models": {"network": {}}, "checks": {"beats_majority": True}}
    verdict = {"champion_version": 1, "version": 1}
    drift = {"state": "stable", "prediction": "stable", "watched": 0, "drifted": 0, "features": 2}
    checks = checks_of(acme, evaluation, verdict, summary, drift)
    assert checks[0]["answer"] == "Too much of it is faulty, in orders.", "the table stays English"
    html = health(checks)
    assert "Ein zu großer Teil ist fehlerhaft, in orders." in html
    assert "Sind die Daten in Ordnung?" in html
    assert not re.search(r"\b(the|is|and|of)\b", re.sub(r"<[^>]*>", " ", html))
    assert facts_of(evaluation, summary, drift, 3)[0]["fact"] == "Cases scored"


def test_headings_and_paragraphs_of_the_notebook_are_translated() -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Model card"),
        nbformat.v4.new_markdown_cell("## How good it is\n\nA paragraph that nobody translated."),
    ]
    html = page(nbformat.v4.new_notebook(cells=cells), Heading("Acme", "x", look=Look(locale="de_AT")))
    assert '<html lang="de">' in html
    assert "<h2>Wie gut es ist</h2>" in html
    assert 'href="#wie-gut-es-ist"' in html
    assert "A paragraph that nobody translated." in html
    assert isinstance(Html(html), str)


def test_what_the_code_says_of_a_column_that_no_model_sees_is_known_here() -> None:
    source = (ROOT / "src/pipelines/prepare/roles.py").read_text(encoding="utf-8")
    for sentence in EXCLUDED:
        assert f'"{sentence}"' in source
