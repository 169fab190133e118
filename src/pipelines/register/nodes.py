"""The node of ``register``. It speaks to the MLflow store of the working directory, which is the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.clients import Client

if TYPE_CHECKING:
    from ibis.expr.types import Table as IbisTable
    from pyarrow import Table as ArrowTable

    from workbench.learning import TabularModel
else:
    # Kedro resolves the annotations of a node, to find the model of its parameters; these would import too much.
    ArrowTable = IbisTable = TabularModel = Any

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
) -> dict[str, Any]:
    """Judge the candidate against the champion on the same test rows, register it, and move the aliases.

    Doing it twice registers once. See :func:`workbench.registry.promotion.promote`.
    """
    from workbench.registry.evidence import Evidence
    from workbench.registry.holdout import Features
    from workbench.registry.promotion import promote
    from workbench.registry.store import open_store

    evidence = Evidence(evaluation, metrics, calibration, segments, importance)
    return promote(open_store(), client, candidate, Features(features, feature_roles), evidence)
