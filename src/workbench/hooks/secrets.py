"""A client's secrets enter as Kedro's credentials, leave in no report, and are given back when the run ends."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from kedro.framework.hooks import hook_impl

from workbench.clients import client_of_env
from workbench.errors import WorkbenchError

__all__ = ["SecretHooks"]

logger = logging.getLogger(__name__)


class SecretHooks:
    """Puts credentials into the configuration loader, which fetch nothing before a dataset asks for them."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: Any) -> None:
        """Give them to the run, and keep the loader; another hook may still add to it."""
        self._loader = context.config_loader
        client = client_of_env(getattr(context, "env", None))
        if client is not None:
            from workbench.secrets.for_kedro import Credentials
            from workbench.secrets.mapping import secrets_of

            self._loader["credentials"] = Credentials(partial(secrets_of, context.project_path, client))

    @hook_impl
    def before_node_run(self, node: Any) -> None:
        """Keep all of them in mind once it is sure that a report is rendered, so that none is in it."""
        if not node.name.startswith("render_"):
            return
        from kedro.config import MissingConfigException

        from workbench.secrets.redaction import remember_credentials

        known: Mapping[str, Any] = {}
        try:
            known = dict(self._loader["credentials"])
        except (AttributeError, KeyError, MissingConfigException):
            pass
        except WorkbenchError as error:
            # What this process has fetched it knows anyway; a report does not wait for Vault.
            logger.warning("the report is searched for those secrets alone that the run has used: %s", error)
        remember_credentials(known)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Give leases and tokens back: a worker that is forked may end without Python's own end."""
        _close()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Do so as well."""
        _close()


def _close() -> None:
    from workbench.secrets.mapping import close_secrets

    close_secrets()
