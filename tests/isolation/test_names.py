"""Whatever names a client, pipeline, template, schedule, stage or industry is looked up, and never joined to a path."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.client import client as client_command
from workbench.cli.fleet import fleet as fleet_command
from workbench.cli.notebook import notebook as notebook_command
from workbench.cli.report import report as report_command
from workbench.clients import ClientRegistry, client_of_env
from workbench.clients.layers import checked_stage, layers_of
from workbench.clients.model import is_device
from workbench.errors import WorkbenchError
from workbench.fleet.plan import chosen_clients, chosen_pipelines
from workbench.reports import find_template
from workbench.schedules.serve import schedule_of

ROOT = Path(__file__).parents[2]

HOSTILE = [
    "../skyways", "..", ".", "/etc", "a/b", "skyways/", "./skyways", "skyways/../clinic", "%2e%2e%2fskyways", "skyways#x",
    "sky\0ways", "skyways\0", "x" * 300, "skуways", "ｓkyways", "skyways\u200b", "Skyways", "SKYWAYS", " skyways",
    "skyways\n", "con", "nul", "aux", "prn", "com1", "lpt9", "CON", "", "-", "--help", "~", "$HOME", "skyways;ls", "*", "sky*",
    "skyway", "skyways_2",
]  # fmt: skip
"""Of the last two, one is nearly a client and the other has one for its beginning."""

LOADERS: dict[str, Callable[[str], object]] = {
    "client: folder": lambda name: ClientRegistry(ROOT).folder(name),
    "client: load": lambda name: ClientRegistry(ROOT).load(name),
    "client: schema": lambda name: ClientRegistry(ROOT).schema(name),
    "client: layers": lambda name: ClientRegistry(ROOT).layers(name),
    "client: environment": lambda name: ClientRegistry(ROOT).load(client_of_env(f"clients/{name}") or "?"),
    "clients of a fleet": lambda name: chosen_clients(ClientRegistry(ROOT), f"{name},clinic" if name.strip() else ","),
    "pipelines of a fleet": lambda name: chosen_pipelines({"train", "skyways_"}, f"{name},train" if name.strip() else ","),
    "template": lambda name: find_template(ROOT, name),
    "schedule": lambda name: schedule_of(ClientRegistry(ROOT).load("skyways"), name),
    "stage": checked_stage,
    "industry": lambda name: layers_of(ROOT, "skyways", name, None, "client.yml:4"),
}  # fmt: skip


def is_clean(name: str, loader: str) -> bool:
    """A name whose spaces a comma-separated list takes away."""
    return "of a fleet" in loader and name.strip() in {"skyways", "train"}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_refused_in_one_sentence(loader: str, name: str) -> None:
    if is_clean(name, loader):
        return
    with pytest.raises(WorkbenchError) as caught:
        LOADERS[loader](name)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("loader", LOADERS)
@given(name=st.text(max_size=60))
def test_no_text_at_all_gets_through(loader: str, name: str) -> None:
    known = {*ClientRegistry(ROOT).ids(), "train", "skyways_", "weekly", "dev", "staging", "prod"}
    known |= {path.stem for path in (ROOT / "notebooks/reports").glob("*.ipynb")}
    if any(part.strip() in known for part in name.split(",")):
        return
    with pytest.raises(WorkbenchError):
        LOADERS[loader](name)


COMMANDS: dict[str, tuple[click.Command, Callable[[str], list[str]]]] = {
    "client show": (client_command, lambda name: ["show", "--", name]),
    "client explain": (client_command, lambda name: ["explain", "--", name]),
    "client explain --stage": (client_command, lambda name: ["explain", "skyways", f"--stage={name}"]),
    "client check": (client_command, lambda name: ["check", "--", name]),
    "client add": (client_command, lambda name: ["add", "--from", "rows.csv", "--target", "y", "--no-smoke", "--", name]),
    "fleet log": (fleet_command, lambda name: ["log", "--", name]),
    "report run --clients": (report_command, lambda name: ["run", "model_card", f"--clients={name}"]),
    "report run": (report_command, lambda name: ["run", "--clients=skyways", "--", name]),
    "schedule pause": (report_command, lambda name: ["schedule", "pause", "--", name]),
    "schedule pause NAME": (report_command, lambda name: ["schedule", "pause", "skyways", "--", name]),
    "schedule slot": (report_command, lambda name: ["schedule", "slot", "--dry-run", "--", name, "weekly"]),
    "schedule slot NAME": (report_command, lambda name: ["schedule", "slot", "--dry-run", "skyways", "--", name]),
    "schedule history": (report_command, lambda name: ["schedule", "history", f"--client={name}"]),
    "schedule list": (report_command, lambda name: ["schedule", "list", f"--clients={name}"]),
    "notebook new": (notebook_command, lambda name: ["new", "--dry-run", "explore", f"--client={name}"]),
    "notebook new TEMPLATE": (notebook_command, lambda name: ["new", "--dry-run", "--client=skyways", "--", name]),
    "notebook new --name": (notebook_command, lambda name: ["new", "--dry-run", "explore", "--client=skyways", f"--name={name}"]),
}  # fmt: skip

TAKEN_AWAY = {" skyways", "skyways\n"}
NEW = {"skyway", "skyways_2", "Skyways", "SKYWAYS", "CON", "con", "nul", "aux", "prn", "com1", "lpt9"}
"""Names that something new may have, or that mean the default."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "rows.csv").write_text("id,y\n" + "".join(f"{n},{n % 2}\n" for n in range(40)))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_hostile_names_and_writes_nothing(
    project: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    before = listing(project)
    group, arguments = COMMANDS[command]
    for name in HOSTILE:
        if (command in {"notebook new --name", "client add"} and (name in NEW and not is_device(name.lower()))) or (
            ("--clients" in command or command == "schedule list") and name in TAKEN_AWAY
        ):
            continue
        if name == "" and command in {"client explain --stage", "notebook new --name", "notebook new"}:
            continue  # the same as leaving the option out
        done = CliRunner().invoke(group, arguments(name), obj=SimpleNamespace(project_path=project))
        assert done.exit_code not in {0, None}, (command, name, done.output)
        assert isinstance(done.exception, SystemExit), (command, name, done.exception)
    assert listing(project) == before


def listing(folder: Path) -> list[str]:
    return sorted(
        str(path) for path in folder.rglob("*") if path.name != ".workbench" and ".workbench" not in path.parts
    )


@pytest.mark.parametrize("name", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_a_device_is_no_client_though_there_be_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "conf/clients" / name
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text((ROOT / "conf/clients/clinic/client.yml").read_text().replace("clinic", name, 1))
    assert ClientRegistry(tmp_path).ids() == []
    with pytest.raises(WorkbenchError, match="device"):
        ClientRegistry(tmp_path).folder(name)


def test_names_that_differ_in_case_alone_are_not_two_clients(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf/clients/clinic", tmp_path / "conf/clients/clinic")
    shutil.copytree(ROOT / "conf/clients/clinic", tmp_path / "conf/clients/Clinic")
    assert ClientRegistry(tmp_path).ids() == ["clinic"]
    assert len(list((tmp_path / "conf/clients").iterdir())) == 2
