"""Drift and performance of the new rows, judged.

A version is to be trained again for three reasons only: it is worse than it promised, beyond chance; what it reads or
says is far from what it learned from, and no labels say that it is as good as ever; it cannot predict the rows of
today. Labels outrank drift: inputs may move far where the answer follows them (Gama and others, "A survey on concept
drift adaptation", 2014, call that virtual drift).

Of hundreds of features, some always move. Three things hold them back. A column counts only when its stability index is
large (0.1 and 0.25: Siddiqi, "Credit risk scorecards", 2006), whatever its significance, since of many rows every
difference is significant. It counts only when chance alone would not give as much in any of the columns (Bonferroni;
:func:`workbench.drift.distances.by_chance`). And features ask for a training only when a share of them has drifted: one
half, as Evidently's ``DataDriftPreset`` has it (docs.evidentlyai.com, "Data drift", ``drift_share``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.monitoring.findings import Finding, Level

__all__ = ["DriftRules", "PerformanceRules", "Promised", "holds", "of_drift", "of_fit", "of_performance"]

_LEVEL: Mapping[str, Level] = {"stable": "steady", "watch": "watch", "drift": "watch"}
_WHAT = {
    "feature": "feature '{}'",
    "answer": "the answer ('{}')",
    "prediction": "what the champion predicts ('{}')",
}


@dataclass(frozen=True)
class DriftRules:
    """Thresholds of drift.

    Attributes:
        watch: stability index from which a column is watched.
        drift: the index from which it has drifted.
        share: of the features that have drifted, from which on the model is to be trained again.
        fewest_rows: fewer new rows than this decide nothing.
        missing: rise of the share of missing values that is a matter of the data's quality, not of drift.
    """

    watch: float = 0.1
    drift: float = 0.25
    share: float = 0.5
    fewest_rows: int = 100
    missing: float = 0.1


@dataclass(frozen=True)
class PerformanceRules:
    """Thresholds of performance.

    Attributes:
        margin: by which the metric may be worse than promised; None: the margin that the version was registered with.
        fewest_rows: fewer labelled rows than this decide nothing.
    """

    margin: float | None = None
    fewest_rows: int = 100


@dataclass(frozen=True)
class Promised:
    """What the version was registered with: its metric on held-out rows, and the gate's margin."""

    version: int
    value: float | None
    margin: float


def of_fit(unfit: str, version: int) -> list[Finding]:
    """Whether the champion can predict the rows of today at all."""
    if not unfit:
        return []
    sentence = f"The champion, version {version}, cannot predict the features of today: {unfit}."
    return [Finding("retrain", "performance", "fit", "", None, None, sentence)]


def of_performance(
    measured: Mapping[str, Any] | None, promised: Promised, rules: PerformanceRules
) -> tuple[list[Finding], list[str]]:
    """Whether the champion is worse than it promised, beyond chance.

    Returns:
        The findings, and as sentences what decides nothing.
    """
    from workbench.learning.metrics import HIGHER_IS_BETTER

    if measured is None or promised.value is None:
        return [], ["No label came since, or the version promised no metric: performance was not measured."]
    metric, rows = measured["metric"], measured["rows"]
    if measured["value"] is None or measured["low"] is None:
        return [], [f"{metric} is undefined on the {rows:,} labelled rows that came since, so they decide nothing."]
    margin = promised.margin if rules.margin is None else rules.margin
    higher = HIGHER_IS_BETTER[metric]
    limit = promised.value - margin if higher else promised.value + margin
    worse = measured["high"] < limit if higher else measured["low"] > limit
    few = rows < rules.fewest_rows
    interval = f"{measured['value']:.4g} ({measured['low']:.4g} to {measured['high']:.4g})"
    promise = f"version {promised.version} promised {promised.value:.4g}, with a margin of {margin:.4g}"
    said = f"{metric} is {interval} on {rows:,} labelled rows that came since; {promise}"
    if few:
        notes = [f"{said}. Fewer than {rules.fewest_rows:,} labelled rows decide nothing."]
        return [Finding("steady", "performance", metric, "", measured["value"], limit, f"{said}.")], notes
    level: Level = "retrain" if worse else "steady"
    end = "it is worse, beyond chance" if worse else "that is no decay beyond chance"
    return [Finding(level, "performance", metric, "", measured["value"], limit, f"{said}: {end}.")], []


