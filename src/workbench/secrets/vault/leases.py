"""A user that Vault makes in a database: renewed at two thirds of its life, and replaced before it ends.

Vault renews a lease up to the role's ``max_ttl``. When a renewal gives less than half of what the lease had at first,
that end is near: a new user is made, and the old one lives on until its own end, so that what has a connection open
finds the time to finish (https://developer.hashicorp.com/vault/docs/concepts/lease).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import RLock
from typing import Any

from workbench.errors import Transient, WorkbenchError
from workbench.secrets.place import Login
from workbench.secrets.redaction.known import remember
from workbench.secrets.vault.http import Refused
from workbench.secrets.vault.keeper import AGAIN_SECONDS, Keeper, due_in

__all__ = ["DatabaseLease"]

logger = logging.getLogger(__name__)


class DatabaseLease:
    """One database's user of the moment.

    Args:
        what: for messages: "client skyways, database WAREHOUSE".
        create: asks Vault for a new user; the answer of ``<mount>/creds/<role>``.
        renew: asks Vault to renew a lease for so many seconds.
        revoke: gives a lease back.
        keeper: calls when it is due.
    """

    def __init__(
        self,
        what: str,
        *,
        create: Callable[[], Any],
        renew: Callable[[str, int], Any],
        revoke: Callable[[str], Any],
        keeper: Keeper,
    ) -> None:
        self._what, self._create, self._renew, self._revoke, self._keeper = what, create, renew, revoke, keeper
        # Held while Vault is asked for a user, so that two threads do not get two. Who has a valid one does not wait.
        self._making = RLock()
        self._login: Login | None = None
        self._leases: list[str] = []  # the last one is in force; older ones end by themselves, or with the run
        self._whole, self._ends = 0.0, 0.0
        self._is_renewable, self._is_tended, self._is_outdated = False, False, False

    def login(self, refused: Login | None = None) -> Login:
        """The user in force; another one if it has run out, or if it is what the database has refused."""
        login = self._valid(refused)
        if login is not None:
            return login
        with self._making:
            login = self._valid(refused) or self._replace()
            if not self._is_tended:
                self._is_tended = True
                self._keeper.add(self._tend, due_in(self._whole))
            return login

    def outdate(self) -> None:
        """Have it replaced when it is next asked for, or due."""
        self._is_outdated = True

    def close(self) -> None:
        """Give all of them back, so that the database forgets them now and not when they run out."""
        with self._making:
            leases, self._leases, self._login = self._leases, [], None
        for lease in leases:
            try:
                self._revoke(lease)
            except WorkbenchError as error:
                if isinstance(error, Refused) and error.status == 400:
                    continue  # it ended before
                logger.warning("%s: a lease was not given back, and ends by itself: %s", self._what, error)

    def _valid(self, refused: Login | None) -> Login | None:
        login = self._login
        ran_out = self._whole > 0 and time.monotonic() >= self._ends
        return None if ran_out or self._is_outdated or login is refused else login

    def _replace(self) -> Login:
        begun = time.monotonic()  # before the answer: here, a lease may end early, never late
        answer = self._create()
        self._is_outdated = False
        data = answer["data"]
        login = Login(str(data["username"]), str(data["password"]))
        remember(f"password of {self._what}", login.password)
        seconds = float(answer.get("lease_duration") or 0)
        self._whole, self._ends = seconds, begun + seconds
        self._is_renewable = bool(answer.get("renewable"))
        self._leases.append(str(answer["lease_id"]))
        self._login = login
        return login

    def _tend(self) -> float | None:
        """Renew it, or replace it where that does not help any more; called when it is due."""
        with self._making:
            if self._login is None:
                return None
            left = self._ends - time.monotonic()
            try:
                if self._is_outdated or not self._is_renewable or not self._renewed():
                    self._replace()
                return due_in(self._ends - time.monotonic())
            except WorkbenchError as error:
                logger.warning("%s: the lease was not renewed, %.0f s are left: %s", self._what, left, error)
                left = self._ends - time.monotonic()
                if isinstance(error, Transient) and left > 0.1:
                    return min(AGAIN_SECONDS, left / 3)
                # Whoever asks for the user when it has run out tries once more, and is told.
                self._is_tended = False
                return None

    def _renewed(self) -> bool:
        begun = time.monotonic()
        try:
            answer = self._renew(self._leases[-1], int(self._whole) or 1)
        except Refused:
            return False  # revoked, or past its end
        seconds = float(answer.get("lease_duration") or 0)
        self._ends = begun + seconds
        return seconds > self._whole / 2
