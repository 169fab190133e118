"""A project of two clients, and nothing kept in mind from one test to the next."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.secrets import redaction
from workbench.secrets.mapping import close_secrets

sys.path.insert(0, str(Path(__file__).parent))

from vault_double import VaultDouble

CLIENT = """\
id: {client}
title: {client}
owner: fleet@smithright.example
sources:
  samples: {{kind: sklearn, dataset: breast_cancer}}
key: [sample_id]
target: malignant
task: binary
metric: {{name: roc_auc}}
"""


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    redaction.forget()
    yield
    close_secrets()
    redaction.forget()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project with clients alpha and beta, and no ``secrets.yml``."""
    project = tmp_path / "small"
    (project / "conf" / "base").mkdir(parents=True)
    for client in ("alpha", "beta"):
        folder = project / "conf" / "clients" / client
        folder.mkdir(parents=True)
        (folder / "client.yml").write_text(CLIENT.format(client=client))
    return project


@pytest.fixture
def configure(small: Path) -> Callable[..., Path]:
    """Writes ``secrets.yml``: for all with a text alone, for a client with its name as well."""

    def write(text: str, client: str | None = None) -> Path:
        folder = small / "conf" / "base" if client is None else small / "conf" / "clients" / client
        (folder / "secrets.yml").write_text(text)
        return small

    return write


@pytest.fixture
def vault() -> Iterator[VaultDouble]:
    """A Vault with a policy for each of the two clients, and one secret each."""
    double = VaultDouble()
    for client in ("alpha", "beta"):
        double.policies[client] = policy_of(client)
        double.kv[f"clients/{client}/SMTP_PASSWORD"] = [f'{{"value": "canary-of-{client}"}}']
    yield double
    double.stop()


def policy_of(client: str) -> dict[str, set[str]]:
    """The policy that docs/vault.md gives for a client."""
    text = (Path(__file__).parents[2] / "docs" / "vault.md").read_text()
    policies = re.findall(r"^```hcl\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rules = re.findall(r'path "([^"]+)" \{\s*capabilities = \[([^\]]*)\]\s*\}', policies[0].replace("skyways", client))
    return {path: set(re.findall(r"\w+", capabilities)) for path, capabilities in rules}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr("workbench.retrying._BACK_OFF", lambda _: 0.0)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true; ten seconds are more than any of it takes."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.01)
        pytest.fail("it did not become true within 10 s")

    return wait
