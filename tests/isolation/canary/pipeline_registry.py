from kedro.pipeline import Pipeline, node
from tiny.nodes import look, read, report


def register_pipelines() -> dict[str, Pipeline]:
    """Three nodes, with a pause in each."""
    made = Pipeline(
        [
            node(read, ["client", "params:act"], ["rows", "word"], name="read"),
            node(look, ["client", "rows"], "seen", name="look"),
            node(report, ["client", "rows", "word"], "page", name="report"),
        ]
    )
    return {"canary": made, "__default__": made}
