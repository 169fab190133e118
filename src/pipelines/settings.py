"""Kedro's settings: https://docs.kedro.org/en/stable/configure/config_loader/."""

from workbench.datasets.catalog import LightCatalog
from workbench.hooks.config_loader import ClientConfigLoader
from workbench.hooks.engine import EngineHooks
from workbench.hooks.ledger import LedgerHooks
from workbench.hooks.leftovers import LeftoverHooks
from workbench.hooks.progress import ProgressHooks
from workbench.hooks.secrets import SecretHooks
from workbench.hooks.stage import StageHooks
from workbench.hooks.summary import SummaryHooks
from workbench.hooks.tracking import TrackingHooks

HOOKS = (
    LedgerHooks(),
    StageHooks(),
    LeftoverHooks(),
    EngineHooks(),
    ProgressHooks(),
    TrackingHooks(),
    SecretHooks(),
    SummaryHooks(),
)
# Kedro-Viz's hooks import pandas for every run; `kedro viz` itself works without them.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-viz", "kedro-telemetry")
DATA_CATALOG_CLASS = LightCatalog
CONFIG_LOADER_CLASS = ClientConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
}
