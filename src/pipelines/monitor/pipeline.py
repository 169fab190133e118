"""champion, features, prediction log → a verdict on the champion, and its mark."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.monitor import nodes

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``monitor``.

    It is no part of ``__default__``, which trains: right after a training nothing has come since, so there would be
    nothing to look at, and the verdict on the version before would be lost.
    """
    return Pipeline(
        [
            node(
                nodes.measure_new_rows,
                inputs=["client", "champion", "promise", "features", "feature_roles", "params:monitor"],
                outputs="monitor_new_rows",
                name="measure_new_rows",
            ),
            node(
                nodes.measure_served,
                inputs=["client", "champion", "promise", "prediction_log", "clock", "params:monitor"],
                outputs="monitor_served",
                name="measure_served",
            ),
            node(
                nodes.conclude,
                inputs=[
                    "client",
                    "promise",
                    "ingest_summary",
                    "monitor_new_rows",
                    "monitor_served",
                    "clock",
                    "params:monitor",
                ],
                outputs=["monitor", "monitor_measures", "monitor_metrics"],
                name="conclude",
            ),
            node(
                nodes.mark_champion,
                inputs=["monitor", "params:monitor"],
                outputs="retrain_mark",
                name="mark_champion",
            ),
        ],
        tags="monitor",
    )
