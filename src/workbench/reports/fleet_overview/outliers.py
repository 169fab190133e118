"""Clients that are unlike the others, or unlike themselves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from workbench.reports.locale import noted
from workbench.reports.numbers import rounded
from workbench.reports.words import metric_words

__all__ = ["AGAINST_ITSELF", "outliers"]

FEWEST = 5
"""Fewer values than this have no outlier."""

FAR = 3.5
"""The modified z-score from which a value is one (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993)."""

NORMAL = 0.6745
"""The median absolute deviation of a standard normal distribution; it makes the score one of standard deviations."""

AGAINST_ITSELF = noted("{label}, against its own runs")

COMPARED = {"seconds": noted("seconds of the last run"), "refused_share": noted("share of the rows refused")}


def outliers(clients: Sequence[dict[str, Any]], trend: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands out: ``client``, ``what``, ``value``, ``usual`` (the median it is held against), ``score``.

    Clients are held against each other in :data:`COMPARED`, and each newest metric against that client's own runs
    before, where only a fall counts.
    """
    found = []
    for key, what in COMPARED.items():
        known = {row["client"]: row[key] for row in clients if row[key] is not None}
        found += [_found(name, what, value, list(known.values())) for name, value in known.items()]
    for name in dict.fromkeys(row["client"] for row in trend):
        own = [row for row in trend if row["client"] == name]
        metric, values = own[-1]["metric"], [row["value"] for row in own if row["metric"] == own[-1]["metric"]]
        better = values[-1] > median(values) if metric_words(metric).higher_is_better else values[-1] < median(values)
        if not better:
            found.append(
                _found(
                    name,
                    AGAINST_ITSELF.format(label=metric_words(metric).label),
                    values[-1],
                    values[:-1],
                )
            )
    return sorted((one for one in found if one), key=lambda one: -abs(one["score"]))


def _found(client: str, what: str, value: float, others: list[float]) -> dict[str, Any]:
    """The finding; empty if it is none."""
    if len(others) < FEWEST:
        return {}
    usual = median(others)
    deviation = median(abs(other - usual) for other in others)
    if not deviation:
        return {}
    score = NORMAL * (value - usual) / deviation
    if abs(score) <= FAR:
        return {}
    return {"client": client, "what": what, "value": rounded(value), "usual": rounded(usual), "score": rounded(score)}
