"""Which client an environment variable belongs to.

A variable is a client's own if its name begins with the client's id in capitals and two underscores:
``SKYWAYS__WAREHOUSE_PASSWORD``.
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["owner_of"]


def owner_of(variable: str, clients: Collection[str]) -> str | None:
    """The client whose own a variable is, or None if it is everybody's.

    ``ACME__2__KEY`` belongs to ``acme__2`` if there is such a client, else to ``acme``: the longest id counts.
    """
    owners = [client for client in clients if variable.startswith(f"{client.upper()}__")]
    return max(owners, key=len, default=None)
