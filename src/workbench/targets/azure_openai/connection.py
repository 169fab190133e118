"""An account's connection: opened when it is first used, logged in anew once when a key or token is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from workbench.secrets import ClientSecrets
from workbench.targets.azure_openai.api import Account, open_api
from workbench.targets.azure_openai.translate import Unauthorised, translated

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["Connection"]

T = TypeVar("T")


class Connection:
    """The SDK's client of one account, for several threads.

    Args:
        account: whose.
        secrets: the client's; a key is fetched when it is needed, and again when it is refused.
        where: for errors.
    """

    def __init__(self, account: Account, secrets: ClientSecrets, where: str) -> None:
        self.account, self._secrets, self._where = account, secrets, where
        self._opened: list[OpenAI] = []
        self._lock = threading.Lock()

    def once(self, action: Callable[[OpenAI], T]) -> T:
        """What an action returns that makes one request.

        Raises:
            Unauthorised: the key or token was refused, and so was a new one.
            Transient: it may pass.
            TargetError: it was refused.
        """
        api = self._open()
        try:
            with translated(self._where):
                return action(api)
        except Unauthorised:
            api = self._open(instead_of=api)
            with translated(self._where):
                return action(api)

    def close(self) -> None:
        """Close all that was opened; the next request opens it again."""
        with self._lock:
            while self._opened:
                self._opened.pop().close()

    def _open(self, instead_of: OpenAI | None = None) -> OpenAI:
        with self._lock:
            # One that was refused stays open until all are closed: another thread may wait for its answer.
            if not self._opened or self._opened[-1] is instead_of:
                self._opened.append(open_api(self.account, self._secrets))
            return self._opened[-1]