def holds(measured: Mapping[str, Any] | None, promised: Promised, rules: PerformanceRules) -> bool:
    """Whether enough labels say that the champion is as good as it promised."""
    from workbench.learning.metrics import HIGHER_IS_BETTER

    if measured is None or measured["value"] is None or promised.value is None or measured["rows"] < rules.fewest_rows:
        return False
    margin = promised.margin if rules.margin is None else rules.margin
    ahead = measured["value"] - promised.value
    return bool((ahead if HIGHER_IS_BETTER[measured["metric"]] else -ahead) >= -margin)


def of_drift(
    columns: Sequence[Mapping[str, Any]], rows: int, rules: DriftRules, *, kept: bool, part: str = "drift"
) -> list[Finding]:
    """How far features, answer and predictions have moved.

    Args:
        columns: see :func:`workbench.monitoring.new_rows.drift_rows`.
        rows: that were compared.
        rules: thresholds.
        kept: nothing may ask for more than ``watch``, because labels say that the promise holds, or because these rows
            are none that a training would see.
        part: ``drift`` of the tables' new rows, ``served`` of the log's.
    """
    few = rows < rules.fewest_rows
    found = [_of_column(column, rules, part, few=few, kept=kept) for column in columns]
    features = [one for one in columns if one["role"] == "feature"]
    if features and not few:
        found.insert(0, _of_share(features, rows, rules, part, kept=kept))
    return found


def _of_column(column: Mapping[str, Any], rules: DriftRules, part: str, *, few: bool, kept: bool) -> Finding:
    role, name, index = column["role"], column["column"], column["psi"]
    state = "stable" if few else column["state"]
    level = _LEVEL[state]
    if role == "prediction" and state == "drift" and not kept:
        level = "retrain"
    # What counts is the larger of the two: below what chance gives, the index says nothing.
    threshold = max(rules.drift if state == "drift" else rules.watch, column["psi_by_chance"])
    has = {"stable": "has not moved", "watch": "has moved a little", "drift": "has drifted"}[state]
    above = "at most" if state == "stable" else "above"
    named = _WHAT[role].format(name)
    sentence = f"{named} {has}: its stability index is {index:.3g}, {above} {threshold:.3g}."
    if few:
        sentence = f"{named} has a stability index of {index:.3g}; so few rows decide nothing."
    where = "served rows: " if part == "served" else ""
    return Finding(level, part, f"psi of {role}", name, index, threshold, _capital(where + sentence))


def _of_share(features: Sequence[Mapping[str, Any]], rows: int, rules: DriftRules, part: str, *, kept: bool) -> Finding:
    # Where values went missing the data is at fault, and a training on it would learn the fault.
    drifted = [
        one
        for one in features
        if one["state"] == "drift" and one["missing_now"] - one["missing_before"] <= rules.missing
    ]
    share = len(drifted) / len(features)
    level: Level = "steady" if share < rules.share else "watch" if kept else "retrain"
    names = ", ".join(str(one["column"]) for one in drifted[:5]) + (", …" if len(drifted) > 5 else "")
    which = f" ({names})" if names else ""
    of = "served rows" if part == "served" else "new rows"
    sentence = (
        f"{len(drifted)} of {len(features)} features{which} have drifted in {rows:,} {of}: a share of {share:.2g}, "
        f"and the threshold is {rules.share:.2g}."
    )
    return Finding(level, part, "share of drifted features", "", share, rules.share, sentence)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
