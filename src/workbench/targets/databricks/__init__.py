"""Databricks as a target: a model in Unity Catalog behind a Model Serving endpoint, and the pipeline as a Job.

Nothing of ``databricks.sdk`` or MLflow is imported before a call is made.
"""

from __future__ import annotations

from workbench.targets.databricks.target import Databricks, open_databricks

__all__ = ["Databricks", "open_databricks"]
