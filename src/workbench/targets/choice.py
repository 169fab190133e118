"""Where a release could be served: each target and machine beside the others, cheapest feasible first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.clients import Client
from workbench.fleet import memory
from workbench.fleet.done import node_seconds
from workbench.targets.opening import DEFAULT
from workbench.targets.prices import HOURS, Machine, Prices, Section
from workbench.targets.release import Release

__all__ = ["Measured", "Option", "measure", "options"]

LOCKED_IN: Mapping[str, str] = {
    "local": "nothing",
    "vertex": "endpoint, registry entry and log; the image and the model's files run anywhere",
    "databricks": "Unity Catalog entry and endpoint; the model's files run anywhere",
    "azure_openai": "the tuned model itself: its weights cannot be taken along",
    "openai": "the tuned model itself: its weights cannot be taken along",
}
_TRIALS = 50
_ROOM = 1.5
"""Times the memory that the model needs here: batches and connections need some, too."""
_ROOM_TO_TRAIN = 1.2
"""Times what a training took here: the machine's own system needs some, and tables grow."""


@dataclass(frozen=True)
class Measured:
    """What was measured on this machine.

    Attributes:
        milliseconds: of the model for one row, the median; no network in it.
        memory_mib: of a server of the model, at most, by the ledger; else of this process, which has loaded it.
        memory_from: which of the two, in words.
        train_seconds: of the nodes of `train` when they last ran, by the ledger; None: it has not seen them.
        train_mib: what the runs took at most in which they did; None: not measured.
    """

    milliseconds: float
    memory_mib: float
    memory_from: str
    train_seconds: float | None
    train_mib: float | None = None


@dataclass(frozen=True)
class Option:
    """One way to serve.

    Attributes:
        target: as the client's configuration calls it; None: it has none of that kind.
        machine: the cloud's own name.
        monthly: what one version costs a month, always up; None: there is no price.
        training: what one training costs there, at the seconds that it took here; None: not known.
        milliseconds: of the model for one row, as measured here.
        locked_in: what cannot be taken along.
        problem: why it is not feasible; "" if it is.
        training_problem: why a training would not go there, by what the last one took here; "" if it would.
    """

    kind: str
    target: str | None
    machine: str
    monthly: float | None
    training: float | None
    milliseconds: float
    locked_in: str
    problem: str
    training_problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "feasible": not self.problem}


def measure(project: Path, release: Release) -> Measured:
    """Load the model and time it."""
    import psutil

    from workbench.targets.release import predict

    row, times = release.rows[:1], []
    for _ in range(_TRIALS):
        begun = time.perf_counter()
        predict(release.model, row)
        times.append(time.perf_counter() - begun)
    took, train = statistics.median(times) * 1000, _training(project, release.client)
    peak = memory.recall(project, release.client, release.version)
    if peak is None:
        here = psutil.Process().memory_info().rss / 2**20
        return Measured(took, here, "this process, for want of a server's", *train)
    return Measured(took, peak.mib, f"the most of a server of version {peak.version}, {peak.measured[:10]}", *train)


def _training(project: Path, client: str) -> tuple[float | None, float | None]:
    """Seconds and MiB of the last training."""
    from kedro.framework.project import pipelines

    took, nodes = node_seconds(project, client), [node.name for node in pipelines["train"].nodes]
    seconds = sum(took[node] for node in nodes) if nodes and set(nodes) <= set(took) else None
    return seconds, memory.peak_of_nodes(project, client, nodes)


def options(client: Client, prices: Prices, measured: Measured) -> list[Option]:
    """Every target and machine of the price table, and those that are configured without a price.

    Feasible ones come first, by price, then by name.
    """
    configured: dict[str, str] = {settings.kind: name for name, settings in (client.deploy or DEFAULT).items()}
    found = [
        _option(client, (kind, configured.get(kind), name), machine, measured)
        for kind, section in prices.targets.items()
        for name, machine in section.machines.items()
    ]
    found += [_of_rates(kind, configured.get(kind), section, measured) for kind, section in _rated(prices)]
    found += _without_price(client, prices, measured)
    dear = float("inf")
    order = {id(one): dear if one.monthly is None else one.monthly for one in found}
    return sorted(found, key=lambda one: (bool(one.problem), order[id(one)], one.kind, one.machine))


def _without_price(client: Client, prices: Prices, measured: Measured) -> list[Option]:
    """Machines that the client's configuration names, and the table does not."""
    found = []
    for name, settings in client.deploy.items():
        machine, gpu = getattr(settings, "machine", None), getattr(settings, "gpu", None)
        section = prices.targets.get(settings.kind)
        known = section.machines.get(machine) if section and machine else None
        missing = [machine] if machine and known is None else []
        # A machine of the table may have its GPU in its price.
        missing += [gpu] if gpu and (known is None or known.gpu != gpu) else []
        if missing:
            problem = f"no price known for {' and '.join(missing)}; add it to conf/base/prices.yml"
            what = " + ".join(one for one in (machine, gpu) if one)
            locked_in = LOCKED_IN.get(settings.kind, "")
            found.append(Option(settings.kind, name, what, None, None, measured.milliseconds, locked_in, problem))
    return found


def _rated(prices: Prices) -> Iterable[tuple[str, Section]]:
    return [(kind, section) for kind, section in prices.targets.items() if not section.machines]


def _option(client: Client, which: tuple[str, str | None, str], machine: Machine, measured: Measured) -> Option:
    kind, target, name = which
    settings = client.deploy.get(target) if target else None
    monthly = machine.hour * HOURS * getattr(settings, "replicas", 1)
    training = None if measured.train_seconds is None else machine.hour * measured.train_seconds / 3600
    to_train = (measured.train_mib or 0.0) * _ROOM_TO_TRAIN / 1024
    too_small = f"needs {to_train:.1f} GiB, has {machine.memory_gib:g}" if machine.memory_gib < to_train else ""
    needed, budget = measured.memory_mib * _ROOM / 1024, client.budgets.serving_monthly
    problem = ""
    if machine.memory_gib < needed:
        problem = f"needs {needed:.1f} GiB, has {machine.memory_gib:g}"
    elif budget is not None and monthly > budget:
        problem = f"over the budget of {budget:,.2f}"
    elif target is None:
        problem = "not under `deploy` in client.yml"
    took = measured.milliseconds
    return Option(kind, target, name, monthly, training, took, LOCKED_IN.get(kind, ""), problem, too_small)


def _of_rates(kind: str, target: str | None, section: Section, measured: Measured) -> Option:
    hourly = section.rates.get("hosting")
    monthly = hourly.price * HOURS if hourly else 0.0
    problem = "serves tuned language models, not tables"
    return Option(kind, target, "hosting", monthly, None, measured.milliseconds, LOCKED_IN.get(kind, ""), problem)
