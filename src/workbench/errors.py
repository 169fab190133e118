"""The one error tree of the workbench.

::

    WorkbenchError
    ├── Terminal                 trying again cannot help: a person has to change something
    │   ├── ConfigurationError   a file under conf/, an option or a name is wrong
    │   │   ├── UnknownClient    the client is not in the registry
    │   │   └── SecretMissing    the client has no secret of that name; a KeyError too
    │   ├── DataError            a table is missing, empty, or not what its schema says
    │   ├── ModelError           a model is missing, tampered with, or does not fit the table
    │   ├── ReportError          a notebook could not be rendered
    │   ├── StorageError         a disk is full, read-only, or takes no file of this user
    │   ├── DeliveryError        a report was refused where it was to go
    │   │   └── DeliveryInDoubt  it is not known if it arrived; sending it again might deliver it twice
    │   ├── KernelError          a warm kernel could not be had
    │   ├── TargetError          where a model is to be served, something was refused, or an answer is wrong
    │   │   ├── Gone             a service does not know an operation any more
    │   │   └── OverBudget       it would cost more than the client's configuration allows
    │   └── SecretError          where secrets are kept, they were refused or cannot be read
    └── Transient                the same command may pass later: network, quota, lock
        ├── Busy                 somebody else holds the client
        ├── KernelLost           a report's kernel died before its first cell
        ├── StillWorking         an operation goes on at a service for longer than its deadline
        └── Unreachable          a server does not answer, or asks to come back later

An adapter translates a foreign error at one point (``raise DataError(...) from error``). Whether a run is tried again
is decided by ``Transient``/``Terminal`` alone. A message never holds a secret or a row's values.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "Busy",
    "ConfigurationError",
    "DataError",
    "DeliveryError",
    "DeliveryInDoubt",
    "Gone",
    "KernelError",
    "KernelLost",
    "ModelError",
    "OverBudget",
    "ReportError",
    "SecretError",
    "SecretMissing",
    "StillWorking",
    "StorageError",
    "TargetError",
    "Terminal",
    "Transient",
    "UnknownClient",
    "Unreachable",
    "WorkbenchError",
    "did_you_mean",
]


class WorkbenchError(Exception):
    """What went wrong, where, and what to type next.

    Args:
        what: one clause, no full stop: "column 'dep_time' is missing".
        where: client, table, column, file and line, from the widest to the narrowest: "client skyways, table flights".
        tried: what was attempted before giving up, if that helps: "looked in conf/clients, conf/base".
        hint: what to type or change next: "run `kedro client list`".
    """

    def __init__(self, what: str, *, where: str = "", tried: str = "", hint: str = "") -> None:
        self.what, self.where, self.tried, self.hint = what, where, tried, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.tried:
            text += f" (tried: {self.tried})"
        if self.hint:
            text += f". Next: {self.hint}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders in a fleet run; keyword-only arguments are lost by the default protocol.
        return _rebuild, (type(self), self.what, self.where, self.tried, self.hint)


def _rebuild(kind: type[WorkbenchError], what: str, where: str, tried: str, hint: str) -> WorkbenchError:
    return kind(what, where=where, tried=tried, hint=hint)


class Terminal(WorkbenchError):
    """Trying again cannot help."""


class Transient(WorkbenchError):
    """The same command may pass later."""


class ConfigurationError(Terminal):
    """A configuration file, an option or a name is wrong."""


class UnknownClient(ConfigurationError):
    """The client is not in the registry."""


class SecretMissing(ConfigurationError, KeyError):
    """The client has no secret of that name."""


class SecretError(Terminal):
    """Where secrets are kept, they were refused or cannot be read."""


class DataError(Terminal):
    """A table is missing, empty, or not what its schema says."""


class ModelError(Terminal):
    """A model is missing, was tampered with, or does not fit the table."""


class ReportError(Terminal):
    """A notebook could not be rendered."""


class StorageError(Terminal):
    """A disk is full, read-only, or takes no file of this user."""


class DeliveryError(Terminal):
    """A report was refused where it was to go."""


class DeliveryInDoubt(DeliveryError):
    """It is not known if a report arrived; sending it again might deliver it twice."""


class KernelError(Terminal):
    """A warm kernel could not be had; a cold one may."""


class TargetError(Terminal):
    """Where a model is to be served, something was refused, or an answer is wrong."""


class Gone(TargetError):
    """A service does not know an operation any more."""


class OverBudget(TargetError):
    """It would cost more than the client's configuration allows."""


class Busy(Transient):
    """Somebody else holds the client."""


class Unreachable(Transient):
    """A server does not answer, or asks to come back later.

    Attributes:
        retry_after: seconds that the server asked for, if it did.
    """

    retry_after: float | None = None


class StillWorking(Transient):
    """An operation goes on at a service for longer than its deadline; the same command finds it again."""


class KernelLost(Transient):
    """A report's kernel died before its first cell."""


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The hint about a name that is not known: the known one that is most like it; if none is, something else."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else otherwise
