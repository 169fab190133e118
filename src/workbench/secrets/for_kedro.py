"""A client's secrets as Kedro's credentials: ``WAREHOUSE__CON`` is ``credentials["warehouse"]["con"]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from workbench.secrets.mapping import ClientSecrets

__all__ = ["Credentials"]

SEPARATOR = "__"


class Credentials(Mapping[str, "str | dict[str, str]"]):
    """What a catalog names under ``credentials:``; nothing is opened before a dataset does.

    A name with two underscores is a field of an entry, one without is an entry that is a text:
    ``WAREHOUSE__USERNAME`` and ``WAREHOUSE__PASSWORD`` make ``warehouse: {username: …, password: …}``.

    Args:
        open_secrets: gives the client's secrets; called once, when the first entry is asked for.
    """

    def __init__(self, open_secrets: Callable[[], ClientSecrets]) -> None:
        self._open = open_secrets

    @cached_property
    def _secrets(self) -> ClientSecrets:
        return self._open()

    def __getitem__(self, entry: str) -> str | dict[str, str]:
        names = [name for name in self._secrets if name.partition(SEPARATOR)[0].lower() == entry]
        if not names:
            raise KeyError(entry)
        if entry.upper() in names:
            return self._secrets[entry.upper()]
        return {name.partition(SEPARATOR)[2].lower(): self._secrets[name] for name in names}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({name.partition(SEPARATOR)[0].lower() for name in self._secrets}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __bool__(self) -> bool:
        # Kedro writes `credentials or {}`; to count them would fetch their names.
        return True

    def __repr__(self) -> str:
        return "Credentials(hidden)"
