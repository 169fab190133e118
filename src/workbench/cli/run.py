"""``kedro run``: Kedro's own command, with a client, and with errors in one sentence.

Kedro documents a project's ``cli.py`` as the place to replace ``run``
(https://docs.kedro.org/en/stable/extend/common_use_cases/#use-case-3-how-to-add-or-modify-cli-commands); all of its
options stay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.validation import ParameterValidationError

from workbench.cli.explain import enter_stage, explained, project_of
from workbench.clients import ClientRegistry, client_of_env
from workbench.clients.variables import owner_of
from workbench.errors import ConfigurationError, did_you_mean
from workbench.secrets.redaction import guarded

__all__ = ["run"]


RUNNER = "workbench.fleet.incremental.IncrementalRunner"
"""Remembers what each node has left; so a later run can tell what has changed."""


@explained
def _run(**options: Any) -> Any:
    enter_stage(options.pop("stage"))
    client = _registered_client(options["env"])
    if options["pipeline"] and not options["pipelines"]:
        # Kedro 1.7 calls `--pipeline` deprecated; it means the same, and both stay.
        options["pipelines"], options["pipeline"] = [options["pipeline"]], None
    _known(options["pipelines"])
    only_changed = options.pop("only_changed")
    if not options["runner"]:
        options["runner"] = RUNNER
        options["runner_params"] = {**options["runner_params"], "skip": only_changed}
    elif only_changed:
        raise ConfigurationError("--only-changed has a runner of its own", hint="leave --runner out")
    callback = kedro_run.callback
    if callback is None:  # pragma: no cover - Kedro's command has one
        raise ConfigurationError("this Kedro has no `run` command")
    try:
        with guarded():
            return callback(**options)
    except ParameterValidationError as error:
        raise ConfigurationError(
            " ".join(str(error).split()), where=f"client {client}", hint=f"`kedro client check {client}`"
        ) from error


def _registered_client(env: str | None) -> str:
    registry = ClientRegistry(project_of(click.get_current_context()))
    client = client_of_env(env)
    if client is None:
        known = registry.ids()
        raise ConfigurationError(
            "a run needs a client",
            hint=f"`kedro run --env clients/{known[0]}`; the clients are {', '.join(known)}"
            if known
            else "add a client first: conf/clients/<client>/client.yml",
        )
    registry.load(client)
    _only_its_own(client, registry)
    return client


def _only_its_own(client: str, registry: ClientRegistry) -> None:
    """Take from this process, and so from all that it starts, what other clients' variables say."""
    clients = registry.ids()
    for variable in [name for name in os.environ if owner_of(name, clients) not in {None, client}]:
        del os.environ[variable]


def _known(names: Sequence[str]) -> None:
    for name in names:
        if name not in pipelines:
            raise ConfigurationError(
                f"pipeline '{name}' does not exist",
                tried=", ".join(sorted(pipelines)),
                hint=did_you_mean(name, pipelines, "`kedro registry list` names them"),
            )


_STAGE = click.Option(
    ["--stage"], default=None, metavar="STAGE", help="dev, staging or prod: whose layers count.  [env: WORKBENCH_STAGE]"
)

run = click.Command(
    name="run",
    params=[
        *kedro_run.params,
        _STAGE,
        click.Option(
            ["--only-changed"],
            is_flag=True,
            help="Skip the nodes whose code, parameters and inputs are those of the last time.",
        ),
    ],
    callback=_run,
    help=(
        "Run a pipeline for a client.\n\n"
        "Example: kedro run --pipeline train --env clients/clinic\n\n"
        "Without --pipeline all of them run, from the sources to the reports."
    ),
)
