"""All findings as one verdict: ``steady``, ``watch`` or ``retrain``, with its reasons in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.monitoring import judging, quality
from workbench.monitoring.findings import LEVELS, Finding, worst
from workbench.monitoring.served import about_lines

__all__ = ["Measured", "Rules", "findings_of", "flat", "verdict_of"]

MOST_REASONS = 12
"""Reasons that are told; the table of measures has all."""


@dataclass(frozen=True)
class Rules:
    """All thresholds."""

    drift: judging.DriftRules
    performance: judging.PerformanceRules
    quality: quality.QualityRules
    served_fewest_rows: int


@dataclass(frozen=True)
class Measured:
    """All measures.

    Attributes:
        promised: what the champion was registered with.
        new_rows: see :func:`workbench.monitoring.new_rows.measure_new_rows`.
        served: see :func:`workbench.monitoring.served.measure_served`.
        tables: those of ``ingest_summary``.
        expected: how old the newest row may be; None if nobody says so.
        now: the present.
    """

    promised: judging.Promised
    new_rows: Mapping[str, Any]
    served: dict[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    expected: quality.Expected | None
    now: datetime


def findings_of(measured: Measured, rules: Rules) -> tuple[list[Finding], list[str]]:
    """Judge all measures.

    Returns:
        The findings, and as sentences what was not measured or decides nothing.
    """
    new, served = measured.new_rows, measured.served
    notes: list[str] = []
    rows = new["rows"] or 0
    performance: list[Finding] = []
    said: list[str] = []
    if new["rows"] is None:
        notes.append(f"Drift and performance were not measured, for want of a baseline: {new['problem']}.")
    elif not rows:
        notes.append("No row came since the champion was trained.")
    elif not new["unfit"]:
        performance, said = judging.of_performance(new["performance"], measured.promised, rules.performance)
    if new["unlabelled"]:
        said.append(f"{new['unlabelled']:,} rows wait for their label, and are no features yet.")
    if 0 < rows < rules.drift.fewest_rows:
        said.append(f"{rows:,} rows came since; fewer than {rules.drift.fewest_rows:,} decide nothing on drift.")
    holds = judging.holds(new["performance"], measured.promised, rules.performance)
    if holds:
        said.append("The champion is as good as it promised, so drift alone asks for no training.")
    fresh, of_age = quality.of_freshness(quality.moment_of(new["newest"]), measured.expected, measured.now)
    served_rules = judging.DriftRules(**{**vars(rules.drift), "fewest_rows": rules.served_fewest_rows})
    found = [
        *judging.of_fit(new["unfit"], measured.promised.version),
        *performance,
        *judging.of_drift(new["columns"], rows, rules.drift, kept=holds),
        *quality.of_quarantine(measured.tables, rules.quality),
        *quality.of_columns(new["columns"], rows, rules.quality),
        *fresh,
        *judging.of_drift(served["columns"], served["rows"], served_rules, kept=True, part="served"),
    ]
    return found, [*notes, *said, *of_age, *about_lines(served, measured.promised.version)]


def verdict_of(measured: Measured, findings: Sequence[Finding], notes: Sequence[str]) -> dict[str, Any]:
    """The verdict as JSON.

    Returns:
        ``verdict``; ``reasons`` (findings that ask for something, what asks for most first, twelve at most, and
        ``more_reasons``); ``notes``; ``made``; ``version``; ``new_rows`` and ``served`` in numbers; ``performance``.
    """
    asking = [one for one in findings if one.level != "steady"]
    asking.sort(key=lambda one: -LEVELS.index(one.level))
    new, served = measured.new_rows, measured.served
    features = [one for one in new["columns"] if one["role"] == "feature"]
    return {
        "verdict": worst(findings),
        "version": measured.promised.version,
        "made": measured.now.isoformat(timespec="seconds"),
        "reasons": [one.to_dict() for one in asking[:MOST_REASONS]],
        "more_reasons": max(0, len(asking) - MOST_REASONS),
        "notes": list(notes),
        "performance": new["performance"] and {**new["performance"], "promised": measured.promised.value},
        "new_rows": {
            **{name: new[name] for name in ("rows", "first", "last", "newest", "unlabelled", "predicted")},
            "features": len(features),
            "watched": sum(one["state"] == "watch" for one in features),
            "drifted": sum(one["state"] == "drift" for one in features),
        },
        "served": {name: served[name] for name in ("log", "rows", "lines", "versions", "days", "not_logged")},
    }


def flat(verdict: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, float]:
    """The numbers for MLflow: the verdict (0 steady, 1 watch, 2 retrain), rows, and all measures but the features'."""
    new, served = verdict["new_rows"], verdict["served"]
    numbers: dict[str, float | None] = {
        "monitor.verdict": float(LEVELS.index(verdict["verdict"])),
        "monitor.new_rows": new["rows"],
        "monitor.drifted_features": new["drifted"],
        "monitor.watched_features": new["watched"],
        "monitor.served_rows": served["rows"],
    }
    for one in findings:
        if not one.column:
            numbers[f"monitor.{one.part}.{one.measure.replace(' ', '_')}"] = one.value
        elif one.measure.startswith("psi of ") and not one.measure.endswith("feature"):
            numbers[f"monitor.{one.part}.{one.measure.replace(' ', '_')}.{one.column}"] = one.value
    return {name: float(value) for name, value in numbers.items() if value is not None}
