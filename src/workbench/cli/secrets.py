"""``kedro client secret set|list|check|rotate|remove``: a client's secrets, of which no command shows one."""

from __future__ import annotations

import json
import sys

import click

from workbench import audit
from workbench.cli.explain import project_of
from workbench.errors import ConfigurationError

__all__ = ["secret"]

SHORTEST = 8

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group()
def secret() -> None:
    """Set, name and check a client's secrets; docs/secrets.md says where they are kept."""


@secret.command("set")
@click.argument("client_id")
@click.argument("name")
@dry_run
@click.pass_context
def set_secret(ctx: click.Context, client_id: str, name: str, *, dry_run: bool) -> None:
    """Keep a secret; its value is asked for, or read from standard input, and never an argument.

    Example: kedro client secret set skyways SMTP_PASSWORD < password.txt
    """
    from workbench.secrets import secrets_of

    secrets = secrets_of(project_of(ctx), client_id)
    where = secrets.where(name)
    if dry_run:
        click.echo(f"would write {where}")
        return
    secrets.put(name, _value(name))
    audit.record(project_of(ctx), "secret.set", client=client_id, name=name)
    click.secho(f"✓ {where}", fg="green")


def _value(name: str) -> str:
    """What somebody types twice, or the whole of standard input less the end of its last line."""
    if sys.stdin.isatty():
        value = str(click.prompt(f"{name} (is not shown)", hide_input=True, confirmation_prompt=True))
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if len(value) < SHORTEST or "\0" in value:
        raise ConfigurationError(
            f"a secret has {SHORTEST} characters or more, and no NUL",
            where=f"the value of {name}",
            hint="a shorter one could not be told from ordinary text, and so not be kept out of logs and reports",
        )
    return value


@secret.command("list")
@click.argument("client_id")
@as_json
@click.pass_context
def list_secrets(ctx: click.Context, client_id: str, *, as_json: bool) -> None:
    """Name a client's secrets; no value is read.

    Example: kedro client secret list skyways
    """
    from workbench.secrets import secrets_of

    secrets = secrets_of(project_of(ctx), client_id)
    names = list(secrets)
    if as_json:
        click.echo(json.dumps([{"name": name, "where": secrets.where(name)} for name in names], indent=2))
        return
    for name in names:
        click.echo(name)
    if not names:
        click.echo(f"none yet in {secrets.where()}")


@secret.command("check")
@click.argument("client_id")
@as_json
@click.pass_context
def check_secrets(ctx: click.Context, client_id: str, *, as_json: bool) -> None:
    """Say whether the place of a client's secrets answers, step by step; exit 1 if it does not.

    Example: kedro client secret check skyways
    """
    from workbench.secrets import secrets_of

    checks = secrets_of(project_of(ctx), client_id).check()
    if as_json:
        click.echo(json.dumps([check.to_dict() for check in checks], indent=2))
    for check in [] if as_json else checks:
        mark, colour = ("✓", "green") if check.ok else ("✗", "red")
        click.secho(f"{mark} {check.what}: {check.message}", fg=colour)
    if not all(check.ok for check in checks):
        ctx.exit(1)


@secret.command("rotate")
@click.argument("client_id")
@dry_run
@click.pass_context
def rotate_key(ctx: click.Context, client_id: str, *, dry_run: bool) -> None:
    """Encrypt a client's file with a new key, and forget the old one.

    Example: kedro client secret rotate skyways
    """
    from workbench.secrets import secrets_of

    secrets = secrets_of(project_of(ctx), client_id)
    if dry_run:
        click.echo(f"would encrypt {secrets.where()} with a new key")
        return
    secrets.rotate_key()
    audit.record(project_of(ctx), "secrets.key_rotated", client=client_id)
    click.secho(f"✓ {secrets.where()} has a new key", fg="green")


@secret.command("remove")
@click.argument("client_id")
@click.argument("name")
@dry_run
@click.pass_context
def remove_secret(ctx: click.Context, client_id: str, name: str, *, dry_run: bool) -> None:
    """Forget a secret, all its versions included.

    Example: kedro client secret remove skyways SMTP_PASSWORD
    """
    from workbench.secrets import secrets_of

    secrets = secrets_of(project_of(ctx), client_id)
    where = secrets.where(name)
    if dry_run:
        click.echo(f"would remove {where}" if name in secrets else f"nothing is there: {where}")
        return
    if not secrets.remove(name):
        raise ConfigurationError(
            f"there is no secret {name}", where=where, hint=f"`kedro client secret list {client_id}`"
        )
    audit.record(project_of(ctx), "secret.removed", client=client_id, name=name)
    click.secho(f"✓ removed {where}", fg="green")
