"""Colours that mean something can be told apart by everybody, on white and on black paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.clients.brand import BLACK_PAPER, WHITE_PAPER, contrast
from workbench.reports.charts.drift import STATE_COLOURS
from workbench.reports.charts.quality import MODEL_COLOURS
from workbench.reports.style import BLUE, GREY, INK, MUTED, VERMILLION, on_black

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
# severity 1.0; on linear RGB.
VISION = {
    "typical": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
TELLS_APART = 20
"""CIE76 difference; about ten times what is just noticed, since a line is thin and a legend is far away."""

TOGETHER = {
    "models": list(MODEL_COLOURS.values()),
    "states": list(STATE_COLOURS.values()),
    "kept and refused": [BLUE, VERMILLION],
    "before and now": [GREY, BLUE],
}


def lab(colour: str, vision: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", TOGETHER)
@pytest.mark.parametrize("paper", ["white", "black"])
def test_colours_that_stand_together_are_told_apart_with_any_vision(vision, group, paper) -> None:
    colours = TOGETHER[group] if paper == "white" else [on_black(colour) for colour in TOGETHER[group]]
    for one, other in combinations(colours, 2):
        apart = float(np.linalg.norm(lab(one, vision) - lab(other, vision)))
        assert apart >= TELLS_APART, f"{one} and {other} are {apart:.0f} apart"


def test_text_in_charts_is_readable_on_both_papers() -> None:
    for colour in (INK, MUTED):
        assert contrast(colour, WHITE_PAPER) >= 4.5
        assert contrast(on_black(colour), BLACK_PAPER) >= 4.5
