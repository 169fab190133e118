from kedro.io import DataCatalog, MemoryDataset

from workbench.hooks.config_loader import ClientConfigLoader
from workbench.hooks.ledger import LedgerHooks
from workbench.hooks.leftovers import LeftoverHooks
from workbench.hooks.progress import ProgressHooks


class LightCatalog(DataCatalog):
    """Says how a parameter is copied: Kedro imports pandas and Ibis to find out, which takes as long as all else."""

    def __setitem__(self, key: str, value: object) -> None:
        """Keep a parameter."""
        is_parameter = key == "parameters" or key.startswith("params:")
        super().__setitem__(key, MemoryDataset(data=value, copy_mode="deepcopy") if is_parameter else value)


HOOKS = (LedgerHooks(), LeftoverHooks(), ProgressHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-viz", "kedro-telemetry")
DATA_CATALOG_CLASS = LightCatalog
CONFIG_LOADER_CLASS = ClientConfigLoader
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "base", "merge_strategy": {"parameters": "soft"}}
