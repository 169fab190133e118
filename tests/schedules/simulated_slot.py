"""What the simulated scheduler begins for a slot: all of the real thing, but the notebook."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from workbench.clients import Client
from workbench.clients.schedule import Schedule
from workbench.delivery import Item
from workbench.errors import Transient, WorkbenchError
from workbench.files import sha256_of_file
from workbench.schedules.serve import serve


def render(project: Path, client: Client, schedule: Schedule, folder: Path, environ: Mapping[str, str]) -> list[Item]:
    """One page; two slots of one client at once would be seen in ``at_once``."""
    busy = project / f"{client.id}.busy"
    busy.touch(exist_ok=True)
    path = folder / "model_card.html"
    path.write_text(f"<!doctype html><p>{client.id}</p></html>")
    return [Item(path.name, "Model card", sha256_of_file(path), path.stat().st_size, "model_card", "0" * 64)]


if __name__ == "__main__":
    _, client, name, _, due = sys.argv
    try:
        serve(Path.cwd(), client, name, datetime.fromisoformat(due), render=render)
    except WorkbenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(75 if isinstance(error, Transient) else 1)
