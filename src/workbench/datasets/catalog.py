"""Kedro's catalog, without the imports that a parameter does not need."""

from __future__ import annotations

from typing import Any

from kedro.io import DataCatalog, MemoryDataset

__all__ = ["LightCatalog"]


class LightCatalog(DataCatalog):
    """Says how a parameter is copied: Kedro imports pandas and Ibis to find out, which takes as long as all else."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Keep a parameter or a dataset."""
        is_parameter = key == "parameters" or key.startswith("params:")
        super().__setitem__(key, MemoryDataset(data=value, copy_mode="deepcopy") if is_parameter else value)
