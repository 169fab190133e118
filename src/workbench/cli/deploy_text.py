"""How ``kedro deploy`` shows plans, states and results to a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.targets.choice import Measured, Option
    from workbench.targets.done import Done
    from workbench.targets.plan import Plan, Step
    from workbench.targets.prices import Prices
    from workbench.targets.release import Release
    from workbench.targets.status import PartStatus, Status

__all__ = ["print_done", "print_options", "print_plan", "print_status", "shares"]

_MARKS = {"create": "+", "adopt": "»", "change": "~", "keep": "=", "delete": "-"}
_COLOURS = {"create": "green", "adopt": "cyan", "change": "yellow", "delete": "red"}
_STATES = {"ready": "green", "working": "yellow", "missing": "red"}
_WIDEST = 110
"""Characters of a part and its facts on one line."""


def shares(traffic: Mapping[int, int]) -> str:
    """``version 3: 90 %, version 4: 10 %``."""
    return ", ".join(f"version {version}: {percent} %" for version, percent in sorted(traffic.items())) or "none"


def print_plan(plan: Plan) -> None:
    """A diff, the traffic, and the bill."""
    release = plan.release
    click.secho(f"{release.client} → {plan.target} ({plan.where}): version {release.version}", bold=True)
    click.secho(f"  sha256 {release.sha256[:16]}…, plan {plan.digest}", dim=True)
    widths = _widths(plan.steps)
    for step in plan.steps:
        click.echo(_line(step, widths))
    now, then = shares(plan.traffic), shares(plan.then)
    click.echo(f"  traffic: {now}" if now == then else f"  traffic: {now} → {then}")
    bill = f"{plan.monthly:,.2f} {plan.cost.currency} a month"
    count = f" for {plan.served} served versions" if plan.served > 1 else ""
    click.echo(f"  cost: {bill}{count}, by prices of {plan.cost.day}")
    for line in plan.cost.lines:
        if line.amount:
            amount = f"{line.quantity:,g} {line.unit} at {line.price:g} = {line.amount:,.2f}"
            click.secho(f"    {line.what}: {amount}  {line.source}", dim=True)
    for unknown in plan.cost.unknown:
        click.secho(f"    not in it: {unknown}", dim=True)
    if plan.budget is not None and plan.monthly > plan.budget:
        click.secho(f"  over the budget of {plan.budget:,.2f} a month: apply will refuse it", fg="red")
    if plan.is_empty:
        click.echo("  nothing to do")


def _line(step: Step, widths: tuple[int, int]) -> str:
    """A part and its facts behind it; below it, a line each, if they are too long for that. Nothing is cut off."""
    mark = click.style(f"  {_MARKS[step.action]} ", fg=_COLOURS.get(step.action), bold=True)
    facts = [f"{_words(name)} {was} → {will}" for name, (was, will) in step.changes.items()]
    if not facts and step.action in {"create", "adopt"}:
        facts = [_fact(name, value) for name, value in step.facts.items() if name != "sha256"]
    head = f"{step.kind:<{widths[0]}}{step.name:<{widths[1]}}"
    note = "  (begun by an earlier run)" if step.action == "adopt" else ""
    behind = ", ".join(facts)
    if len(head) + len(behind) <= _WIDEST:
        return f"{mark}{head}{behind}{note}".rstrip()
    return "\n".join([f"{mark}{head.rstrip()}{note}", *(f"      {fact}" for fact in facts)])


def _widths(parts: Sequence[Step] | Sequence[PartStatus]) -> tuple[int, int]:
    """Of the columns of kinds and of names, two spaces after the longest included."""
    kinds, names = [len(part.kind) for part in parts], [len(part.name) for part in parts]
    return max(kinds, default=0) + 2, max(names, default=0) + 2


def _fact(name: str, value: object) -> str:
    """``replicas 1``; ``complete`` of what is true, ``no scale to zero`` of what is not."""
    if isinstance(value, bool):
        return _words(name) if value else f"no {_words(name)}"
    return f"{_words(name)} {value}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def print_status(status: Status) -> None:
    """Parts and traffic."""
    click.secho(f"{status.client} → {status.target} ({status.where})", bold=True)
    kind_width, name_width = _widths(status.parts)
    for part in status.parts:
        state = click.style(f"{part.state:<9}", fg=_STATES.get(part.state))
        pending = f"  (ledger: {part.ledger})" if part.ledger != "created" else ""
        there = part.id if part.id != part.name else ""
        click.echo(f"  {state}{part.kind:<{kind_width}}{part.name:<{name_width}}{there}{pending}".rstrip())
    if not status.parts:
        click.echo("  nothing is deployed")
    click.echo(f"  traffic: {shares(status.traffic)}")
    rollout = status.rollout
    names = {"stable": rollout.stable, "candidate": rollout.candidate, "previous": rollout.previous}
    roles = ", ".join(f"{name} {version}" for name, version in names.items() if version is not None)
    if roles:
        click.echo(f"  roles: {roles}")
    _warn(status.caution if status.traffic else "")


def _warn(caution: str) -> None:
    if caution:
        click.secho(f"  note: {caution}", fg="yellow")


def print_done(done: Done, sentence: str, caution: str = "") -> None:
    """What was done, and what is so now."""
    click.secho(sentence[0].upper() + sentence[1:] + ".", bold=True)
    click.echo(f"  traffic: {shares(done.traffic)}")
    _warn(caution if len(done.traffic) > 1 else "")
    if done.smoke is not None and done.smoke.says:
        click.echo(f"  compared: {done.smoke.says}")
    elif done.smoke is not None:
        asked = f", {done.smoke.asked} requests until it answered" if done.smoke.asked > 1 else ""
        click.echo(
            f"  compared: {done.smoke.rows} rows; the largest difference from the registered model is "
            f"{done.smoke.difference:.2g} (tolerance {done.smoke.tolerance:g}{asked})"
        )
    if done.removed:
        click.echo(f"  taken down: {', '.join(f'version {version}' for version in done.removed)}")


def print_options(release: Release, prices: Prices, measured: Measured, options: Sequence[Option]) -> None:
    """A table, the feasible ones first."""
    from rich.console import Console
    from rich.table import Table

    click.secho(f"{release.client}, version {release.version}: where it could be served", bold=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("target", "machine"):
        table.add_column(name, no_wrap=True)
    for name in (f"{prices.currency}/month", "training", "a row"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in options:
        training = "" if one.training is None else f"{one.training:,.2f}" if one.training >= 0.01 else "< 0.01"
        training = "too small" if one.training_problem else training
        monthly = "?" if one.monthly is None else f"{one.monthly:,.2f}"
        cells = [one.target or one.kind, one.machine, monthly, training, f"{one.milliseconds:.1f} ms"]
        table.add_row(*cells, one.problem, style="dim" if one.problem else "")
    Console().print(table)
    click.secho("What cannot be taken along:", bold=True)
    for kind, locked_in in dict.fromkeys((one.kind, one.locked_in) for one in options):
        click.echo(f"  {kind:<14}{locked_in}")
    trained = "" if measured.train_seconds is None else f", a training {measured.train_seconds:,.0f} s"
    trained += "" if measured.train_mib is None else f", its run {measured.train_mib:,.0f} MiB"
    click.secho(
        f"Measured here: one row {measured.milliseconds:.1f} ms without network, "
        f"{measured.memory_mib:,.0f} MiB ({measured.memory_from}){trained}.\n"
        f"List prices of {prices.day}, one version always up; see conf/base/prices.yml.",
        dim=True,
    )
