"""``kedro serve``: a client's champion over HTTP."""

from __future__ import annotations

import json
import logging
import shlex
import signal
from pathlib import Path
from typing import Any

import click

from workbench.cli.explain import explained, project_of
from workbench.clients import Client, ClientRegistry, client_of_env
from workbench.errors import ConfigurationError
from workbench.scratch import private_folder

__all__ = ["serve"]


@click.command("serve")
@click.option("--env", "-e", required=False, help="The client: clients/<client>.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 for a free one.  [default: serving.port]")
@click.option("--version", type=click.IntRange(1), help="A version of the model, in place of the champion.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that serve.  [default: serving.workers]")
@click.option("--json", "as_json", is_flag=True, help="Print the address and an example as JSON, once it is up.")
@click.pass_context
@explained
def serve(
    ctx: click.Context,
    *,
    env: str | None,
    host: str,
    port: int | None,
    version: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Serve a client's champion over HTTP, until Ctrl-C; when another version becomes champion, that one.

    Example: kedro serve --env clients/clinic --port 8081

    Open Inference Protocol, Vertex AI's form and MLflow's; docs/serving.md lists addresses and limits.
    """
    from workbench.fleet import memory
    from workbench.registry.alias import champion_version
    from workbench.serving.following import Located, follow, forward, start
    from workbench.serving.sockets import listening_socket
    from workbench.targets.release import release_of

    project = project_of(ctx).resolve()
    client = _client(ClientRegistry(project), env)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")

    loaded = set()

    def locate() -> Located:
        release = release_of(project, client.id, version)
        loaded.add(release.version)
        return Located(release.version, release.artifact, release.sha256)

    chosen = client.serving.port if port is None else port
    listening_socket(host, chosen).close()  # before anything is loaded; the server itself asks again
    located = locate()
    if not as_json:
        click.echo(f"Loading version {located.version} of {client.id} …")
        _warn_who_may_ask(client, host)
    log = project / "data" / client.id / "07_model_output" / "serving" / "predictions.jsonl"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = None
    folder = private_folder("serving")
    try:
        child = start(client, located, Path(folder.name), log, host=host, port=chosen, workers=workers)
        forward(child)
        _told(client, located, child.address, child.example(), child.process.pid, as_json=as_json)
        code = follow(
            child, located, (lambda: version) if version else (lambda: champion_version(client.id, project)), locate
        )
    except KeyboardInterrupt:
        code = child.stop() if child is not None else 130
    except BaseException:
        if child is not None:
            child.stop()
        raise
    finally:
        folder.cleanup()
        # Of a server that had several versions loaded, it is not known what one of them takes.
        if child is not None and len(loaded) == 1:
            memory.record(project, client.id, located.version, memory.peak_of_children())
    ctx.exit(code)


def _client(registry: ClientRegistry, env: str | None) -> Client:
    client = client_of_env(env)
    if client is None:
        known = registry.ids()
        raise ConfigurationError(
            "a server needs a client",
            hint=f"`kedro serve --env clients/{known[0]}`; the clients are {', '.join(known)}"
            if known
            else "add a client first: conf/clients/<client>/client.yml",
        )
    return registry.load(client)


def _warn_who_may_ask(client: Client, host: str) -> None:
    if client.serving.auth is None and host not in {"127.0.0.1", "localhost", "::1"}:
        click.secho(f"Whoever reaches {host} can ask: client.yml has no `serving.auth`.", fg="yellow")


def _told(client: Client, located: Any, address: str, example: dict[str, Any], pid: int, *, as_json: bool) -> None:
    """Where it is, and what to type."""
    if as_json:
        told = {"client": client.id, "version": located.version, "sha256": located.sha256, "address": address}
        click.echo(json.dumps({**told, "pid": pid, "example": {"path": "/predict", "body": example}}))
        return
    token = ' -H "Authorization: Bearer $TOKEN"' if client.serving.auth is not None else ""
    click.echo(
        f"Version {located.version} of {client.id} answers at {address}, until Ctrl-C\n"
        f"  columns   {address}/openapi.json\n"
        f"  state     {address}/v2/health/status\n"
        f"  metrics   {address}/metrics\n"
        f"Try:\n  curl -s {address}/predict -H 'Content-Type: application/json'{token} "
        f"-d {shlex.quote(json.dumps(example))}"
    )
