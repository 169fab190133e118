from workbench.datasets.catalog import LightCatalog
from workbench.hooks.config_loader import ClientConfigLoader
from workbench.hooks.ledger import LedgerHooks
from workbench.hooks.progress import ProgressHooks
from workbench.hooks.tracking import TrackingHooks

HOOKS = (LedgerHooks(), ProgressHooks(), TrackingHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-viz", "kedro-telemetry")
DATA_CATALOG_CLASS = LightCatalog
CONFIG_LOADER_CLASS = ClientConfigLoader
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "base", "merge_strategy": {"parameters": "soft"}}
