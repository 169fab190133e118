"""``kedro report schedule`` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.report import report
from workbench.errors import Unreachable
from workbench.schedules.book import SlotBook

ROOT = Path(__file__).parents[2]


def invoke(*arguments: str, project: Path = ROOT) -> Any:
    return CliRunner().invoke(report, ["schedule", *arguments], obj=SimpleNamespace(project_path=project))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The shipped clients, and a ledger of this test's own."""
    import shutil

    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    return tmp_path


def test_list(own: Path) -> None:
    rows = json.loads(invoke("list", "--json", project=own).stdout)
    assert [(row["client"], row["schedule"]) for row in rows] == [
        ("clinic", "nightly"), ("skyways", "weekly"), ("tradewinds", "monthly"),
    ]  # fmt: skip
    text = invoke("list", project=own).stdout
    assert "At 06:00 on Monday (America/New_York)" in text


def test_next_is_in_order_of_time(own: Path) -> None:
    rows = json.loads(invoke("next", "-n", "40", "--json", project=own).stdout)
    times = [datetime.fromisoformat(row["due"]) for row in rows]
    assert times == sorted(times)
    assert len(rows) == 40
    assert {row["client"] for row in rows} == {"clinic", "skyways", "tradewinds"}


def test_pause_and_resume(own: Path) -> None:
    assert "paused" in invoke("pause", "clinic", project=own).stdout
    (row,) = json.loads(invoke("list", "--clients", "clinic", "--json", project=own).stdout)
    assert row["next"] is None
    assert "next" in invoke("resume", "clinic", "nightly", project=own).stdout
    assert SlotBook(own).paused() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause", "clinic", "weekly"], "client clinic: there is no schedule 'weekly' (tried: nightly)"),
        (["pause", "clinc"], "did you mean 'clinic'?"),
        (["slot", "clinic", "nightly", "--due", "2026-11-24T02:30:00"], "not an instant with a time zone"),
        (["slot", "clinic", "nightly", "--due", "2026-11-24T02:31Z"], "is not a slot of '30 2 * * *' (UTC)"),
        (["list", "--clients", "nobody"], "client 'nobody' is not in the registry"),
        (["history", "--client", "../etc"], "is not a client id"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(own: Path, arguments: list[str], said: str) -> None:
    result = invoke(*arguments, project=own)
    assert result.exit_code in {1, 2}
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_slot_that_was_due_too_long_ago_is_left_alone(own: Path) -> None:
    result = invoke("slot", "clinic", "nightly", "--due", "2026-01-01T02:30Z", "--within", "50", project=own)
    assert (result.exit_code, result.stdout) == (0, "clinic nightly: no slot was due\n")
    assert SlotBook(own).history(None, 9) == []


def test_dry_runs_write_nothing(own: Path) -> None:
    assert "Nothing is due" in invoke("run", "--dry-run", project=own).stdout
    said = invoke("slot", "clinic", "nightly", "--due", "2026-11-24T02:30Z", "--dry-run", project=own).stdout
    assert said == "clinic nightly 2026-11-24T02:30Z: model_card, data_quality as html to site\n"
    assert not (own / ".workbench").exists()


def test_export_to_a_file(own: Path) -> None:
    target = own / "reports.yml"
    assert invoke("export", "--to", "kubernetes", "-o", str(target), project=own).exit_code == 0
    assert "skyways" in target.read_text()
    assert invoke("export", "--to", "pigeon", project=own).exit_code == 2


def test_what_an_earlier_attempt_had_to_leave_comes_first(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
    SlotBook(own).plan([("clinic", "nightly", earlier), ("skyways", "weekly", earlier)], [])
    served: list[datetime] = []

    def serve(_: Path, client: str, name: str, due: datetime, *, again: bool) -> str:
        served.append(due)
        if len(served) == 1:
            raise Unreachable("away")
        return "served"

    monkeypatch.setattr("workbench.schedules.serve.serve", serve)
    result = invoke("slot", "clinic", "nightly", project=own)
    assert (served[0], len(served)) == (earlier, 2), "its failure keeps no later one from being served"
    assert result.exit_code == 75
    served.clear()
    invoke("slot", "clinic", "nightly", "--due", "2026-03-01T02:30Z", project=own)
    assert served == [datetime(2026, 3, 1, 2, 30, tzinfo=UTC)]


@pytest.mark.slow
@pytest.mark.integration
def test_a_slot_from_its_notebooks_to_its_receipts(
    clinic_copy: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    due = "2026-11-24T02:30:00Z"
    said = kedro(clinic_copy, "report", "schedule", "slot", "clinic", "nightly", "--due", due).stdout
    assert said == "clinic nightly 2026-11-24T02:30Z: delivered\n"
    folder = clinic_copy / "deliveries/clinic/reports/nightly/20261124T023000Z"
    assert sorted(path.name for path in folder.iterdir()) == ["data_quality.html", "model_card.html", "parcel.json"]
    parcel = json.loads((folder / "parcel.json").read_text())
    assert parcel["summary"], "a message has something to say"
    (row,) = json.loads(kedro(clinic_copy, "report", "schedule", "history", "--json").stdout)
    assert (row["state"], [receipt["state"] for receipt in row["receipts"]]) == ("delivered", ["sent"])
    again = kedro(clinic_copy, "report", "schedule", "slot", "clinic", "nightly", "--due", due).stdout
    assert "was done already" in again


@pytest.mark.slow
@pytest.mark.integration
def test_a_report_that_fails_reaches_nobody(
    clinic_copy: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (clinic_copy / "data/clinic/08_reporting/evaluation.json").write_text("{}")
    done = kedro(clinic_copy, "report", "schedule", "slot", "clinic", "nightly", check=False)
    assert done.returncode == 1
    assert "client clinic, report model_card" in done.stderr
    assert not (clinic_copy / "deliveries").exists()
    assert not list((clinic_copy / "data/clinic/09_delivered").rglob("*.html"))
    (slot,) = SlotBook(clinic_copy).history("clinic", 9)
    assert slot.state == "failed"
    assert slot.started is not None
    assert slot.started <= datetime.now(UTC)


def test_the_list_loads_nothing_heavy(own: Path) -> None:
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom types import SimpleNamespace\n"
        "from workbench.cli.report import report\nimport pathlib\n"
        "done = CliRunner().invoke(report, ['schedule', 'list'], obj=SimpleNamespace(project_path=pathlib.Path.cwd()))\n"
        "assert done.exit_code == 0, done.output\n"
        "print(sorted({'torch', 'mlflow', 'pandas', 'pyarrow', 'ibis', 'apprise', 'papermill'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=own, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
