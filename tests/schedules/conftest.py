"""A project of clients that have schedules and no data, and a renderer that writes a page at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import Client
from workbench.clients.schedule import Schedule
from workbench.delivery import Item
from workbench.files import sha256_of_file


def write_client(project: Path, client: str, schedule: dict[str, Any], deliver: dict[str, Any] | None = None) -> None:
    """Register a client; JSON is YAML."""
    folder = project / "conf" / "clients" / client
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "id": client,
        "title": client.title(),
        "owner": "fleet@smithright.example",
        "sources": {"rows": {"kind": "sklearn", "dataset": "iris"}},
        "key": ["row_id"],
        "target": "species",
        "task": "multiclass",
        "metric": {"name": "accuracy"},
        "schedule": schedule,
        "deliver": deliver if deliver is not None else {"site": {"kind": "folder", "path": "reports"}},
    }
    (folder / "client.yml").write_text(json.dumps(record))


def page(client: Client, schedule: Schedule, folder: Path) -> list[Item]:
    """What a renderer leaves, without a notebook: the same text each time."""
    items = []
    for template in schedule.templates:
        path = folder / f"{template}.html"
        path.write_text(f"<!doctype html><header><p class='lead'>{client.title}</p></header></html>")
        items.append(Item(path.name, template, sha256_of_file(path), path.stat().st_size, template, "0" * 64))
    return items


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., Path]:
    """Makes a project of clients: ``fleet(acme={"weekly": {...}})``; ``deliver`` is for all of them."""

    def make(deliver: dict[str, Any] | None = None, **clients: dict[str, Any]) -> Path:
        for client, schedule in clients.items():
            write_client(tmp_path, client, schedule, deliver)
        return tmp_path

    return make


@pytest.fixture
def rendered() -> Callable[..., list[Item]]:
    """A renderer; ``rendered.calls`` counts."""

    def render(
        project: Path, client: Client, schedule: Schedule, folder: Path, environ: Mapping[str, str]
    ) -> list[Item]:
        render.calls += 1  # type: ignore[attr-defined]
        return page(client, schedule, folder)

    render.calls = 0  # type: ignore[attr-defined]
    return render
