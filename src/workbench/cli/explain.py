"""How a command shows an error of the workbench: one sentence, no traceback, and an exit code.

The code says if trying again helps: 1 for what a person has to change, 75 (``EX_TEMPFAIL`` of ``sysexits.h``) for what
may pass.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import click

from workbench.errors import Transient, WorkbenchError

__all__ = ["ExplainedGroup", "Failure", "enter_stage", "explained", "project_of"]

P = ParamSpec("P")
R = TypeVar("R")


class Failure(click.ClickException):
    """A :class:`WorkbenchError` on its way to the terminal."""

    exit_code = 1

    def __init__(self, error: WorkbenchError) -> None:
        from workbench.secrets.redaction import known_secrets

        super().__init__(known_secrets().scrubbed(str(error)))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence to standard error."""
        click.secho(f"Error: {self.message}", err=file is None, file=file, fg="red")


class TemporaryFailure(Failure):
    """A failure that may pass when the same command is given again."""

    exit_code = os.EX_TEMPFAIL


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Turn the workbench's errors into :class:`Failure`; all others stay what they are."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except click.ClickException:
            raise
        except Exception as error:
            cause = _workbench_error(error)
            if cause is None:
                raise
            raise (TemporaryFailure if isinstance(cause, Transient) else Failure)(cause) from error

    return call


def _workbench_error(error: BaseException | None) -> WorkbenchError | None:
    """The workbench's own error behind one that Kedro wrapped around it, as its datasets do."""
    while error is not None and not isinstance(error, WorkbenchError):
        error = error.__cause__
    return error


class ExplainedGroup(click.Group):
    """A group whose commands show errors by :class:`Failure`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        return explained(super().invoke)(ctx)


def enter_stage(stage: str | None) -> None:
    """Make a stage this process's, and that of all that it starts; without one, it stays what it is.

    Raises:
        ConfigurationError: there is no such stage.
    """
    from workbench.clients.layers import STAGE_VARIABLE, checked_stage, current_stage

    if stage is not None:
        os.environ[STAGE_VARIABLE] = checked_stage(stage)
    current_stage()  # refuses what the environment says, before anything is begun


def project_of(ctx: click.Context) -> Path:
    """The project's folder: Kedro hands its metadata to every command as ``ctx.obj``; else the working directory."""
    return Path(getattr(ctx.obj, "project_path", None) or Path.cwd())
