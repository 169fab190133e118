from kedro.pipeline import Pipeline, node

from tiny.nodes import act, arrive, judge


def register_pipelines() -> dict[str, Pipeline]:
    """Two pipelines: `act` has two nodes, `gate` one."""
    acting = Pipeline(
        [node(arrive, None, "place", name="arrive"), node(act, ["place", "params:act"], "seen", name="act")]
    )
    gate = Pipeline([node(judge, None, ["verdict", "evaluation"], name="judge")])
    return {"act": acting, "gate": gate, "__default__": acting + gate}
