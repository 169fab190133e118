"""Writes a proposal as a client of the registry: both files, checked before they are there."""

from __future__ import annotations

import difflib
from pathlib import Path

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.clients.check import check_client
from workbench.errors import ConfigurationError
from workbench.files import durable_folder
from workbench.onboarding.files import Proposal, client_yml, schema_yml
from workbench.onboarding.origin import Origin, bring
from workbench.scratch import private_folder

__all__ = ["as_diff", "texts_of", "write"]


def texts_of(made: Proposal) -> dict[str, str]:
    """File name to text.

    Raises:
        ConfigurationError: what was proposed is not a client that can be; what is wrong is said as for any client.
    """
    texts = {"client.yml": client_yml(made), "schema.yml": schema_yml(made)}
    with private_folder("proposal") as scratch:
        folder = Path(scratch, "conf", "clients", made.client)
        folder.mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        findings = check_client(ClientRegistry(Path(scratch)), made.client, None)
    if findings:
        raise ConfigurationError(findings[0].message.replace(f"{scratch}/", ""), hint="give other options")
    return texts


def as_diff(client: str, texts: dict[str, str]) -> str:
    """What would be written, as a unified diff."""
    root = Path("conf", "clients", client)
    pieces = [
        "".join(difflib.unified_diff([], text.splitlines(keepends=True), "/dev/null", (root / name).as_posix()))
        for name, text in texts.items()
    ]
    return "".join(pieces)


def write(project: Path, made: Proposal, origin: Origin, texts: dict[str, str]) -> Path:
    """Copy the data if it lies outside of the project, and write the client's folder, whole or not at all.

    Returns:
        The folder.
    """
    bring(origin, project, made.client)
    folder = ClientRegistry(project).root / made.client
    with durable_folder(folder) as staging:
        for name, text in texts.items():
            (staging / name).write_text(text, encoding="utf-8")
    audit.record(project, "client.added", client=made.client, rows=made.look.rows, columns=len(made.look.columns))
    return folder
