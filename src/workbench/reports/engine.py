"""papermill's engine, which saves a notebook when it is at its end. Imports papermill: import this where it is used."""

from __future__ import annotations

from typing import Any

from workbench.papermill import papermill

__all__ = ["ENGINE"]

ENGINE = "workbench"


class SaveOnce(papermill.engines.NBClientEngine):  # type: ignore[misc]
    """As papermill's own, which validates and writes the whole notebook before and after each cell.

    https://papermill.readthedocs.io/en/latest/extending-entry-points.html
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, output_path: str | None = None, **options: Any) -> Any:
        """Run all cells; the notebook is saved as far as it came, whatever ends it.

        One that came to its end, or to a cell that failed, is saved by papermill's own `execute_notebook`.
        """
        try:
            return super().execute_notebook(nb, kernel_name, output_path=None, **options)
        except BaseException:
            if output_path is not None:
                papermill.iorw.write_ipynb(nb, output_path)
            raise


papermill.engines.papermill_engines.register(ENGINE, SaveOnce)
