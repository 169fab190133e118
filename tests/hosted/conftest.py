"""Accounts at doubles of services.

With ``--live``, and an account in the environment, the tests that ask for ``place`` run against it; what it takes is in
docs/hosted-tuning.md.
"""

from __future__ import annotations

import os
import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from arm_double import ArmDouble
from hosted_world import CLIENT, LIVE, ROOT, SECRETS, World, azure_world, live_world, rows
from loopback_tls import make_certificate, server_context
from openai_double import OpenAIDouble

from workbench.registry.store import open_store


def make_project(folder: Path) -> Path:
    """A project with the client, and nothing else."""
    (folder / "conf/clients/acme").mkdir(parents=True)
    (folder / "conf/base").mkdir()
    shutil.copy(ROOT / "conf/base/prices.yml", folder / "conf/base/prices.yml")
    (folder / "conf/clients/acme/client.yml").write_text(yaml.safe_dump(CLIENT))
    return folder


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a project with an empty store; made once, then copied."""
    folder = make_project(tmp_path_factory.mktemp("hosted_template"))
    open_store(folder).experiment("acme")
    return folder


@pytest.fixture
def hosted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project without a store, and no secrets of others in the environment."""
    for name in os.environ:
        if name.startswith(("AZURE_", "OPENAI_")):
            monkeypatch.delenv(name)
    yield make_project(tmp_path / "project")
    import mlflow

    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


@pytest.fixture
def world(hosted_project: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[World]:
    """An account at OpenAI."""
    with OpenAIDouble() as service:
        monkeypatch.setenv("ACME__OPENAI_API_KEY", service.key)
        made = World(hosted_project, service, template=lambda: request.getfixturevalue("template"))
        made.configure(service="openai", endpoint=f"{service.address}/v1", poll_seconds=0.01, settle_seconds=0.2)
        made.write(rows())
        yield made


@pytest.fixture
def azure(
    hosted_project: Path, monkeypatch: pytest.MonkeyPatch, certificate: ssl.SSLContext, request: pytest.FixtureRequest
) -> Iterator[World]:
    """An account at Azure OpenAI, with the resource manager beside it."""
    with OpenAIDouble("azure") as service, ArmDouble(certificate) as arm:
        made = azure_world(hosted_project, service, arm, lambda: request.getfixturevalue("template"))
        for name, value in {**SECRETS, "ACME__AZURE_OPENAI_API_KEY": service.key}.items():
            monkeypatch.setenv(name, value)
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``place`` is each kind of account; with ``--live``, those that the environment has."""
    if "place" in metafunc.fixturenames:
        kinds = ["openai", "azure"]
        if metafunc.config.getoption("--live"):
            kinds = [kind for kind, variable in LIVE.items() if variable in os.environ]
        metafunc.parametrize("place", kinds, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> World:
    """An account of the kind; a double, or the one that the environment has."""
    if not request.config.getoption("--live"):
        made: World = request.getfixturevalue({"openai": "world", "azure": "azure"}[request.param])
        return made
    # Taken before the fixture of the project takes them out of the environment.
    kept = dict(os.environ)
    project = request.getfixturevalue("hosted_project")
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    return live_world(request.param, kept, project, patch, lambda: request.getfixturevalue("template"))


@pytest.fixture(scope="session")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server on 127.0.0.1, made for these tests."""
    return make_certificate(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@pytest.fixture
def certificate(certificate_file: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context, whose certificate this process trusts; ``requests`` looks for it in that variable."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate_file))
    return server_context(certificate_file)
