"""How far two distributions are apart, from their counts in the same bins.

Counts are all that these need, so the rows stay in the engine. ``before`` is the reference, ``now`` what is compared
with it; both are counts, bin by bin, in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

__all__ = ["by_chance", "jensen_shannon", "psi", "wasserstein"]

HALF_A_ROW = 0.5
"""What an empty bin counts as: without it, one row in a new bin would make the index infinite (Krichevsky and
Trofimov, "The performance of universal encoding", 1981)."""


def psi(before: Sequence[float], now: Sequence[float]) -> float:
    """The population stability index: the sum over the bins of ``(q - p) ln(q / p)``, p and q being shares.

    It is Jeffreys' symmetric divergence (Kullback and Leibler, "On information and sufficiency", 1951, eq. 2.6); the
    name, and the reading that 0.1 asks for a look and 0.25 for an action, are of credit scoring (Siddiqi, "Credit risk
    scorecards", 2006). A bin that is empty
    on one side counts as :data:`HALF_A_ROW` there.
    """
    rows = sum(before), sum(now)
    total = 0.0
    for p, q in zip(before, now, strict=True):
        if p or q:
            low, high = max(p, HALF_A_ROW) / max(rows[0], 1), max(q, HALF_A_ROW) / max(rows[1], 1)
            total += (high - low) * math.log(high / low)
    return total


def by_chance(bins: int, before: float, now: float, confidence: float) -> float:
    """The index that two samples of one and the same distribution stay under, with this confidence.

    The index, divided by ``1/n + 1/m``, is distributed as chi-squared with ``bins - 1`` degrees of freedom (Yurdakul,
    "Statistical properties of population stability index", 2018). The quantile is that of Wilson and Hilferty
    ("The distribution of chi-square", 1931): too large by 3 percent at most, and it saves SciPy.

    Args:
        bins: that either sample has rows in.
        before: rows of the reference.
        now: rows that are compared with it.
        confidence: such as 0.999.
    """
    freedom = max(bins - 1, 1)
    spread = 2 / (9 * freedom)
    quantile = freedom * max(1 - spread + NormalDist().inv_cdf(confidence) * math.sqrt(spread), 0.0) ** 3
    return quantile * (1 / max(before, 1) + 1 / max(now, 1))


def jensen_shannon(before: Sequence[float], now: Sequence[float]) -> float:
    """The Jensen-Shannon distance, 0 (the same) to 1 (nothing in common).

    The square root of the divergence in bits (Lin, "Divergence measures based on the Shannon entropy", 1991, eq. 4.1);
    the root makes it a metric (Endres and Schindelin, "A new metric for probability distributions", 2003).
    """
    divergence = 0.0
    for p, q in zip(_shares(before), _shares(now), strict=True):
        middle = (p + q) / 2
        divergence += sum(share * math.log2(share / middle) for share in (p, q) if share > 0) / 2
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def wasserstein(
    edges: Sequence[float], before: Sequence[float], now: Sequence[float], *, moved: float | None = None, steps: bool
) -> float:
    """The first Wasserstein distance, in the unit of the values: how far a row has to be moved, on average.

    It is the area between the two distribution functions (Vallender, "Calculation of the Wasserstein distance between
    probability distributions on the line", 1974). At the edges, these are known exactly; between them they are steps,
    or taken as straight. With its sign, the area is the difference of the two means: what the straight lines miss of
    that is shared out over both signs, so that the result is exact where all rows moved the same way.

    Args:
        edges: ascending; the first is the smallest value of all, the last the largest.
        before: counts of the reference: up to and with the first edge, then between each edge and the next.
        now: the same, of what is compared.
        moved: mean now, less mean before.
        steps: all values lie on edges, as those of a count do; the result is exact then.
    """
    gaps = [0.0]
    for p, q in zip(_shares(before), _shares(now), strict=True):
        gaps.append(gaps[-1] + p - q)
    area = signed = 0.0
    for (low, high), (left, right) in zip(pairwise(edges), pairwise(gaps[1:]), strict=True):
        area += (high - low) * (abs(left) if steps else _mean_of_line(left, right))
        signed += (high - low) * (left if steps else (left + right) / 2)
    if moved is None or steps or not area:
        return area
    return max(abs(moved), area - (signed - moved) * signed / area)


def _mean_of_line(left: float, right: float) -> float:
    """The mean of the absolute value along a straight line; where it crosses zero, that of its two triangles."""
    if left * right >= 0:
        return (abs(left) + abs(right)) / 2
    return (left**2 + right**2) / (2 * (abs(left) + abs(right)))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
