"""The page for a manager: the right answer to each question, and no technical word."""

from __future__ import annotations

import re

import pytest

from workbench.clients.brand import Brand
from workbench.reports import executive, locale
from workbench.reports.executive.health import BAD, GOOD, WATCH

EVALUATION = {
    "primary": "roc_auc", "rows": 400, "checks": {"calibrated": True, "beats_majority": True},
    "models": {"network": {"roc_auc": {"value": 0.8}}, "majority": {"roc_auc": {"value": 0.5}}},
}  # fmt: skip
VERDICT = {"version": 3, "champion_version": 3}
COLUMNS = {"when": {"type": "date", "min": "2024-01-01", "max": "2024-03-05", "null_share": 0.0}}
INGEST = {
    "tables": {"orders": {"read": 900, "kept": 900, "quarantined": 0, "quarantined_share": 0.0, "columns": COLUMNS}}
}
DRIFT = {"state": "stable", "prediction": "stable", "features": 12, "watched": 0, "drifted": 0}

JARGON = (
    r"ROC|AUC|PSI|champion|challenger|fold|calibrat|metric|feature|drift|quarantine|MLflow|kedro|baseline|epoch|schema"
)


def checks(acme, evaluation=EVALUATION, verdict=VERDICT, ingest=INGEST, drift=DRIFT):
    return executive.checks_of(acme, evaluation, verdict, ingest, drift)


@pytest.mark.parametrize(("verdict", "state"), [("steady", GOOD), ("watch", WATCH), ("retrain", BAD)])
def test_what_came_since_is_answered_where_it_was_looked_at(acme, verdict, state) -> None:
    monitor = {"verdict": verdict, "version": 3, "made": "2026-11-30", "reason": "roc_auc is worse"}
    rows = executive.checks_of(acme, EVALUATION, VERDICT, INGEST, DRIFT, monitor=monitor)
    assert (len(rows), rows[4]["state"]) == (5, state)
    assert not re.search(JARGON, page(acme, rows), re.IGNORECASE)
    other = executive.checks_of(acme, EVALUATION, VERDICT, INGEST, DRIFT, monitor=monitor | {"version": 2})
    assert len(other) == 4, "a verdict on another version says nothing of the one in use"


def page(client, rows) -> str:
    facts = executive.facts_of(EVALUATION, INGEST, DRIFT, 1234)
    parts = [executive.lead(client), executive.overview(facts, rows), executive.health(rows)]
    return re.sub(r"<[^>]+>", " ", "".join([*parts, executive.next_steps(client, rows)]))


def table(**changes):
    return {"tables": {"orders": INGEST["tables"]["orders"] | changes}}


def test_all_is_well_when_every_answer_is_yes(acme) -> None:
    rows = checks(acme)
    assert "none of them refused as faulty" in page(acme, rows)
    assert {row["state"] for row in rows} == {GOOD}
    said = page(acme, rows)
    for part in ("All is well", "80 times in 100", "1,234", "5 Mar 2024", "someone@acme.example"):
        assert part in said


@pytest.mark.parametrize(
    ("question", "state", "given"),
    [
        (0, WATCH, {"ingest": table(quarantined=1, quarantined_share=0.001)}),
        (0, BAD, {"ingest": table(quarantined=90, quarantined_share=0.1)}),
        (0, BAD, {"ingest": table(kept=0)}),
        (1, BAD, {"verdict": {"version": 3, "champion_version": None}}),
        (1, GOOD, {"verdict": {"version": 3, "champion_version": 2}}),
        (1, BAD, {"evaluation": EVALUATION | {"checks": {"beats_majority": False}}}),
        (2, WATCH, {"evaluation": EVALUATION | {"checks": {"calibrated": False}}}),
        (3, WATCH, {"drift": DRIFT | {"state": "watch"}}),
        (3, WATCH, {"drift": DRIFT | {"state": "drift"}}),
        (3, BAD, {"drift": DRIFT | {"state": "drift", "prediction": "drift"}}),
    ],
)
def test_each_question_has_the_answer_of_the_numbers(acme, question, state, given) -> None:
    rows = checks(acme, **given)
    assert rows[question]["state"] == state
    assert bool(rows[question]["next"]) == (state != GOOD), "what is not well has somebody who sees to it"
    found = re.search(JARGON, page(acme, rows), re.IGNORECASE)
    assert found is None, f"a manager would not know: {found}"


def test_groups_are_asked_for_only_where_some_are_protected(acme) -> None:
    client = acme.model_copy(update={"protected": ("sex",)})
    unfair = EVALUATION | {"checks": {"protected_groups_served": False}}
    assert checks(client, evaluation=unfair)[-1]["state"] == BAD
    assert len(checks(acme)) == 4
    assert len(checks(client)) == 5


def test_what_is_not_perfect_never_reads_so(acme) -> None:
    nearly = EVALUATION | {"models": {"network": {"roc_auc": {"value": 0.9985}}}}
    shown = executive.overview(executive.facts_of(nearly, INGEST, DRIFT, 1), checks(acme))
    assert "the right one more than 99 times in 100" in shown


def test_a_quality_that_is_undefined_is_called_so(acme) -> None:
    undefined = EVALUATION | {"models": {"network": {"roc_auc": {"value": None}}}}
    facts = executive.facts_of(undefined, INGEST, DRIFT, 1)
    assert "cannot be said yet" in executive.overview(facts, checks(acme))


@pytest.mark.parametrize(
    ("refused", "said"), [(1, "dont 1 refusée comme erronée"), (2, "dont 2 refusées comme erronées")]
)
def test_one_row_is_not_several(acme, refused, said) -> None:
    locale.localise(acme.model_copy(update={"brand": Brand(locale="fr")}))
    try:
        rows = checks(acme, ingest=table(quarantined=refused, quarantined_share=0.001))
        facts = executive.facts_of(EVALUATION, table(quarantined=refused), DRIFT, 1234)
        assert said in executive.overview(facts, rows)
        assert "!\N{NO-BREAK SPACE}à\N{NO-BREAK SPACE}voir" in executive.health(rows), (
            "a sign stays with all of its words"
        )
    finally:
        locale.localise(None)
