"""What reports do alike, done once before processes are forked for them: caches are full, and models are built.

Nothing here looks at a client, and no thread is left.
"""

from __future__ import annotations

__all__ = ["draw", "lay_out"]


def draw() -> None:
    """What the cells of each template do first: check a client, find the fonts, draw.

    Matplotlib forgets opened fonts in a fork (``register_at_fork`` in ``matplotlib.font_manager``).
    """
    from workbench.clients import Client, Schema
    from workbench.reports.style import picture

    for model in (Client, Schema):
        model.model_rebuild()
    with picture(alt="", columns=2) as drawn:
        for axes in drawn.axes:
            axes.plot([0, 1], [0.25, 0.75], label="A")
            axes.barh([0, 1], [1, 2])
            axes.set_yticks([0, 1], ["A", "B"])
            axes.set_title("A")
            axes.set_xlabel("A")
            axes.legend()


def lay_out() -> None:
    """What the process that renders does first: check a notebook, fill in the page, and clean it."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from workbench.reports.page import Heading, page

    shown = new_output("execute_result", {"text/html": "<p>A</p>"})  # type: ignore[no-untyped-call]
    text = new_markdown_cell("# A\n\n## B")  # type: ignore[no-untyped-call]
    cell = new_code_cell("1", outputs=[shown], execution_count=1)  # type: ignore[no-untyped-call]
    page(new_notebook(cells=[text, cell]), Heading("A", "B"))  # type: ignore[no-untyped-call]
