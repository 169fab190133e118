"""The node of ``register``. It speaks to the MLflow store of the working directory, which is the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.clients import Client

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable

    from workbench.learning import TabularModel
    from workbench.registry.models import Standing
else:
    # Kedro resolves the annotations of a node, to find the model of its parameters; these would import too much.
    ArrowTable = IbisTable = Standing = TabularModel = Any

__all__ = ["decide_and_register"]


def decide_and_register(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    candidate: TabularModel,
    features: IbisTable,
    feature_roles: dict[str, Any],
    evaluation: dict[str, Any],
    metrics: dict[str, float],
    calibration: ArrowTable,
    segments: ArrowTable,
    importance: ArrowTable,
) -> tuple[dict[str, Any], Standing]:
    """Judge the candidate against the champion on the same test rows, register it, and move the aliases.

    With it goes its baseline, which ``monitor`` holds later rows against.

    Doing it twice registers once. See :func:`workbench.registry.promotion.promote`.

    Returns:
        The verdict, and who is champion now.
    """
    from workbench.monitoring.baseline import baseline_of
    from workbench.registry.evidence import Evidence
    from workbench.registry.holdout import Features
    from workbench.registry.models import Standing
    from workbench.registry.promotion import promote
    from workbench.registry.store import open_store

    baseline, digests = baseline_of(client.id, candidate, features, feature_roles)
    evidence = Evidence(evaluation, metrics, calibration, segments, importance, baseline.to_dict(), digests)
    verdict = promote(open_store(), client, candidate, Features(features, feature_roles), evidence)
    return verdict, Standing(client.id, verdict["champion_version"])
