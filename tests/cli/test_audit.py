"""``kedro fleet audit …``, and the actions that are put on record."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from workbench import audit
from workbench.audit.log import Lines
from workbench.cli.fleet import fleet
from workbench.cli.schedule import schedule

Kedro = Callable[..., subprocess.CompletedProcess[str]]


def invoke(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(fleet, ["audit", *arguments], obj=SimpleNamespace(project_path=project))


def test_show_is_for_people_and_programs(tmp_path: Path) -> None:
    assert "No record yet." in invoke(tmp_path).output
    audit.record(tmp_path, "client.added", client="acme", rows=7)
    audit.record(tmp_path, "client.added", client="acme_2", rows=8)
    assert "rows=7" in invoke(tmp_path).output
    shown = invoke(tmp_path, "show", "--client", "acme").output
    assert "rows=7" in shown
    assert "rows=8" not in shown
    assert [one["client"] for one in json.loads(invoke(tmp_path, "show", "--json").output)] == ["acme", "acme_2"]


def test_verify_names_the_first_bad_line(tmp_path: Path) -> None:
    audit.record(tmp_path, "client.added", client="acme")
    assert "✓ 1 records; head" in invoke(tmp_path, "verify").output
    path = Lines.path(tmp_path)
    path.write_text(path.read_text().replace("acme", "acne"))
    done = invoke(tmp_path, "verify")
    assert done.exit_code == 1
    assert f"✗ {path}:1: record 1 is not the one that its head has seen" in done.output
    assert json.loads(invoke(tmp_path, "verify", "--json").output)["line"] == 1


def test_an_anchor_is_begun_compared_and_added_to(tmp_path: Path) -> None:
    project, anchor = tmp_path / "project", tmp_path / "kept" / "anchor"
    for _ in range(2):
        audit.record(project, "thing.done")
        assert invoke(project, "verify", "--anchor", str(anchor)).exit_code == 0
        assert invoke(project, "verify", "--anchor", str(anchor)).exit_code == 0
    assert len(anchor.read_text().splitlines()) == 2
    shutil.rmtree(project)
    audit.record(project, "thing.done")
    before = anchor.read_text()
    assert (
        "record 1 is not the one that an anchor has seen" in invoke(project, "verify", "--anchor", str(anchor)).output
    )
    assert anchor.read_text() == before
    anchor.write_text("{}")
    assert "this is no anchor" in invoke(project, "verify", "--anchor", str(anchor)).output


@pytest.mark.slow
@pytest.mark.integration
def test_a_run_is_on_record_from_its_begin_to_its_end(tmp_path: Path, kedro: Kedro) -> None:
    tiny = Path(shutil.copytree(Path(__file__).parents[1] / "fleet" / "tiny_project", tmp_path / "tiny"))
    (tiny / "conf/clients/alpha/parameters.yml").write_text("act: raise\n")
    kedro(tiny, "run", "--env", "clients/alpha", check=False)
    kedro(tiny, "fleet", "run", "--clients", "beta", "--pipeline", "gate")
    found = list(audit.entries(tiny))
    assert [(one.action, one.client, (one.facts or {}).get("state")) for one in found] == [
        ("run.begun", "alpha", None),
        ("run.ended", "alpha", "failed"),
        ("run.begun", "beta", None),
        ("run.ended", "beta", "succeeded"),
    ]
    assert [one.command for one in found[:2]] == ["kedro run", "kedro run"]
    assert audit.verify(tiny).ok
    # A run that cannot be put on record does not begin.
    Lines.path(tiny).unlink()
    Lines.path(tiny).mkdir()
    refused = kedro(tiny, "run", "--env", "clients/beta", "--pipeline", "gate", check=False)
    assert "the audit log cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr
    from workbench.fleet.ledger import Ledger

    assert Ledger.of(tiny).history("beta")[0].state == "failed"


def test_pausing_a_schedule_is_on_record(project: Path) -> None:
    for what in ("pause", "resume"):
        CliRunner().invoke(
            schedule, [what, "skyways", "weekly"], obj=SimpleNamespace(project_path=project), catch_exceptions=False
        )
    assert [(one.command, one.action, one.client, one.facts) for one in audit.entries(project)] == [
        ("schedule pause", "schedule.paused", "skyways", {"schedule": "weekly"}),
        ("schedule resume", "schedule.resumed", "skyways", {"schedule": "weekly"}),
    ]


@pytest.mark.slow
def test_the_whole_pipeline_put_its_promotion_on_record(clinic_project: Path) -> None:
    promoted = [one for one in audit.entries(clinic_project) if one.action == "model.promoted"]
    assert [(one.client, one.facts["version"], one.facts["champion_before"]) for one in promoted] == [
        ("clinic", 1, None)
    ]
    assert audit.verify(clinic_project).ok
