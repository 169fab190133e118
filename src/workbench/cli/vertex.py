"""``kedro vertex train|batch|pipeline``: jobs of a client on machines of Vertex AI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry, client_of_env
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.targets.vertex.opening import Opened

__all__ = ["vertex"]

Command = Callable[..., Any]


@click.group(cls=ExplainedGroup)
def vertex() -> None:
    """Train, predict and run pipelines on machines of Vertex AI."""


def _clients(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    names = [f"clients/{client}" for client in ClientRegistry(project_of(ctx)).ids()]
    return [name for name in names if name.startswith(incomplete)]


def _targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    client = client_of_env(ctx.params.get("env"))
    found = ClientRegistry(project_of(ctx)).load(client).deploy if client else {}
    return [name for name, settings in found.items() if settings.kind == "vertex" and name.startswith(incomplete)]


def _common(command: Command) -> Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
        click.option("--dry-run", is_flag=True, help="Print the job that would be begun; begin nothing."),
        click.option("--target", "-t", required=True, shell_complete=_targets, help="As client.yml calls it."),
        click.option("--env", "-e", required=True, shell_complete=_clients, help="The client: clients/<id>."),
    ):
        command = option(command)
    return command


@contextmanager
def _opened(ctx: click.Context, env: str, target: str, *, as_json: bool, dry_run: bool) -> Iterator[Opened]:
    from workbench.cli.deploy_view import view
    from workbench.targets.vertex.opening import open_jobs

    project, client = _client_of(ctx, env)
    with view(silent=as_json) as shown, open_jobs(project, client, target, view=shown, changes=not dry_run) as opened:
        yield opened


def _client_of(ctx: click.Context, env: str) -> tuple[Path, str]:
    project, client = project_of(ctx).resolve(), client_of_env(env)
    if client is None:
        raise ConfigurationError(f"'{env}' is no client's environment", hint="`--env clients/<id>`")
    ClientRegistry(project).folder(client)
    return project, client


def _show(facts: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(facts, indent=2, default=str) if as_json else text)


@vertex.command()
@_common
@click.pass_context
def train(ctx: click.Context, /, env: str, target: str, dry_run: bool, as_json: bool) -> None:
    """Train the client's candidate on the target's training machine, and bring it here.

    Killed and given again, it finds the job that goes on.

    Example: kedro vertex train --env clients/clinic --target cloud
    """
    from workbench.targets.vertex.training import train as train_there
    from workbench.targets.vertex.training import training_job

    project, client = _client_of(ctx, env)
    with _opened(ctx, env, target, as_json=as_json, dry_run=dry_run) as opened:
        if dry_run:
            click.echo(json.dumps(training_job(opened.services, "NAME", {}), indent=2))
            return
        job = train_there(opened.services, opened.jobs, project)
    _show(job.to_dict(), f"{job.name}: the candidate is in models/{client}/candidate", as_json=as_json)


@vertex.command()
@_common
@click.option("--version", type=click.IntRange(1), required=True, help="Of the model; it has to be in the registry.")
@click.option("--rows", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="JSON Lines.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON Lines.")
@click.pass_context
def batch(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context, /, env: str, target: str, version: int, rows: Path, output: Path, *, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Predict a file of rows with a version that was applied, without its endpoint.

    Example: kedro vertex batch --env clients/clinic --target cloud --version 1 --rows README.md -o out.jsonl
    """
    from workbench.targets.vertex.batch import batch_job, predict_batch

    with _opened(ctx, env, target, as_json=as_json, dry_run=dry_run) as opened:
        if dry_run:
            click.echo(json.dumps(batch_job(opened.services, "NAME", {}, version), indent=2))
            return
        job, count = predict_batch(opened.services, opened.jobs, version, rows, output)
    _show({**job.to_dict(), "rows": count}, f"{job.name}: {count} predictions in {output}", as_json=as_json)


@vertex.command()
@_common
@click.option("--pipeline", "name", default="__default__", show_default=True, help="A registered pipeline.")
@click.option("--containers", default=None, help="Tags of nodes: ingest+prepare,train.  [default: one a tag]")
@click.pass_context
def pipeline(
    ctx: click.Context, /, env: str, target: str, name: str, containers: str | None, *, dry_run: bool, as_json: bool
) -> None:
    """Run a pipeline as a Vertex AI pipeline, a container a group of nodes.

    Refused before anything is begun: a dataset in memory that one container makes and another reads.

    Example: kedro vertex pipeline --env clients/clinic --target cloud --dry-run
    """
    from workbench.targets.vertex.opening import containers_of_pipeline
    from workbench.targets.vertex.spec import pipeline_spec, refuse_lost_runs, run_pipeline

    project, client = _client_of(ctx, env)
    made = containers_of_pipeline(project, client, name, containers)
    with _opened(ctx, env, target, as_json=as_json, dry_run=dry_run) as opened:
        if dry_run:
            refuse_lost_runs(opened.services, made)
            click.echo(json.dumps(pipeline_spec(opened.services, "NAME", made, name), indent=2))
            return
        job = run_pipeline(opened.services, opened.jobs, made, name)
    _show(job.to_dict(), f"{job.name}: {job.state.lower()}, {len(made)} containers", as_json=as_json)
