"""Kedro's settings: https://docs.kedro.org/en/stable/configure/config_loader/."""

from workbench.hooks.config_loader import ClientConfigLoader
from workbench.hooks.ledger import LedgerHooks
from workbench.hooks.summary import SummaryHooks
from workbench.hooks.tracking import TrackingHooks

HOOKS = (LedgerHooks(), TrackingHooks(), SummaryHooks())
CONFIG_LOADER_CLASS = ClientConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
}
