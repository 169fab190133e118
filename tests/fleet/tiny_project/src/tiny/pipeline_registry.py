from kedro.pipeline import Pipeline, node

from tiny.nodes import act, add_up, arrive, judge, write_folder, write_lines, write_numbers


def register_pipelines() -> dict[str, Pipeline]:
    """`act` has two nodes, `gate` one; `chain` has four that write a good deal, and is run by name alone."""
    acting = Pipeline(
        [node(arrive, None, "place", name="arrive"), node(act, ["place", "params:act"], "seen", name="act")]
    )
    gate = Pipeline([node(judge, None, ["verdict", "evaluation"], name="judge")])
    chain = Pipeline(
        [
            node(write_numbers, "params:size", "numbers", name="write_numbers"),
            node(write_lines, "numbers", "lines", name="write_lines"),
            node(write_folder, ["numbers", "lines"], "folder", name="write_folder"),
            node(add_up, "folder", "total", name="add_up"),
        ]
    )
    return {"chain": chain, "act": acting, "gate": gate, "__default__": acting + gate}
