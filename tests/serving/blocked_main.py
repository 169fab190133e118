"""``python -m workbench.serving`` where nothing can be imported that its container does not hold."""

from __future__ import annotations

import sys

BLOCKED = {
    "airflow", "duckdb", "fastapi", "ibis", "ipykernel", "kedro", "kedro_datasets", "mlflow", "optuna", "pandas",
    "pandera", "polars", "requests_mock", "rich", "scipy", "sklearn", "sqlglot", "transformers",
}  # fmt: skip


# An import of it fails, and whoever only asks hears that it is not there.
sys.modules.update(dict.fromkeys(BLOCKED))

from workbench.serving.__main__ import main  # noqa: E402

sys.exit(main())
