"""A verdict comes true: it is written onto the version, and then the aliases move, ``champion`` last."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from workbench.registry import gate, models
from workbench.registry.store import Store, translated

__all__ = ["conclude"]

logger = logging.getLogger(__name__)


def conclude(
    store: Store,
    model: str,
    version: int,
    verdict: gate.Verdict,
    *,
    before: int | None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the verdict, then move the aliases; doing it twice does no more than once.

    Args:
        store: the opened store.
        model: the registered model.
        version: the version that was judged.
        verdict: about it. Why a champion became one stays written on it: that it is one already is not written.
        before: the version that was champion.
        more: tags beside those of every verdict.
    """
    if verdict.decision != gate.ALREADY:
        _write(store, model, str(version), verdict, more or {})
    models.set_alias(store, model, models.CHALLENGER, version)
    if verdict.promote:
        if before is not None and before != version:
            models.set_alias(store, model, models.PREVIOUS, before)
        models.set_alias(store, model, models.CHAMPION, version)
    logger.info("%s version %d: %s (%s)", model, version, verdict.decision, "; ".join(verdict.reasons))


def _write(store: Store, model: str, version: str, verdict: gate.Verdict, more: Mapping[str, Any]) -> None:
    tags = {
        "decision": verdict.decision,
        "reasons": "; ".join(verdict.reasons),
        f"{models.HOLDOUT}{verdict.comparison.metric}": verdict.comparison.challenger,
        **more,
        "margin": verdict.comparison.margin,
    }
    with translated(store.uri):
        for key, value in tags.items():
            store.api.set_model_version_tag(model, version, key, str(value))
        text = "\n".join(f"- {reason}" for reason in verdict.reasons)
        store.api.update_model_version(model, version, description=f"**{verdict.decision}**\n\n{text}")
