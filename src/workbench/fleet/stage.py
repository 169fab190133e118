"""Which stage a client's results in this project are of: data, models and registry entries of two are never mixed."""

from __future__ import annotations

from pathlib import Path

from workbench.clients.layers import checked_stage
from workbench.errors import ConfigurationError
from workbench.files import write_text
from workbench.fleet.ledger import state_folder

__all__ = ["NO_STAGE", "keep_stage", "said", "set_stage", "stage_of"]

NO_STAGE = "none"
"""What is written down where a run had no stage."""


def stage_of(project: Path, client: str) -> str | None:
    """The stage of what stands here of a client, or :data:`NO_STAGE`; None before its first run.

    Raises:
        ConfigurationError: the file that says so says something else.
    """
    path = _path(project, client)
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8").strip()
    return text if text == NO_STAGE else checked_stage(text)


def set_stage(project: Path, client: str, stage: str) -> None:
    """Say of which stage it is. The caller holds the client's lock."""
    write_text(_path(project, client), stage if stage == NO_STAGE else checked_stage(stage))


def keep_stage(project: Path, client: str, stage: str | None) -> None:
    """Refuse a run of another stage than the client's results are of; the first run decides. The caller holds the lock.

    Raises:
        ConfigurationError: it is another one.
    """
    mine, known = stage or NO_STAGE, stage_of(project, client)
    if known is None:
        set_stage(project, client, mine)
    elif known != mine:
        again = "without --stage" if known == NO_STAGE else f"with --stage {known}"
        raise ConfigurationError(
            f"data, models and registry entries here are of {said(known)}, and this run is of {said(mine)}: "
            "it would overwrite them",
            where=f"client {client}",
            hint=f"run it {again}, or in a clone of the project of its own; if all of it is to be of "
            f"{said(mine)} from now on, `kedro client stage {client} {mine}`",
        )


def said(stage: str) -> str:
    """A stage in a sentence."""
    return "no stage" if stage == NO_STAGE else f"stage {stage}"


def _path(project: Path, client: str) -> Path:
    return state_folder(project) / "stages" / client
