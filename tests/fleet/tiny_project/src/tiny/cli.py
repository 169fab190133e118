import click
from kedro.framework.cli.utils import LazyGroup


@click.group(
    cls=LazyGroup,
    lazy_subcommands={"fleet": "workbench.cli.fleet.fleet", "run": "workbench.cli.run.run"},
)
def cli() -> None:
    """Commands of the tiny project."""
