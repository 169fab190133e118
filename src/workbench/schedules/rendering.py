"""Runs a slot's pipelines and renders its reports, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from workbench.attended import attended
from workbench.clients import Client, ClientRegistry, env_of_client
from workbench.clients.schedule import Schedule
from workbench.delivery import Item
from workbench.errors import ReportError, Unreachable
from workbench.files import sha256_of_file
from workbench.fleet.environment import worker_environment

__all__ = ["render_reports"]

ENDING_SECONDS = 10.0
BEGINNINGS = {"html": b"<!doctype html>", "pdf": b"%PDF-"}
ENDINGS = {"html": b"</html>", "pdf": b"%%EOF"}


def render_reports(
    project: Path, client: Client, schedule: Schedule, folder: Path, environ: Mapping[str, str]
) -> list[Item]:
    """Run the pipelines, render the templates, and copy the pages into a folder.

    Args:
        project: the project's folder.
        client: whose reports they are.
        schedule: which pipelines, templates, parameters and formats.
        folder: an empty folder.
        environ: what the processes' environments are made of; other clients' variables are left out.

    Returns:
        The files, in the order of the templates.

    Raises:
        ReportError: a pipeline or a report failed, or ran out of time.
        Unreachable: it failed by what may pass, such as another run that holds the client.
    """
    from workbench.reports import find_template
    from workbench.reports.locale import say

    deadline = time.monotonic() + schedule.timeout_minutes * 60
    environment = worker_environment(environ, client.id, ClientRegistry(project).ids(), 1)
    templates = [find_template(project, name) for name in schedule.templates]
    for pipeline in schedule.pipelines:
        arguments = ["run", "--pipelines", pipeline, "--env", env_of_client(client.id)]
        _kedro(project, arguments, environment, deadline, where=f"client {client.id}, pipeline {pipeline}")
    items = []
    for template in templates:
        where = f"client {client.id}, report {template.name}"
        digest, title = sha256_of_file(template.path), say(template.title, in_locale=client.brand.locale)
        arguments = ["report", "run", template.name, "--clients", client.id, "--json"]
        if schedule.formats != ("html",):
            arguments += ["--format", ",".join(schedule.formats)]
        for name, value in schedule.parameters.get(template.name, {}).items():
            arguments += ["-p", f"{name}={json.dumps(value) if isinstance(value, bool) else value}"]
        (result,) = json.loads(_kedro(project, arguments, environment, deadline, where=where))
        files: dict[str, str] = result.get("files") or {"html": result["path"]}
        for kind in schedule.formats:
            made = _checked(Path(files[kind]), kind, project / "data" / client.id, where)
            target = folder / f"{template.name}.{kind}"
            shutil.copyfile(made, target)
            items.append(Item(target.name, title, sha256_of_file(target), target.stat().st_size, template.name, digest))
    return items


def _checked(made: Path, kind: str, own: Path, where: str) -> Path:
    """A page that is whole, and this client's: nothing else may be sent to anybody."""
    resolved = made.resolve()
    if not resolved.is_relative_to(own.resolve()):
        raise ReportError(f"{made} lies outside of the client's data", where=where)
    content = resolved.read_bytes()
    if not content.startswith(BEGINNINGS[kind]) or not content.rstrip().endswith(ENDINGS[kind]):
        raise ReportError(f"{made} is not a whole {kind.upper()} file", where=where, hint="render it by hand")
    return resolved


def _kedro(
    project: Path, arguments: Sequence[str], environment: Mapping[str, str], deadline: float, *, where: str
) -> str:
    """Run a command of Kedro to its end; what it printed.

    That goes into files: a pipe would be open as long as any process that it has left behind, in whatever session.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            attended([sys.executable, "-m", "kedro", *arguments]),
            cwd=project,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            process.wait(deadline - time.monotonic())
        except subprocess.TimeoutExpired as error:
            raise ReportError(
                "it ran out of time", where=where, hint="see what takes so long, or give it more `timeout_minutes`"
            ) from error
        finally:
            _end(process)
        printed, said = _text(output), _text(errors)
    if process.returncode == 0:
        return printed
    sys.stderr.write(said)
    raise _failure(arguments, printed, said, process.returncode, where)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _failure(arguments: Sequence[str], output: str, errors: str, code: int, where: str) -> ReportError | Unreachable:
    """What a command that failed had to say: its result, or its last line that begins with ``Error:``."""
    said = next((line for line in reversed(errors.splitlines()) if line.startswith("Error: ")), "")
    may_pass = code == os.EX_TEMPFAIL
    with suppress(ValueError, TypeError, KeyError):
        results: list[dict[str, Any]] = json.loads(output)
        failed = next(result for result in results if not result["ok"])
        said, may_pass = failed["error"] or said, may_pass or bool(failed.get("transient"))
    sentence = said.removeprefix("Error: ") or f"`kedro {' '.join(arguments[:3])}` ended with code {code}"
    return Unreachable(sentence, where=where) if may_pass else ReportError(sentence, where=where)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that is not at its end, and what it has started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
