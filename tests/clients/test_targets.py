"""Where models are served, as client.yml says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.clients.model import Client

ROOT = Path(__file__).parents[2]
TARGETS: dict[str, dict[str, Any]] = {
    "local": {"kind": "local", "port": 8800},
    "vertex": {
        "kind": "vertex",
        "project": "acme-1",
        "location": "us-central1",
        "bucket": "acme-models",
        "image": "us-docker.pkg.dev/acme-1/workbench/serving:1",
    },
    "databricks": {"kind": "databricks", "host": "https://acme.example", "catalog": "fleet", "schema": "models"},
    "azure_openai": {
        "kind": "azure_openai",
        "subscription": "00000000-1111-2222-3333-444444444444",
        "resource_group": "rg-acme",
        "account": "acme-openai",
    },
}


@pytest.mark.parametrize("kind", TARGETS)
def test_what_is_dumped_can_be_read_again(kind: str) -> None:
    """A report's kernel gets the client as JSON."""
    said = yaml.safe_load((ROOT / "conf/clients/clinic/client.yml").read_text())
    client = Client.model_validate({**said, "deploy": {"here": TARGETS[kind]}})
    assert Client.model_validate(client.model_dump()) == client
    assert Client.model_validate_json(client.model_dump_json()) == client
    assert client.deploy["here"].kind == kind
