"""One client's secrets in Vault: its KV engine, version 2, and users of databases. Nothing is written to the disk."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from threading import RLock
from typing import TypeVar

import hvac

from workbench.errors import ConfigurationError, SecretError, Unreachable, WorkbenchError
from workbench.secrets.config import Database, VaultSecrets, of_client
from workbench.secrets.place import NAME, Check, Login
from workbench.secrets.vault.http import Calls, Refused
from workbench.secrets.vault.keeper import Keeper, due_in
from workbench.secrets.vault.leases import DatabaseLease
from workbench.secrets.vault.login import Token, log_in

__all__ = ["VaultPlace"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIELD = "value"
CLOSING_SECONDS = 3.0
"""How long giving something back may take; a run has ended by then, and leases end by themselves."""


class VaultPlace:
    """Logs in when the first secret is asked for, and again once if Vault has forgotten the token.

    Args:
        client: whose.
        config: of ``secrets.yml``.
        environ: where the client's token, or the two ids of its AppRole, are.
    """

    def __init__(self, client: str, config: VaultSecrets, environ: Mapping[str, str]) -> None:
        self._client, self._config, self._environ = client, config, environ
        self._path = of_client(config.path, client)
        self._vault = hvac.Client(
            url=config.address,
            token="",  # else hvac takes VAULT_TOKEN or ~/.vault-token, which are the operator's
            verify=config.ca_file,
            timeout=config.timeout_seconds,
            namespace=config.namespace,
            adapter=Calls,
            attempts=config.attempts,
        )
        self._login_lock = RLock()
        self._token: Token | None = None
        self._keeper = Keeper(f"vault-{client}")
        self._leases = {name: self._lease(name, database) for name, database in config.databases.items()}

    def where(self, name: str = "") -> str:
        """The path, as `vault kv get` takes it."""
        found = self._of_database(name)
        if found:
            database = self._config.databases[found[0]]
            return f"Vault {self._config.address}, {database.mount}/creds/{of_client(database.role, self._client)}"
        return f"Vault {self._config.address}, {self._config.mount}/{self._path}" + (f"/{name}" if name else "")

    def fetch(self, name: str) -> str | None:
        """The field ``value`` of the newest version, or a part of a database's login."""
        found = self._of_database(name)
        if found:
            return str(getattr(self.login(found[0]), found[1]))
        try:
            answer = self._call(
                lambda: self._vault.secrets.kv.v2.read_secret_version(
                    self._at(name), mount_point=self._config.mount, raise_on_deleted_version=True
                )
            )
        except Refused as error:
            if error.status == 404:
                return None
            raise
        value = (answer["data"].get("data") or {}).get(FIELD)
        if not isinstance(value, str):
            raise SecretError(f"the secret has no field `{FIELD}` that is a text", where=self.where(name))
        return value

    def names(self) -> list[str]:
        """What the client's path holds, and what its databases give."""
        made = [f"{database}_{part}" for database in self._config.databases for part in ("USERNAME", "PASSWORD")]
        try:
            answer = self._call(
                lambda: self._vault.secrets.kv.v2.list_secrets(self._path, mount_point=self._config.mount)
            )
        except Refused as error:
            if error.status == 404:
                return sorted(made)
            raise
        return sorted({*made, *(key for key in answer["data"]["keys"] if re.fullmatch(NAME, key))})

    def put(self, name: str, value: str) -> None:
        """Write a new version."""
        self._changeable(name)
        self._call(
            lambda: self._vault.secrets.kv.v2.create_or_update_secret(
                self._at(name), secret={FIELD: value}, mount_point=self._config.mount
            )
        )

    def remove(self, name: str) -> bool:
        """Delete all versions; a deleted one could be brought back."""
        self._changeable(name)
        if name not in self.names():
            return False
        self._call(
            lambda: self._vault.secrets.kv.v2.delete_metadata_and_all_versions(
                self._at(name), mount_point=self._config.mount
            )
        )
        return True

    def login(self, database: str, refused: Login | None = None) -> Login:
        """The user that Vault has made for this process."""
        if database not in self._leases:
            raise ConfigurationError(
                f"there is no database {database}",
                where=f"client {self._client}, secrets.yml",
                tried=", ".join(sorted(self._leases)),
                hint="name it under `databases`",
            )
        return self._leases[database].login(refused)

    def check(self) -> list[Check]:
        """Whether Vault answers and is unsealed, takes the login, and lets the client's secrets be listed."""
        steps: dict[str, Callable[[], str]] = {
            f"Vault {self._config.address}": self._health,
            f"login by {self._config.auth.method}": self._login_message,
            self.where(): lambda: f"{len(self.names())} names",
        }
        checks: list[Check] = []
        for what, step in steps.items():
            try:
                checks.append(Check(what, ok=True, message=step()))
            except WorkbenchError as error:
                return [*checks, Check(what, ok=False, message=str(error))]
        return checks

    def hint(self, name: str) -> str:
        """The command that writes it."""
        return f"`kedro client secret set {self._client} {name}`, by somebody who may write there"

    def close(self) -> None:
        """Give leases back, and the token if it was got by logging in."""
        self._keeper.end()
        self._vault.adapter.hurry(CLOSING_SECONDS)
        for lease in self._leases.values():
            lease.close()
        if self._token is not None and self._token.is_own:
            try:
                self._vault.auth.token.revoke_self()
            except WorkbenchError as error:
                logger.warning("the token was not given back, and ends by itself: %s", error)
        self._token = None
        self._vault.adapter.close()

    def _call(self, action: Callable[[], T]) -> T:
        """Do something with a token; once more with a new one if Vault does not know the old one any more."""
        token = self._logged_in()
        try:
            return action()
        except Refused as error:
            if error.status != 403 or not token.is_own or self._is_known():
                raise
        self._log_in(instead_of=token)
        return action()

    def _is_known(self) -> bool:
        """Whether Vault knows the token; a policy that does not permit something is no reason for a new login."""
        try:
            self._vault.auth.token.lookup_self()
        except Refused:
            return False
        return True

    def _logged_in(self) -> Token:
        return self._token or self._log_in(instead_of=None)

    def _log_in(self, *, instead_of: Token | None) -> Token:
        with self._login_lock:
            if self._token is not None and self._token is not instead_of:
                return self._token  # another thread was first
            self._token = token = log_in(self._vault, self._config.auth, self._client, self._environ)
            for lease in self._leases.values() if instead_of else ():
                lease.outdate()  # it ends with the token that it was made with
            self._keeper.add(partial(self._tend_token, token), due_in(token.seconds))
            return token

    def _tend_token(self, token: Token) -> float | None:
        """Renew the token at two thirds of its life; log in again where that does not help any more."""
        if token is not self._token:
            return None
        if token.is_renewable:
            try:
                answer = self._vault.auth.token.renew_self(increment=f"{max(1, int(token.seconds))}s")
                seconds = float(answer["auth"].get("lease_duration") or 0)
                if seconds > token.seconds / 2 or not token.is_own:
                    return due_in(seconds)
            except Refused:
                if not token.is_own:
                    raise
        if token.is_own:
            self._log_in(instead_of=token)
        return None

    def _lease(self, name: str, database: Database) -> DatabaseLease:
        role = of_client(database.role, self._client)
        engine, leases = self._vault.secrets.database, self._vault.sys
        return DatabaseLease(
            f"client {self._client}, database {name}",
            create=lambda: self._call(lambda: engine.generate_credentials(role, mount_point=database.mount)),
            renew=lambda lease, seconds: self._call(lambda: leases.renew_lease(lease, increment=seconds)),
            revoke=leases.revoke_lease,
            keeper=self._keeper,
        )

    def _of_database(self, name: str) -> tuple[str, str] | None:
        """WAREHOUSE and ``password``, of WAREHOUSE_PASSWORD."""
        database, _, part = name.rpartition("_")
        return (database, part.lower()) if database in self._config.databases and part in _PARTS else None

    def _changeable(self, name: str) -> None:
        if self._of_database(name):
            raise ConfigurationError(
                f"{name} is made by Vault's database engine", where=f"client {self._client}, {self.where(name)}"
            )

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _health(self) -> str:
        answer = self._vault.sys.read_health_status(standby_ok=True, method="GET")
        if not isinstance(answer, dict):  # hvac raises nothing here
            what = {501: "it is not initialised", 503: "it is sealed"}.get(answer.status_code, "it is not well")
            raise Unreachable(f"{what} (HTTP {answer.status_code})", where=f"Vault {self._config.address}")
        return "answers, and is unsealed"

    def _login_message(self) -> str:
        seconds = self._logged_in().seconds
        return f"accepted, for {seconds:,.0f} s" if seconds else "accepted"


_PARTS = frozenset({"USERNAME", "PASSWORD"})
