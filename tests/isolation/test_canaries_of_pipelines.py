"""Two clients with canaries go through all real pipelines at once: none of the one's is in anything of the other's."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from workbench import audit
from workbench.erasure.needle import Needle
from workbench.erasure.scan import hits_in
from workbench.fleet.child import log_of
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import Cell
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View

pytestmark = [pytest.mark.slow, pytest.mark.integration]

CLIENTS = ("acme", "acme_2")
KINDS = ("CATEGORY", "FREETEXT", "COLUMN", "SECRET", "TITLE", "OWNER", "ABOUT")
ROWS = 600


def canaries(client: str, seed: int) -> dict[str, str]:
    chance = random.Random(f"{client}{seed}")
    return {kind: f"canary{kind.lower()}{chance.getrandbits(64):016x}" for kind in KINDS}


def plant(project: Path, client: str, words: dict[str, str], seed: int) -> None:
    """A client whose words stand in values, in a column's name, in its configuration and in its environment."""
    chance = random.Random(f"{client}{seed}")
    conf, landing = project / "conf/clients" / client, project / "data" / client / "00_landing"
    conf.mkdir(parents=True, exist_ok=True)
    landing.mkdir(parents=True, exist_ok=True)
    (conf / "client.yml").write_text(
        f"id: {client}\ntitle: {words['TITLE']}\nowner: {words['OWNER']}@agency.example\n"
        f"description: {words['ABOUT']}\n"
        f"sources: {{orders: {{kind: csv, path: data/{client}/00_landing/orders.csv}}}}\n"
        "key: [id]\ntarget: late\ntask: binary\nrecipe: auto\nmetric: {name: roc_auc}\nbudgets: {train_seconds: 20}\n"
    )
    (conf / "parameters.yml").write_text(
        "train: {candidates: [tabm, linear]}\n"
        "evaluate: {calibration_limit: 1.0} # whether the model is good is no matter here\n"
    )
    lines = [f"id,region,{words['COLUMN']},note,late"]
    for row in range(ROWS):
        amount = chance.gauss(0, 1)
        region = words["CATEGORY"] if row % 3 else "elsewhere"
        lines.append(
            f"{client}{row},{region},{amount:.3f},{words['FREETEXT']} {row},{int(amount + chance.gauss(0, 0.3) > 0)}"
        )
    (landing / "orders.csv").write_text("\n".join(lines) + "\n")


def places(project: Path, temporary: Path, client: str) -> list[Path]:
    roots = [project / root / client for root in ("data", "models", ".mlflow/artifacts", "deliveries")]
    files = [path for root in roots for path in root.rglob("*") if path.is_file()]
    files += [log_of(project, run.number) for run in Ledger.of(project).history(client)]
    return [*files, *(path for path in temporary.rglob("*") if path.is_file())]


def rows_of(project: Path, client: str) -> str:
    """What MLflow's store, the ledger and the audit log say of a client."""
    names = {"client": client}
    runs = "run_uuid IN (SELECT run_uuid FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name = :client)"
    with closing(sqlite3.connect(project / ".mlflow/mlflow.db")) as connection:
        said = [connection.execute(f"SELECT * FROM {table} WHERE {runs}", names).fetchall()
                for table in ("runs", "params", "tags", "latest_metrics")]  # fmt: skip
        said += [connection.execute(f"SELECT * FROM {table} WHERE name = :client", names).fetchall()
                 for table in ("experiments", "registered_models", "model_versions", "model_version_tags")]  # fmt: skip
    assert all(said[:2]), "MLflow recorded no run: nothing would be shown"
    assert said[6], "and no version"
    rows = [run.to_dict() for run in Ledger.of(project).history(client)]
    return repr([said, rows, [entry.to_dict() for entry in audit.entries(project) if entry.client == client]])


@pytest.mark.parametrize("cold", [False, True])
def test_all_pipelines_side_by_side_leak_nothing(project: Path, tmp_path: Path, cold: bool) -> None:
    seed = int(os.environ.get("CANARY_SEED", "7"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    words = {client: canaries(client, seed) for client in CLIENTS}
    for client in CLIENTS:
        plant(project, client, words[client], seed)
    environ = os.environ | {f"{client.upper()}__PASSWORD": words[client]["SECRET"] for client in CLIENTS}
    environ |= {"TMPDIR": str(temporary)}
    fleet = Fleet(
        project, [Cell(client, "__default__") for client in CLIENTS],
        workers=2, max_failures=None, view=View(), environ=environ, cold=cold,
    )  # fmt: skip
    done = fleet.run()
    assert done.exit_code == 0, [(run.client, run.error) for run in done.runs]
    for client, other in (CLIENTS, CLIENTS[::-1]):
        own, foreign = (Needle([words[one][kind] for kind in KINDS]) for one in (client, other))
        looked = places(project, temporary, client)
        leaks = [(str(path), inside) for path in looked for inside in hits_in(path, foreign)]
        assert leaks == []
        assert not foreign.pattern.search(rows_of(project, client).encode())
        assert len(looked) > 40, "too little was looked at"
        shown = {path.name for path in looked for _ in hits_in(path, own)}
        assert {"orders.parquet", "primary.parquet", "model_card.html", "ingest.json"} <= shown, (
            "what is searched for is there"
        )
        secret = Needle([words[client]["SECRET"]])
        assert [path for path in looked for _ in hits_in(path, secret)] == [], "nor is a secret anywhere at all"
