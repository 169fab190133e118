"""Kedro's settings: https://docs.kedro.org/en/stable/configure/config_loader/."""

from workbench.hooks.config_loader import ClientConfigLoader

HOOKS: tuple[object, ...] = ()
CONFIG_LOADER_CLASS = ClientConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
}
