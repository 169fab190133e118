"""``kedro databricks job|bundle``: the pipeline as Jobs, and the whole client as an Asset Bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.explain import ExplainedGroup, project_of
from workbench.clients import ClientRegistry, client_of_env
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.targets.plan import Step

__all__ = ["databricks"]


def _clients(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The environments that there are, for the shell's completion."""
    known = [f"clients/{client}" for client in ClientRegistry(project_of(ctx)).ids()]
    return [name for name in known if name.startswith(incomplete)]


env = click.option("--env", required=True, help="Of whom: clients/<client>.", shell_complete=_clients)
target = click.option("--target", "name", required=True, help="A target of kind databricks in client.yml.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=ExplainedGroup)
def databricks() -> None:
    """The pipeline as Jobs at Databricks, and Asset Bundles; `kedro deploy` serves models there."""


@databricks.command("job")
@env
@target
@click.option("--delete", "is_delete", is_flag=True, help="Take the client's jobs down.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@as_json
@click.pass_context
def job(ctx: click.Context, *, env: str, name: str, is_delete: bool, dry_run: bool, as_json: bool) -> None:
    """Make the client's jobs what client.yml says: one without a clock, and one for each of its schedules.

    Example: kedro databricks job --env clients/skyways --target lakehouse --dry-run
    """
    from workbench.targets.databricks.pipeline import open_pipeline

    client = _client_of(env)
    with open_pipeline(
        project_of(ctx).resolve(), client, name, view=_Told(is_quiet=as_json), changes=not dry_run
    ) as jobs:
        if is_delete:
            there = [step for step in jobs.plan() if step.action != "create"]
            steps = there if dry_run else jobs.delete()
        else:
            steps = jobs.plan() if dry_run else jobs.apply()
    if as_json:
        click.echo(json.dumps([step.to_dict() for step in steps], indent=2))
        return
    _print(steps, is_delete=is_delete, dry_run=dry_run)


@databricks.command("bundle")
@env
@target
@click.option("--model-version", type=click.IntRange(1), default=None, help="In Unity Catalog; adds the endpoint.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File.  [default: printed]"
)
@click.option("--dry-run", is_flag=True, help="Say whether the file would be new or change.")
@as_json
@click.pass_context
def bundle(
    ctx: click.Context, *, env: str, name: str, model_version: int | None, output: Path | None, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Write the client's jobs, model and endpoint as databricks.yml, for `databricks bundle deploy`.

    Example: kedro databricks bundle --env clients/skyways --target lakehouse --output databricks.yml
    """
    from workbench.files import write_text
    from workbench.targets.databricks.bundle import bundle_of, text_of
    from workbench.targets.databricks.pipeline import settings_of_databricks

    client = ClientRegistry(project_of(ctx)).load(_client_of(env))
    content = bundle_of(client, settings_of_databricks(client, name), model_version)
    text = text_of(content)
    if dry_run:
        path = output or Path("databricks.yml")
        is_same = path.is_file() and path.read_text(encoding="utf-8") == text
        click.echo(f"{path}: {'the same' if is_same else 'changed' if path.exists() else 'new'}")
        return
    if output is not None:
        write_text(output, text)
    if as_json:
        click.echo(json.dumps(content, indent=2))
    elif output is None:
        click.echo(text, nl=False)
    else:
        click.secho(f"✓ {output}", fg="green")


def _client_of(env: str) -> str:
    client = client_of_env(env)
    if client is None:
        raise ConfigurationError(f"environment '{env[:60]}' is no client's", hint="write it as clients/<client>")
    return client


def _print(steps: Sequence[Step], *, is_delete: bool, dry_run: bool) -> None:
    if not steps:
        click.echo("there are no jobs")
    for step in steps:
        action = "delete" if is_delete else step.action
        changes = "; ".join(f"{what}: {was} → {will}" for what, (was, will) in step.changes.items())
        click.echo(f"{'would ' if dry_run and action != 'keep' else ''}{action:<7} {step.name}  {changes}".rstrip())


class _Told:
    """Says on standard error what is being done."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet

    def step(self, text: str) -> None:
        """A step begins."""
        if not self._is_quiet:
            click.echo(text, err=True)

    def doing(self, doing: Any) -> None:
        """Jobs take no time."""
