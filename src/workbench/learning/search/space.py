"""Which settings of a network are searched, and what of them fits a table.

After the tuning space of the paper of TabM (Gorishniy, Kotelnikov, Babenko, ICLR 2025, appendix), about the network
that :func:`~workbench.learning.networks.defaults.default_spec` would take, so that a trial costs about as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.learning.config import TrainConfig
from workbench.learning.networks.specs import TabMSpec

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["PARAMETERS", "configured", "defaults", "suggest"]

PARAMETERS = ("learning_rate", "weight_decay", "dropout", "width", "blocks", "bins")
"""In the order of the columns of a study's table."""


def defaults(config: TrainConfig, spec: TabMSpec) -> dict[str, Any]:
    """What would be taken without a search: the first trial, so that a search never ends worse on validation rows."""
    return {
        "learning_rate": min(max(config.learning_rate, 3e-4), 1e-2),
        "weight_decay": min(max(config.weight_decay, 1e-5), 1e-1),
        "dropout": min(spec.dropout, 0.5),
        "width": spec.width,
        "blocks": min(max(spec.blocks, 1), 3),
        "bins": spec.bins,
    }


def suggest(trial: Trial, spec: TabMSpec) -> dict[str, Any]:
    """Draw a setting."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "width": trial.suggest_categorical("width", [max(spec.width // 2, 8), spec.width, spec.width * 2]),
        "blocks": trial.suggest_int("blocks", 1, 3),
        "bins": trial.suggest_int("bins", 2, max(spec.bins, 2)),
    }


def configured(config: TrainConfig, spec: TabMSpec, setting: Mapping[str, Any]) -> TrainConfig:
    """A training with a setting."""
    network = replace(spec, **{name: setting[name] for name in ("dropout", "width", "blocks", "bins")})
    return replace(
        config,
        network=network,
        learning_rate=float(setting["learning_rate"]),
        weight_decay=float(setting["weight_decay"]),
    )
