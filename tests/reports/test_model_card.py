"""The sections of the model card say in words what the numbers say."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from workbench.reports import charts, model_card
from workbench.reports.estimates import Estimate, leads
from workbench.reports.holdout import describe_errors
from workbench.reports.model_card.quality import _leads
from workbench.reports.words import metric_words

ROLES = {
    "task": "binary",
    "target": "late",
    "classes": None,
    "time": "when",
    "numeric": ["a", "b"],
    "categorical": ["c"],
    "excluded": {"arrival": "known only afterwards"},
}
FOLDS = {
    "train": {"rows": 5000, "first": "2024-01-01 00:00:00", "last": "2024-08-31 23:00:00", "target": 0.2},
    "test": {"rows": 2000, "first": "2024-09-01 00:00:00", "last": "2024-12-31 23:00:00", "target": 0.21},
}
HISTORY = [{"epoch": e, "train_loss": 1.0 / e, "validation_loss": loss} for e, loss in enumerate([3.0, 2.0, 2.5], 1)]


def evaluation(network=0.8, boosting=0.7, checks=None, rows=2000, metric="roc_auc", width=0.01):
    def of(value):
        return {metric: {"value": value, "low": value - width, "high": value + width}}

    return {
        "task": "binary",
        "primary": metric,
        "rows": rows,
        "models": {"network": of(network), "boosting": of(boosting), "majority": of(0.5)},
        "checks": checks if checks is not None else {"beats_majority": True, "calibrated": True},
        "expected_calibration_error": 0.02,
    }


def verdict(decision="promoted", champion=None, champion_version=3, reasons=("roc_auc 0.8 against 0.7: better",)):
    return {
        "version": 3,
        "decision": decision,
        "promote": decision == "promoted",
        "reasons": list(reasons),
        "metric": "roc_auc",
        "margin": 0.002,
        "challenger": 0.8,
        "baseline": 0.5,
        "champion": champion,
        "champion_version": champion_version,
    }


def text(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


def test_the_lead_says_what_is_predicted_even_without_a_description(acme) -> None:
    assert "Predicts 'late'." in model_card.lead(acme)
    assert "Is it late?" in model_card.lead(acme.model_copy(update={"description": "Is it late?"}))


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (verdict(), "good", "Version 3 is the champion"),
        (verdict("already champion"), "good", "nothing has changed"),
        (verdict("kept", champion_version=2), "bad", "Version 2 stays the champion"),
        (verdict("kept", champion_version=None), "bad", "There is no champion yet"),
    ],
)
def test_the_overview_begins_with_what_the_gate_decided(acme, given, kind, said) -> None:
    html = model_card.overview(acme, evaluation(), given)
    assert html.startswith(f'<div class="callout {kind}">')
    assert said in html
    assert "80 times in 100" in html
    assert "the network is 0.100 better" in html


def test_a_model_that_is_level_or_behind_is_called_so(acme) -> None:
    assert "the network is level with it" in model_card.overview(acme, evaluation(boosting=0.8), verdict())
    assert "the network is 0.100 worse" in model_card.overview(acme, evaluation(boosting=0.9), verdict())
    assert "the network is level with it" in model_card.overview(acme, evaluation(boosting=0.8002), verdict())
    lower = evaluation(network=2.0, boosting=3.0, metric="rmse")
    assert "the network is 1.00 better" in model_card.overview(acme, lower, verdict())


@pytest.mark.parametrize(
    ("boosting", "said"),
    [
        (0.7, "ahead of “Gradient boosting” by 0.100; their confidence intervals lie apart"),
        (0.81, "behind “Gradient boosting” by 0.010; their confidence intervals overlap"),
        (0.8, "The network and “Gradient boosting” are level."),
    ],
)
def test_a_difference_is_judged_by_the_intervals(boosting, said) -> None:
    assert said in model_card.comparison(evaluation(boosting=boosting))


@pytest.mark.parametrize(
    ("metric", "network", "boosting", "apart", "said"),
    [
        ("roc_auc", 0.8, 0.7, (-0.12, -0.08), "is ahead of “Gradient boosting” by 0.100; with both tried on the same rows, drawn again and again, it is between 0.080 and 0.120, so this is no accident"),
        ("roc_auc", 0.8, 0.79, (-0.015, 0.005), "by 0.010; with both tried on the same rows, drawn again and again, it lies between 0.005 behind and 0.015 ahead, so on other rows"),
        ("roc_auc", 0.7, 0.8, (0.08, 0.12), "is behind “Gradient boosting” by 0.100; with both tried on the same rows, drawn again and again, it is between 0.080 and 0.120"),
        ("rmse", 2.0, 3.0, (0.5, 1.5), "is ahead of “Gradient boosting” by 1.00; with both tried on the same rows, drawn again and again, it is between 0.500 and 1.50"),
    ],
)  # fmt: skip
def test_a_paired_difference_counts_for_more_than_two_intervals(metric, network, boosting, apart, said) -> None:
    given = evaluation(network, boosting, metric=metric)
    found = {"value": boosting - network, "low": apart[0], "high": apart[1]}
    html = model_card.comparison(given | {"differences": {"boosting": {metric: found}}})
    assert said in html


def test_many_models_are_compared_in_a_table() -> None:
    given = evaluation(0.8, 0.7)
    given["models"] |= {"linear": {"roc_auc": {"value": 0.805, "low": 0.79, "high": 0.82}}}
    leads = {"boosting": (-0.1, -0.12, -0.08), "linear": (0.005, -0.01, 0.02), "majority": (-0.3, -0.35, -0.25)}
    found = {name: {"roc_auc": dict(zip(("value", "low", "high"), lead, strict=True))} for name, lead in leads.items()}
    html = model_card.comparison(given | {"differences": found})
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert [cells[i : i + 4] for i in range(0, len(cells), 4)] == [
        ["Gradient boosting", "+0.100", "+0.080 to +0.120", "yes"],
        ["Linear model", "−0.005", "−0.020 to +0.010", "no"],
        ["Majority guess", "+0.300", "+0.250 to +0.350", "yes"],
    ]
    assert "no accident" not in html, "nobody reads the same sentence three times"
    del found["linear"]
    assert html.count("<tr>") == 4
    assert "no accident" in model_card.comparison(given | {"differences": found}), (
        "without its pair, it is told in words"
    )


def test_the_best_of_each_line_stands_out_and_the_primary_metric_comes_first() -> None:
    given = evaluation()
    for model, value in (("network", 0.5), ("boosting", 0.4), ("majority", 0.6)):
        given["models"][model] = {"log_loss": {"value": value, "low": None, "high": None}} | given["models"][model]
    html = model_card.metric_table(given)
    assert html.index("ROC AUC") < html.index("Log loss")
    assert re.findall(r'<td class="num best">([\d.]+)', html) == ["0.800", "0.400"]
    assert "0.790 to 0.810".replace(" ", "\N{NO-BREAK SPACE}") in html


def test_an_interval_of_percentages_has_its_sign_once() -> None:
    given = evaluation()
    given["models"]["network"] |= {"accuracy": {"value": 0.663, "low": 0.66, "high": 0.665}}
    html = model_card.metric_table(given).replace("\N{NO-BREAK SPACE}", " ")
    assert "66.3 %<small>66.0 to 66.5 %<" in html


def test_a_metric_that_a_model_lacks_is_a_dash() -> None:
    given = evaluation()
    del given["models"]["boosting"]["roc_auc"]
    assert '<td class="num quiet">—</td>' in model_card.metric_table(given)


def test_the_decision_names_reasons_champion_and_failed_checks() -> None:
    given = verdict(
        "kept", champion={"version": 2, "value": 0.79}, reasons=("check 'calibrated' failed", "roc_auc ties")
    )
    html = model_card.decision(given, evaluation(checks={"calibrated": False, "odd_check": True}))
    assert "<li>Check 'calibrated' failed.</li><li>ROC AUC ties.</li>" in html
    assert "Champion so far (version 2)" in html
    assert '<td class="num bad">✗ failed</td>' in html
    assert "Odd check<" in html
    assert "No check was made." in model_card.decision(verdict(), evaluation(checks={}))
    reasoned = evaluation() | {"check_reasons": {"calibrated": "expected calibration error 0.2"}}
    assert "word<small>Expected calibration error 0.2.</small>" in model_card.decision(verdict(), reasoned)


def test_groups_are_compared_only_where_there_are_enough_rows(acme) -> None:
    segments = [
        {"column": "region", "value": "north", "rows": 500, "roc_auc": 0.85},
        {"column": "region", "value": "south", "rows": 500, "roc_auc": 0.75},
        {"column": "region", "value": "mars", "rows": 500, "roc_auc": None},
    ]
    client = acme.model_copy(update={"protected": ("region",)})
    html = model_card.group_reading(client, segments, evaluation())
    assert "weakest where region is <b>south</b>: ROC AUC 0.750 on 500 rows, against 0.800 on all" in html
    assert "Worst served: south (0.750); best served: north (0.850). Apart by 0.100." in html
    assert "Fewer than two groups" in model_card.group_reading(client, segments[:1], evaluation())
    assert "No groups were named" in model_card.group_reading(client, [], evaluation())
    charts = model_card.group_charts(segments * 10, evaluation())
    assert charts.count("<img") == 1
    assert "The 25 largest of 30 groups" in charts


def test_the_data_are_told_fold_by_fold() -> None:
    html = text(model_card.fold_table(FOLDS, ROLES))
    assert re.search(r"Training.*5,000\s+1 Jan 2024\s+31 Aug 2024\s+20 %", html)
    untimed = {"only": {"rows": 1, "first": None, "last": None, "target": None}}
    plain = model_card.fold_table(untimed, ROLES | {"time": None, "task": "multiclass"})
    assert "From" not in plain
    assert "Share" not in plain
    assert "arrival" in model_card.excluded_columns(ROLES)
    assert "No column was left out." in model_card.excluded_columns(ROLES | {"excluded": {}})


def sample(model, learned=9000, judged=3000):
    return {
        "model": model,
        "learned_rows": learned,
        "training_rows": 9000,
        "judged_rows": judged,
        "validation_rows": 3000,
    }


def test_which_rows_a_model_learned_from_and_was_stopped_by() -> None:
    whole = text(model_card.samples([sample("network"), sample("boosting")], "binary"))
    every = "Each model learned from all training rows, and was stopped and calibrated by all validation rows."
    assert whole.strip() == every
    few = text(model_card.samples([sample("network"), sample("linear", 1024), sample("boosting", 2048, 512)], "binary"))
    assert re.search(r"Neural network\s+9,000\s+3,000", few)
    assert re.search(r"Linear model\s+1,024 of 9,000 rows\s+3,000", few)
    assert re.search(r"Gradient boosting\s+2,048 of 9,000 rows\s+512 of 3,000 rows", few)
    assert "all 3,000 validation rows to choose one" in few
    assert "Linear model" in model_card.samples([sample("linear", judged=1)], "binary"), "stopping alone is told, too"


def test_a_training_that_did_not_write_down_its_rows_is_passed_over() -> None:
    assert not model_card.samples([sample("network") | {"judged_rows": None}], "binary")


def test_limits_come_from_the_numbers(acme) -> None:
    said = text(model_card.limits(acme, ROLES, FOLDS, evaluation(), []))
    assert "tested on rows of 1 September 2024 to 31 December 2024" in said
    assert "moved in between" not in said
    moved = {**FOLDS, "test": {"rows": 9, "first": None, "last": None, "target": 0.4}}
    said = text(
        model_card.limits(
            acme.model_copy(update={"protected": ("x",)}),
            ROLES,
            moved,
            evaluation(rows=9),
            [{"roc_auc": None}, {"roc_auc": 0.5}],
        )
    )
    for part in ("held out by chance", "moved in between", "Only 9 rows", "1 of 2 groups", "no proof of fairness"):
        assert part in said


def test_the_next_steps_begin_with_what_stands_in_the_way(acme) -> None:
    def titles(*arguments):
        return re.findall(r"<li><b>(.*?)\. </b>", model_card.next_steps(acme, *arguments))

    routine = [
        "Look at single errors",
        "Score new rows with the champion",
        "Compare the versions in the registry",
    ]
    assert titles(evaluation(), verdict(), HISTORY, []) == routine
    behind = evaluation(boosting=0.9, checks={"calibrated": False})
    assert titles(behind, verdict("kept"), HISTORY[:2], []) == [
        "Decide whether to try again",
        "Close the gap to gradient boosting",
        "Do not read the scores as probabilities",
        "Let it learn longer",
        *routine,
    ]
    segments = [{"column": "c", "value": "x", "rows": 500, "roc_auc": 0.5}]
    assert "Look at the errors where c is x" in titles(evaluation(), verdict(), HISTORY, segments)


def test_every_command_is_for_this_client(acme) -> None:
    html = model_card.next_steps(acme, evaluation(boosting=0.9), verdict("kept"), HISTORY[:2], [])
    commands = re.findall(r"<code>(kedro run[^<]*)</code>", html)
    assert len(commands) == 3
    assert all(command.endswith("--env clients/acme") for command in commands)


def test_where_it_comes_from(acme) -> None:
    known = {"model": "acme", "version": 3, "run_id": "abc", "sha256": "f" * 64}
    full = known | {"commit": "c" * 40, "dirty": True, "tables": [{"name": "features", "rows": 5, "sha256": "d" * 64}]}
    html = model_card.lineage_facts(full)
    for part in ("acme, version 3", "<code>cccccccccccc</code> (with changes", "features", "dddddddddddddddd"):
        assert part in html
    assert "<table>" not in model_card.lineage_facts(known)
    assert "git checkout cccccccccccc" in model_card.how_to_reproduce(acme, full)
    assert "git" not in model_card.how_to_reproduce(acme, known)


def test_calibration_asks_in_words_that_fit_the_task() -> None:
    bins = [{"predicted": 0.1, "observed": 0.2}, {"predicted": 0.9, "observed": 0.8}]
    assert "three times in ten? On average, the two are 2 % apart." in model_card.calibration(bins, evaluation())
    assert "50 on average?" in model_card.calibration(bins, evaluation() | {"task": "regression"})
    assert "too few" in model_card.calibration([], evaluation())


def test_error_charts_by_task() -> None:
    def shown(predictions, **roles):
        return model_card.error_charts(describe_errors(predictions, roles))

    binary = pa.table(
        {"label": pa.array([0, 1, 1], pa.int8()), "network": [0.1, 0.9, 0.4], "boosting": [0.2, 0.8, 0.6]}
    )
    assert shown(binary, task="binary").count("<img") == 2
    assert "same answer" in shown(binary.slice(1), task="binary")
    classes = pa.table({"label": ["a", "b"], "network": [[0.9, 0.1], [0.6, 0.4]]})
    assert "a: 100 % right; b: 0 % right" in shown(classes, task="multiclass", classes=["a", "b"])
    values = pa.table({"label": np.arange(9.0), "network": np.arange(9.0) + 1})
    assert "within 1.00 of the truth" in shown(values, task="regression")


def test_lead_has_a_sign_by_the_metrics_direction() -> None:
    assert leads("roc_auc", Estimate(0.8), Estimate(0.7)) == pytest.approx(0.1)
    assert leads("rmse", Estimate(0.8), Estimate(0.7)) == pytest.approx(-0.1)


def test_a_metric_that_is_undefined_is_called_so_everywhere(acme) -> None:
    """With one answer only among the test rows there is no ROC AUC; the report is made all the same."""
    given = evaluation()
    for model in given["models"].values():
        model["roc_auc"] = {"value": None, "low": None, "high": None}
    segments = [{"column": "c", "value": "x", "rows": 500, "roc_auc": None}]
    said = "ROC AUC is undefined on the 2,000 held-out rows"
    assert said in model_card.overview(acme, given, verdict("kept", champion_version=None))
    assert said in model_card.comparison(given)
    assert said in charts.side_by_side(given)
    assert "undefined" in charts.importance([], "roc_auc", 5)
    assert model_card.group_charts(segments, given) == ""
    assert "No group has enough" in model_card.group_reading(acme, segments, given)
    assert "<tbody></tbody>" in model_card.metric_table(given)
    assert "Close the gap" not in model_card.next_steps(acme, given, verdict(), HISTORY, segments)


def test_rows_without_an_answer_are_counted() -> None:
    assert "12 rows without a known answer" in model_card.excluded_columns(ROLES | {"unlabelled_rows": 12})


def test_of_a_lead_next_to_nothing_it_is_said_on_which_side_it_begins() -> None:
    """Between less than 0.001 and less than 0.001 could be anything."""
    show = metric_words("roc_auc").show
    lead = Estimate(0.00004, -0.0003, 0.0004)
    html = _leads("roc_auc", "network", "binary", {"ensemble": lead, "boosting": Estimate(0.0, -0.01, 0.01)})
    assert "\N{MINUS SIGN}0.0003 to +0.0004" in html
    assert f'<td class="num">{show(0.0)}</td>' in html, "nothing has no sign"
    assert "+0.04 %" in _leads("accuracy", "network", "binary", {"linear": Estimate(0.0004, -0.02, 0.02)})


def test_what_the_gate_saw_is_told_as_it_reads_after_a_promotion() -> None:
    first = verdict(reasons=["there is no champion yet"])
    assert "There was no champion before." in model_card.decision(first, evaluation())
    kept = verdict("kept", reasons=["there is no champion yet"], champion_version=None)
    assert "There is no champion yet." in model_card.decision(kept, evaluation())
