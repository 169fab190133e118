"""One client's secrets: fetched where the configuration says they are, when asked for, and kept out of all else."""

from __future__ import annotations

from workbench.secrets.mapping import ClientSecrets, secrets_of

__all__ = ["ClientSecrets", "secrets_of"]
