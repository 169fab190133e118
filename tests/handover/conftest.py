"""A project with a champion, a second client beside it, and this test's own signing key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's private key lies."""
    path = tmp_path / "keys" / "signing_key"
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", str(path))
    return path


@pytest.fixture
def two_clients(clinic_copy: Path, signing_key: Path) -> Path:
    """``clinic`` with a champion, and ``zebra_9``, whose name stands in its data, models, runs and configuration."""
    from workbench.registry.store import open_store

    other = clinic_copy / "conf/clients/zebra_9"
    shutil.copytree(clinic_copy / "conf/clients/clinic", other)
    text = (other / "client.yml").read_text()
    (other / "client.yml").write_text(
        text.replace("id: clinic", "id: zebra_9").replace("title: Clinic", "title: zebra_9")
    )
    for root in ("data", "models", ".mlflow/artifacts", "notebooks/explore"):
        (clinic_copy / root / "zebra_9").mkdir(parents=True)
        (clinic_copy / root / "zebra_9" / "zebra_9.txt").write_text("zebra_9")
    store = open_store(clinic_copy)
    run = store.api.create_run(store.experiment("zebra_9"), tags={"client": "zebra_9"})
    store.api.log_param(run.info.run_id, "whose", "zebra_9")
    store.api.create_registered_model("zebra_9", description="of zebra_9")
    store.api.create_model_version("zebra_9", source="file:///zebra_9", run_id=run.info.run_id)
    return clinic_copy
