"""The ``ingest`` pipeline."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.ingest.nodes import check_rows, publish_raw, summarise_tables

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """Sources → checked → quarantine and ingest_summary → raw."""
    return Pipeline(
        [
            node(
                check_rows,
                inputs=["client", "schema", "sources", "params:ingest"],
                outputs=["checked", "source_files"],
                name="check_rows",
            ),
            node(
                summarise_tables,
                inputs=["client", "checked", "source_files"],
                outputs=["quarantine", "ingest_summary"],
                name="summarise_tables",
            ),
            node(
                publish_raw,
                inputs=["client", "schema", "checked", "ingest_summary"],
                outputs="raw",
                name="publish_raw",
            ),
        ],
        tags="ingest",
    )
