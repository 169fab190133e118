"""Two clients with planted canaries, run at once by the real fleet: none of the one's is anywhere in the other's."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from workbench import audit
from workbench.fleet.child import log_of
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import Cell
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View

ROUNDS = 20
"""MLflow records the runs of each; in every other round workers are forked warm, and in the rest they start cold."""

KINDS = ("DATA", "PARAMETER", "SECRET", "TITLE", "OWNER")
HERE = Path(__file__).parent


def canaries(client: str, seed: int) -> dict[str, str]:
    chance = random.Random(f"{client}{seed}")
    return {kind: f"canary{kind.lower()}{chance.getrandbits(64):016x}" for kind in KINDS}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(HERE.parent / "fleet" / "tiny_project", tmp_path / "project"))
    shutil.rmtree(folder / "conf/clients")
    for name in ("nodes.py", "pipeline_registry.py", "settings.py"):
        shutil.copy(HERE / "canary" / name, folder / "src/tiny" / name)
    shutil.copy(HERE / "canary" / "catalog.yml", folder / "conf/base/catalog.yml")
    return folder


def plant(project: Path, client: str, words: dict[str, str]) -> None:
    conf, incoming = project / "conf/clients" / client, project / "incoming" / client
    conf.mkdir(parents=True, exist_ok=True)
    incoming.mkdir(parents=True, exist_ok=True)
    (conf / "client.yml").write_text(
        f"id: {client}\ntitle: {words['TITLE']}\nowner: {words['OWNER']}@agency.example\n"
        "sources: {samples: {kind: sklearn, dataset: breast_cancer}}\n"
        "key: [sample_id]\ntarget: malignant\ntask: binary\nmetric: {name: roc_auc}\n"
    )
    (conf / "parameters.yml").write_text(f"act: {words['PARAMETER']}\n")
    (incoming / "rows.csv").write_text(f"a\n{words['DATA']}\n")


def anothers(text: str, words: dict[str, str]) -> list[str]:
    return [kind for kind, word in words.items() if word in text]


def check(project: Path, temporary: Path, client: str, own: dict[str, str], other: dict[str, str]) -> int:
    """Look through all that is a client's; how many places were looked at."""
    looked = 0
    places = [project / "data" / client, project / "models" / client, project / ".mlflow/artifacts" / client]
    files = [path for place in (*places, *temporary.glob(f"{client}-*")) for path in place.rglob("*") if path.is_file()]
    files += [log_of(project, run.number) for run in Ledger.of(project).history(client)]
    for path in files:
        text = path.read_bytes().decode(errors="replace")
        assert not anothers(text, other), f"{path} of {client} has the other's {anothers(text, other)}"
        looked += 1
    rows = [run.to_dict() for run in Ledger.of(project).history(client)]
    rows += [entry.to_dict() for entry in audit.entries(project) if entry.client == client]
    assert not anothers(json.dumps(rows), other), f"a row about {client} has the other's"
    seen = json.loads((project / "data" / client / "seen.json").read_text())
    assert seen["has_own"], "the secret of its own did not reach the client: nothing would be shown"
    assert own["SECRET"] in seen["environment"].values()
    for kind in ("DATA", "PARAMETER", "TITLE"):
        assert own[kind] in (project / "data" / client / "08_reporting/page.html").read_text()
    return looked + len(rows)


def check_mlflow(project: Path, client: str, own: dict[str, str], other: dict[str, str]) -> None:
    """Every row of MLflow's database that names the client's experiment, runs or model."""
    with sqlite3.connect(project / ".mlflow/mlflow.db") as connection:
        ask = lambda text: connection.execute(text, {"client": client}).fetchall()  # noqa: E731
        of_runs = "run_uuid IN (SELECT run_uuid FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name = :client)"
        rows = [ask(f"SELECT * FROM {table} WHERE {of_runs}") for table in ("runs", "params", "tags", "latest_metrics")]
        rows += [ask(f"SELECT * FROM {table} WHERE name = :client") for table in ("experiments", "registered_models")]
    connection.close()
    assert rows[0], "the rounds that are tracked left no run"
    assert rows[-1], "and no model"
    assert own["TITLE"] in repr(rows[-1])
    assert not anothers(repr(rows), other), f"MLflow has the other's {anothers(repr(rows), other)} at {client}"


@pytest.mark.slow
@pytest.mark.integration
def test_twenty_interleavings_leak_nothing(project: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("CANARY_SEED", "0")) or time.time_ns() % 1_000_000
    print(f"CANARY_SEED={seed}")  # pytest shows it when the test fails
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    looked = 0
    for round_ in range(ROUNDS):
        clients = ["acme", "acme_2"]
        random.Random(seed + round_).shuffle(clients)
        words = {client: canaries(client, seed + round_) for client in clients}
        for client in clients:
            plant(project, client, words[client])
        environ = os.environ | {f"{client.upper()}__PASSWORD": words[client]["SECRET"] for client in clients}
        environ |= {"CANARY_SEED": str(seed + round_), "TMPDIR": str(temporary)}
        cells = [Cell(client, "canary") for client in clients]
        fleet = Fleet(
            project,
            cells,
            workers=2,
            max_failures=None,
            view=View(),
            environ=environ,
            force=True,
            cold=round_ % 2 == 0,
        )
        assert fleet.run().exit_code == 0, f"seed {seed}, round {round_}"
        for client, other in (clients, clients[::-1]):
            looked += check(project, temporary, client, words[client], words[other])
            check_mlflow(project, client, words[client], words[other])
    assert looked > ROUNDS * 10
    assert audit.verify(project).ok


@pytest.mark.slow
@pytest.mark.parametrize("where", ["data/acme/x/y.bin", ".mlflow/artifacts/acme/run/z", "tmp"])
def test_a_leak_would_be_found(project: Path, tmp_path: Path, where: str) -> None:
    temporary = tmp_path / "tmp"
    path = temporary / "acme-1" / "rows" if where == "tmp" else project / where
    path.parent.mkdir(parents=True)
    other = canaries("acme_2", 1)
    path.write_bytes(b"\0\xff" + other["DATA"].encode())
    with pytest.raises(AssertionError, match=r"has the other's \['DATA'\]"):
        check(project, temporary, "acme", canaries("acme", 1), other)
