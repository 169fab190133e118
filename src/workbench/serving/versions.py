"""The versions that are in force: loaded beside the old ones, warmed up, and swapped in as one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING, Any

from workbench.clients.serving import Serving
from workbench.errors import ModelError
from workbench.serving.contract import Contract, Predicted
from workbench.serving.costs import Costs
from workbench.serving.swift import swift
from workbench.serving.traffic import Traffic, VersionSpec, schedule

if TYPE_CHECKING:
    from workbench.learning import TabularModel
    from workbench.serving.rows import Rows

__all__ = ["Generation", "Roster", "Version", "load_generation"]


@dataclass(eq=False)
class Version:
    """A loaded version.

    Attributes:
        name: its number in the registry, or what else it is called.
        spec: where it came from.
        sha256: of its folder.
        model: reads rows.
        contract: what requests must hold.
        costs: how long a batch takes.
    """

    name: str
    spec: VersionSpec
    sha256: str
    model: TabularModel
    contract: Contract
    costs: Costs = field(default_factory=Costs)

    def predict(self, rows: Rows) -> Predicted:
        """Blocking; measures itself."""
        began = time.perf_counter()
        predicted = self.contract.predicted(self.model.predict(rows))
        self.costs.note(rows.num_rows, time.perf_counter() - began)
        return predicted


@dataclass(frozen=True)
class Generation:
    """What is in force at one time.

    Attributes:
        number: counted from 1.
        sha256: of the traffic file's bytes.
        traffic: what the file said.
        versions: by name.
    """

    number: int
    sha256: str
    traffic: Traffic
    versions: Mapping[str, Version]
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    def to_dict(self) -> dict[str, Any]:
        """For the status."""
        return {"number": self.number, "sha256": self.sha256, "since": self.since}


class Roster:
    """Who answers the next request. Used from the event loop alone, so a swap is between two requests."""

    def __init__(self) -> None:
        self.current: Generation | None = None
        self._turns: Any = None

    def put_in_force(self, generation: Generation) -> None:
        """Swap; what is under way ends with the version it began with."""
        shares = {name: generation.traffic.traffic.get(name, 0) for name in generation.versions}
        self._turns = cycle([generation.versions[name] for name in schedule(shares)])
        self.current = generation

    def next(self) -> Version | None:
        """By the shares; None before anything is loaded."""
        if self._turns is None:
            return None
        version: Version = next(self._turns)
        return version

    def named(self, name: str) -> Version | None:
        """The version that a request asks for by name."""
        return self.current.versions.get(name) if self.current else None


def load_generation(
    number: int, sha256: str, traffic: Traffic, before: Generation | None, *, model: str, serving: Serving
) -> Generation:
    """Load, check and warm up what is new in a traffic file; blocking. What has not changed is taken over.

    Raises:
        WorkbenchError: a version cannot be loaded; nothing has changed then.
    """
    known = {version.name: version for version in before.versions.values()} if before else {}
    versions = {}
    for name, spec in traffic.versions.items():
        same = name in known and known[name].spec == spec and spec.sha256 is not None
        versions[name] = known[name] if same else _loaded(name, spec, f"model {model}, version {name}", serving)
    return Generation(number, sha256, traffic, versions)


def _loaded(name: str, spec: VersionSpec, where: str, serving: Serving) -> Version:
    from workbench.serving import artifact

    model, sha256 = artifact.load(spec.artifact, spec.sha256, where=where)
    contract = Contract(
        model, refuse_unknown=serving.unknown_categories == "refuse", most_rows=min(serving.limits.rows, 1_000_000)
    )
    version = Version(name, spec, sha256, swift(model), contract)
    _warm_up(version, serving.batching.rows, where)
    return version


def _warm_up(version: Version, most_rows: int, where: str) -> None:
    """Predict made-up rows of all sizes: the libraries make their plans, and it is known what a batch takes."""
    from workbench.serving.rows import Rows

    columns = version.contract.columns
    size = 1
    while size <= most_rows:
        rows = Rows([(0.0,) * len(columns.numeric)] * size, [("",) * len(columns.categorical)] * size)
        for _ in range(2):  # the first of a size is slower than all that follow
            try:
                predicted = version.predict(rows)
            except Exception as error:
                raise ModelError(f"it cannot predict ({type(error).__name__})", where=where) from error
        if len(predicted.prediction) != size:
            raise ModelError("it predicts another number of rows than it is given", where=where)
        size *= 2
