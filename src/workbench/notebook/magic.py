"""``%client skyways``: the notebook's ``client``, ``catalog``, ``context`` and ``pipelines`` become that client's."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from workbench.clients import ClientRegistry, env_of_client
from workbench.errors import ConfigurationError, WorkbenchError
from workbench.notebook.session import forget_client, log_plainly, project_here

__all__ = ["client", "register", "switch"]

NAMES = ("client", "catalog", "context", "session", "pipelines")


def register(shell: Any) -> None:
    """Add the magic to a shell, and Kedro's own magics if they are not there yet."""
    with suppress(ConfigurationError):  # outside of a project it is `%client` that says so
        log_plainly(project_here())
    with _without_chatter():
        shell.extension_manager.load_extension("kedro.ipython")
    shell.register_magic_function(client, magic_kind="line", magic_name="client")


def client(line: str, local_ns: dict[str, Any] | None = None) -> None:
    """Switch the notebook to a client; without a name, say which one is open and which there are.

    Example: %client skyways
    """
    from IPython.core.error import UsageError
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()  # type: ignore[no-untyped-call]
    try:
        print(switch(shell, line.strip()) if line.strip() else _clients(shell))  # noqa: T201 - a magic answers in the cell
    except WorkbenchError as error:
        # IPython shows a UsageError as one line, without a traceback, and still ends the cell as failed.
        raise UsageError(str(error)) from None


def switch(shell: Any, client_id: str) -> str:
    """Close the open client and open another; what it did, in a sentence or two.

    Raises:
        UnknownClient: the client is not in the registry; the one that was open still is.
    """
    project = project_here()
    chosen = ClientRegistry(project).load(client_id)
    before = shell.user_ns.get("client")
    # If the new client's configuration is wrong, no client is open: better than the old one under a new impression.
    for name in NAMES:
        shell.user_ns.pop(name, None)
    forget_client()
    with _without_chatter():
        shell.run_line_magic("reload_kedro", f"{shlex.quote(str(project))} --env {env_of_client(client_id)}")
    shell.push({"client": chosen})
    answer = f"{chosen.title}: client, catalog, context, session and pipelines are those of '{client_id}'."
    old = getattr(before, "id", client_id)
    if old != client_id:
        answer += f" Tables that you loaded from '{old}' are closed; load them again."
    return answer


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Kedro tells of every magic, every variable and, later, every dataset; an answer in one line is enough.

    It configures logging anew on each reload, so setting a level before would not last.
    """
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
        logging.getLogger("kedro.io.data_catalog").setLevel(logging.WARNING)


def _clients(shell: Any) -> str:
    opened = getattr(shell.user_ns.get("client"), "id", None)
    known = ", ".join(ClientRegistry(project_here()).ids())
    return f"Open: {opened or 'no client'}. There are: {known}. Switch with `%client <client>`."
