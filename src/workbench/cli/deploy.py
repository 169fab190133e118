"""``kedro deploy plan|apply|status|canary|promote|rollback|destroy``: a client's model, where it is served."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry, client_of_env
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.targets.deployment import Deployment
    from workbench.targets.done import Done

__all__ = ["deploy"]

Command = Callable[..., Any]


@click.group(cls=ExplainedGroup)
def deploy() -> None:
    """Serve a client's model: on this machine, or on the client's cloud."""


def _clients(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    names = [f"clients/{client}" for client in ClientRegistry(project_of(ctx)).ids()]
    return [name for name in names if name.startswith(incomplete)]


def _targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    client = client_of_env(ctx.params.get("env"))
    if client is None:
        return []
    names = list(ClientRegistry(project_of(ctx)).load(client).deploy) or ["local"]
    return [name for name in (*names, "all") if name.startswith(incomplete)]


def _common(command: Command) -> Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
        click.option(
            "--target",
            "-t",
            default="local",
            show_default=True,
            shell_complete=_targets,
            help="As client.yml calls it.",
        ),
        click.option("--env", "-e", required=True, shell_complete=_clients, help="The client: clients/<id>."),
    ):
        command = option(command)
    return command


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
_version = click.option(
    "--version", type=click.IntRange(1), default=None, help="Of the model.  [default: the champion]"
)


def _client_of(ctx: click.Context, env: str) -> tuple[Path, str]:
    project = project_of(ctx).resolve()
    client = client_of_env(env)
    if client is None:
        raise ConfigurationError(f"'{env}' is no client's environment", hint="`--env clients/<id>`")
    ClientRegistry(project).folder(client)
    return project, client


@contextmanager
def _opened(ctx: click.Context, env: str, target: str, *, as_json: bool, changes: bool) -> Iterator[Deployment]:
    from workbench.cli.deploy_view import view
    from workbench.targets.opening import open_deployment

    project, client = _client_of(ctx, env)
    with view(silent=as_json) as shown, open_deployment(project, client, target, view=shown, changes=changes) as opened:
        yield opened


@deploy.command()
@_common
@_version
@click.pass_context
def plan(ctx: click.Context, /, env: str, target: str, as_json: bool, version: int | None) -> None:
    """Show what an apply would do, and what it would cost; `--target all` compares all of them.

    Example: kedro deploy plan --env clients/clinic --target all
    """
    from workbench.cli import deploy_text
    from workbench.targets.opening import release_for

    project, client = _client_of(ctx, env)
    if target == "all":
        _compare(project, client, version, as_json=as_json)
        return
    with _opened(ctx, env, target, as_json=as_json, changes=False) as deployment:
        made = deployment.plan(release_for(project, client, target, version))
    if as_json:
        click.echo(json.dumps(made.to_dict(), indent=2))
    else:
        deploy_text.print_plan(made)


def _compare(project: Path, client_id: str, version: int | None, *, as_json: bool) -> None:
    from workbench.cli import deploy_text
    from workbench.targets.choice import measure, options
    from workbench.targets.prices import prices_of
    from workbench.targets.release import release_of

    client, prices = ClientRegistry(project).load(client_id), prices_of(project)
    release = release_of(project, client_id, version)
    measured = measure(project, release)
    found = options(client, prices, measured)
    if as_json:
        rows = [one.to_dict() for one in found]
        about = {"client": client_id, "version": release.version, "currency": prices.currency}
        click.echo(json.dumps({**about, "prices_of": str(prices.day), **vars(measured), "options": rows}, indent=2))
    else:
        deploy_text.print_options(release, prices, measured, found)


@deploy.command()
@_common
@_version
@click.option("--plan", "planned", default=None, help="The digest of the plan that you have read; another is refused.")
@_dry_run
@click.pass_context
def apply(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context,
    /,
    env: str,
    target: str,
    as_json: bool,
    version: int | None,
    planned: str | None,
    dry_run: bool,
) -> None:
    """Make what serving a version takes. The first one gets all traffic, a later one none yet.

    Example: kedro deploy apply --env clients/clinic --target local
    """
    if dry_run:
        ctx.invoke(plan, env=env, target=target, as_json=as_json, version=version)
        return
    from workbench.targets.opening import release_for

    project, client = _client_of(ctx, env)
    with _opened(ctx, env, target, as_json=as_json, changes=True) as deployment:
        release = release_for(project, client, target, version)
        done = deployment.apply(release, planned=planned)
    _tell(done, as_json, f"version {release.version} is there", f"version {release.version} was there already")


@deploy.command()
@_common
@click.pass_context
def status(ctx: click.Context, /, env: str, target: str, as_json: bool) -> None:
    """Show what there is, and who gets the traffic. Exits with 1 if something is missing.

    Example: kedro deploy status --env clients/clinic --target local --json
    """
    from workbench.cli import deploy_text

    with _opened(ctx, env, target, as_json=as_json, changes=False) as deployment:
        found = deployment.status()
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        deploy_text.print_status(found)
    if not found.ok:
        ctx.exit(1)


@deploy.command()
@_common
@click.option("--percent", type=click.IntRange(0, 99), default=10, show_default=True, help="For the candidate.")
@_dry_run
@click.pass_context
def canary(ctx: click.Context, /, env: str, target: str, as_json: bool, percent: int, dry_run: bool) -> None:  # noqa: PLR0917
    """Give the version that was applied last a share of the traffic, after its answers were compared.

    Example: kedro deploy canary --env clients/clinic --target local --percent 10
    """
    with _opened(ctx, env, target, as_json=as_json, changes=not dry_run) as deployment:
        if dry_run:
            _would(deployment.moves().canary(percent).traffic, as_json)
            return
        done = deployment.canary(percent)
    _tell(done, as_json, f"version {done.rollout.candidate} has {percent} % of the traffic", caution=deployment.caution)


@deploy.command()
@_common
@_dry_run
@click.pass_context
def promote(ctx: click.Context, /, env: str, target: str, as_json: bool, dry_run: bool) -> None:
    """Give the version that was applied last all traffic; the one before stays for the way back.

    Example: kedro deploy promote --env clients/clinic --target local
    """
    with _opened(ctx, env, target, as_json=as_json, changes=not dry_run) as deployment:
        if dry_run:
            moves = deployment.moves()
            move = moves.promotion()
            _would(move.traffic if move else moves.now, as_json)
            return
        done = deployment.promote()
    stable = done.rollout.stable
    _tell(done, as_json, f"version {stable} has all traffic", f"version {stable} had all traffic already")


@deploy.command()
@_common
@_dry_run
@click.pass_context
def rollback(ctx: click.Context, /, env: str, target: str, as_json: bool, dry_run: bool) -> None:
    """Take the traffic back: from a canary, or else to the version before.

    Example: kedro deploy rollback --env clients/clinic --target local
    """
    with _opened(ctx, env, target, as_json=as_json, changes=not dry_run) as deployment:
        if dry_run:
            _would(deployment.moves().rollback().traffic, as_json)
            return
        done = deployment.rollback()
    _tell(done, as_json, f"version {done.rollout.stable} has all traffic again")


@deploy.command()
@_common
@click.option("--yes", is_flag=True, help="Do not ask.")
@_dry_run
@click.pass_context
def destroy(ctx: click.Context, /, env: str, target: str, as_json: bool, yes: bool, dry_run: bool) -> None:  # noqa: PLR0917
    """Take down all that the client has there.

    Example: kedro deploy destroy --env clients/clinic --target local --yes
    """
    from workbench.cli import deploy_text

    with _opened(ctx, env, target, as_json=as_json, changes=not dry_run) as deployment:
        if dry_run or not yes:
            found = deployment.status()
            if as_json and dry_run:
                click.echo(json.dumps({**found.to_dict(), "dry_run": True}, indent=2))
                return
            deploy_text.print_status(found)
            if dry_run:
                return
            click.confirm("Take all of it down?", abort=True, err=True)
        done = deployment.destroy()
    _tell(done, as_json, "nothing is left", "there was nothing")


def _would(traffic: Any, as_json: bool) -> None:
    from workbench.cli import deploy_text

    if as_json:
        click.echo(json.dumps({"dry_run": True, "traffic": {str(v): p for v, p in sorted(traffic.items())}}, indent=2))
    else:
        click.echo(f"Would set the traffic: {deploy_text.shares(traffic)}")


def _tell(done: Done, as_json: bool, changed: str, same: str = "", caution: str = "") -> None:
    from workbench.cli import deploy_text

    if as_json:
        click.echo(json.dumps({**done.to_dict(), "caution": caution}, indent=2))
    else:
        deploy_text.print_done(done, changed if done.changed or not same else same, caution)
