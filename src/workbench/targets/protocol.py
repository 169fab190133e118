"""What a target has to be able to do: parts that are found, made and taken down, and traffic that is split.

A target says *what* there is to be (:meth:`Target.parts`) and how one part is found, made, changed and taken down.
*When* that is done, what is written down before, what is tried again, and what happens after a crash is the same for
all of them, and lies in :mod:`workbench.targets.deployment`. Targets do not know each other.

The rules that an adapter keeps:

- Names follow from client and version alone, so who was killed finds again what it began.
- Every call makes **one** attempt. What may pass is raised as :class:`~workbench.errors.Transient` (429, 5xx,
  time-outs, connections that broke), with ``retry_after`` where the service says it; all else as ``Terminal``, in one
  sentence.
- ``create`` of what is there already (409) raises :class:`AlreadyThere`.
- Nothing waits inside a call. What takes time gives an operation's name, and :meth:`poll` looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.errors import Transient
from workbench.targets.cost import Cost
from workbench.targets.prices import Prices
from workbench.targets.release import Release

__all__ = ["AlreadyThere", "Answered", "Doing", "Fact", "Found", "Part", "Target"]

Fact = str | int | float | bool
Row = Mapping[str, Any]


class AlreadyThere(Transient):
    """What was to be created is there: made by an earlier run, or by the last attempt, and not visible yet."""


@dataclass(frozen=True)
class Found:
    """A part as the service has it.

    Attributes:
        id: the service's own name of it.
        facts: of the facts that are wanted, those that the service tells.
        labels: what it was labelled with; None if the service keeps no labels of such things.
        ready: whether it can be used; one that is still being made is waited for.
        operation: what is still being done to it, if the service tells.
    """

    id: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None
    ready: bool = True
    operation: str = ""


@dataclass(frozen=True)
class Doing:
    """How far an operation is.

    Attributes:
        done: it has ended, well.
        share: of the work, from 0 to 1; None if the service does not tell.
        says: the service's own word for it.
    """

    done: bool
    share: float | None = None
    says: str = ""


class Part(Protocol):
    """One resource at a target.

    Attributes:
        kind: what a person calls it: "model", "endpoint", "deployed model".
        name: derived from client and version; unique among the target's parts of that kind.
        version: the release it belongs to; None if it serves all versions.
        wanted: what it has to be like; compared with what is found.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int | None: ...  # noqa: D102
    @property
    def wanted(self) -> Mapping[str, Fact]: ...  # noqa: D102

    def find(self) -> Found | None:
        """The part as it is, or None. By its name: what another run has begun is found, too."""

    def create(self) -> str:
        """Begin to make it; the name of the operation, or "" if there is none to wait for.

        Raises:
            AlreadyThere: it exists.
        """

    def change(self, found: Found) -> str:
        """Begin to make it what is wanted; as :meth:`create`."""

    def delete(self, found: Found) -> str:
        """Begin to take it down; what is gone already is no error."""

    def poll(self, operation: str) -> Doing:
        """How far an operation is.

        Raises:
            TargetError: it has failed; the service's reason is in the message.
            Gone: the service does not know the operation any more.
        """


@dataclass(frozen=True)
class Answered:
    """What a target answered.

    Attributes:
        version: the release that did.
        predictions: a row each, as :func:`workbench.registry.predictions.prediction_columns` names them.
    """

    version: int
    predictions: Sequence[Row]


class Target(Protocol):
    """A place where releases are served.

    Attributes:
        name: as the client's configuration calls it.
        kind: ``local``, ``vertex``, ``databricks`` …
        where: for a person: "Vertex AI, project acme, europe-west4".
        can_pin: whether a version can be asked without traffic going to it.
        caution: what a person has to know of the traffic there; "" where the target itself splits it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def where(self) -> str: ...  # noqa: D102
    @property
    def can_pin(self) -> bool: ...  # noqa: D102
    @property
    def caution(self) -> str: ...  # noqa: D102

    def parts(self, release: Release) -> Sequence[Part]:
        """What there has to be for a release to be served, in the order in which it is made.

        Parts of all versions come with every release. They are taken down in the opposite order.
        """

    def versions(self) -> Sequence[int]:
        """The versions that the service has, ready or not; empty if there is nothing."""

    def traffic(self) -> Mapping[int, int]:
        """Version to its percentage; those without traffic are left out, and without any part it is empty."""

    def split(self, traffic: Mapping[int, int]) -> str:
        """Begin to set the percentages, which add up to 100; as :meth:`Part.create`."""

    def poll(self, operation: str) -> Doing:
        """As :meth:`Part.poll`, for :meth:`split`."""

    def predict(self, rows: Sequence[Row], version: int) -> Answered:
        """Ask for predictions; where :attr:`can_pin` is false, whichever version gets the request answers."""

    def cost(self, prices: Prices) -> Cost:
        """What one served version costs a month as it is configured."""

    def close(self) -> None:
        """Let go of connections."""
