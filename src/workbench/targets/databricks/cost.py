"""What a served entity costs."""

from __future__ import annotations

from workbench.clients.targets import DatabricksTarget
from workbench.targets.cost import Cost, Line
from workbench.targets.prices import HOURS, Prices

__all__ = ["cost_of"]


def cost_of(prices: Prices, settings: DatabricksTarget) -> Cost:
    """A month of one served entity that is up all the time: the upper end of its size, which is billed while it is up.

    One that scales to zero is billed for the hours in which it is asked, and for each launch; how many that are is not
    known beforehand, so the upper end is told, with a word on it.
    """
    section = prices.targets.get(settings.kind)
    machine = section.machines.get(settings.workload_size) if section else None
    unknown = []
    if machine is None or section is None:
        return Cost((), prices.currency, str(prices.day), (f"size {settings.workload_size}: no price known",))
    if settings.scale_to_zero:
        unknown.append("hours at zero and launches after them: the sum is for a month without a quiet hour")
    line = Line(f"{settings.workload_size} served entity", HOURS, "h", machine.hour, section.source)
    return Cost((line,), prices.currency, str(prices.day), tuple(unknown))
