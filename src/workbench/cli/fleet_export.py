"""``kedro fleet export``: the plan of ``kedro fleet run`` for Airflow, or as Kubernetes Jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from workbench.cli.explain import enter_stage, project_of
from workbench.errors import ConfigurationError

__all__ = ["export"]

MEMORY = r"[1-9][0-9]{0,9}(Ki|Mi|Gi|Ti|k|M|G|T)?"
IMAGE_FOLDER = "/app"
"""Where the Dockerfile puts the project."""


@click.command("export")
@click.option("--to", "target", type=click.Choice(["airflow", "kubernetes"]), required=True, help="For which of them.")
@click.option("--pipeline", default="__default__", show_default=True, help="A pipeline, or several: a,b, in order.")
@click.option("--clients", default="all", show_default=True, help="all, or a comma-separated list.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write to."
)
@click.option("--dry-run", is_flag=True, help="Name the files, and say which are new or would change.")
@click.option("--project", "folder", default=None, help="Its folder there.  [default: here; in an image, /app]")
@click.option("--kedro", default=None, help="The command there.  [default: .venv/bin/kedro; in an image, kedro]")
@click.option(
    "--image", default=None, help="The image; Airflow: run it, not the command.  [Kubernetes: that of `make image`]"
)
@click.option(
    "--engine",
    type=click.Choice(["docker", "podman"]),
    default="docker",
    show_default=True,
    help="Airflow: what runs the image.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "celery", "kubernetes"]),
    default="local",
    show_default=True,
    help="Airflow's executor.",
)
@click.option("--queue", default="default", show_default=True, help="Airflow with Celery: the queue of the tasks.")
@click.option("--pool", default="default_pool", show_default=True, help="Airflow: the pool of the tasks.")
@click.option("--workers", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Airflow: runs at once.")
@click.option("--claim", default="workbench", show_default=True, help="Kubernetes: the volume's claim.")
@click.option(
    "--retries", type=click.IntRange(0, 20), default=3, show_default=True, help="Attempts after what may pass."
)
@click.option(
    "--timeout-minutes",
    type=click.IntRange(1, 10_080),
    default=120,
    show_default=True,
    help="For one pipeline of one client.",
)
@click.option("--cpu", type=click.IntRange(1, 256), default=1, show_default=True, help="Processors of a run.")
@click.option("--memory", default="2Gi", show_default=True, help="Of a run, as Kubernetes writes it.")
@click.option("--stage", default=None, help="dev, staging or prod: of every run there.  [env: WORKBENCH_STAGE]")
@click.pass_context
def export(  # noqa: PLR0917 - click gives them by name
    ctx: click.Context, /, target: str, pipeline: str, clients: str, output: Path | None, folder: str | None,
    kedro: str | None, image: str | None, stage: str | None, *, dry_run: bool, **given: Any,
) -> None:  # fmt: skip
    """Write the fleet's plan for another scheduler: an Airflow 3 DAG, or a Kubernetes Job each client.

    Without --output the files are printed.

    Example: kedro fleet export --to airflow --pipeline ingest,prepare --output dags
    """
    from kedro.framework.project import pipelines

    from workbench.clients import ClientRegistry
    from workbench.clients.layers import current_stage
    from workbench.export.fleet import EXPORTS, FleetOptions
    from workbench.export.options import own_image
    from workbench.fleet.ledger import Ledger
    from workbench.fleet.plan import chosen_clients, chosen_pipelines, plan

    enter_stage(stage)
    project = project_of(ctx).resolve()
    registry = ClientRegistry(project)
    in_image = target == "kubernetes" or given["executor"] == "kubernetes"
    cells = plan(
        chosen_clients(registry, clients),
        chosen_pipelines(pipelines.keys(), pipeline),
        Ledger.of(project).durations(),
    )
    if not re.fullmatch(MEMORY, given["memory"]):
        raise ConfigurationError(f"memory {given['memory'][:40]!r} is no amount", hint="write it as 2Gi or 512Mi")
    options = FleetOptions(
        known=tuple(registry.ids()),
        project=folder or (IMAGE_FOLDER if in_image else str(project)),
        kedro=kedro or ("kedro" if in_image else ".venv/bin/kedro"),
        image=image or own_image(),
        in_container=image is not None and not in_image,
        stage=current_stage(),
        **given,
    )
    files = EXPORTS[target](cells, options)
    if dry_run:
        _compare(files, output or Path())
    elif output is None:
        click.echo("---\n".join(files.values()), nl=False)
    else:
        _write(files, output)


def _compare(files: Mapping[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        is_same = path.is_file() and path.read_text(encoding="utf-8") == text
        click.echo(f"{path}: {'the same' if is_same else 'changed' if path.exists() else 'new'}")


def _write(files: Mapping[str, str], folder: Path) -> None:
    from workbench.files import write_text

    for name, text in files.items():
        write_text(folder / name, text)
    click.echo(f"{len(files)} file{'' if len(files) == 1 else 's'} written to {folder}")
