"""Projects of clients with schedules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., Path]:
    """Makes a project of clients: ``fleet(acme={"weekly": {...}})``."""

    def make(**clients: dict[str, Any]) -> Path:
        for client, schedule in clients.items():
            about = {
                "id": client,
                "title": client,
                "owner": "fleet@smithright.example",
                "sources": {"samples": {"kind": "sklearn", "dataset": "breast_cancer"}},
                "key": ["sample_id"],
                "target": "malignant",
                "task": "binary",
                "metric": {"name": "roc_auc"},
                "schedule": {name: {"templates": ["model_card"], **one} for name, one in schedule.items()},
            }
            folder = tmp_path / "conf/clients" / client
            folder.mkdir(parents=True)
            (folder / "client.yml").write_text(yaml.safe_dump(about))
        return tmp_path

    return make
