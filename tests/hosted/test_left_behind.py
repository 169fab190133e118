"""What a tuning has left behind is known, said and taken down, though the process that made it knows nothing any more."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from hosted_killing import killed_at
from hosted_world import CLIENT, World

from workbench.cli.tune import tune
from workbench.errors import ConfigurationError
from workbench.hosted import overview
from workbench.targets.azure_openai.evaluations import DEPLOYMENT, KEPT, keep
from workbench.targets.book import TUNING, Book, State


def typed(world: World, *words: str) -> str:
    """What ``kedro tune …`` prints."""
    project = SimpleNamespace(project_path=world.project)
    done = CliRunner().invoke(tune, [*words, "--env", "clients/acme"], obj=project, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def killed_after(world: World, call: str) -> None:
    """A tuning that died when a request had had its effect, and before its answer came."""
    world.bring_store()
    world.openai.queue = 10**6
    assert killed_at(0, world.tune, world.openai, on=call) == -signal.SIGKILL
    assert {row.remote for row in world.book.resources() if row.state == "planned"} == {""}
    world.openai.lag = 1  # the next list does not show it yet


def test_a_job_whose_answer_nobody_heard_is_cancelled_too(world: World) -> None:
    """It runs, and is paid by what it trains; its row in the ledger has no id that leads to it."""
    killed_after(world, "POST .*/jobs$")
    shown = overview.look(world.project, "acme")
    assert [(one.remote, one.status) for one in overview.running(shown)] == [("ftjob-0001", "queued")]
    said = typed(world, "down", "--all")
    assert world.openai.jobs["ftjob-0001"].job.status == "cancelled"
    assert world.openai.files == {}
    assert "job ftjob-0001 was cancelled" in said
    assert world.book.resources() == []


def test_a_job_without_a_label_is_found_by_what_it_is_made_of(azure: World) -> None:
    """Azure's dated API has no labels."""
    azure.deploy["api_version"] = "2024-10-21"
    azure.configure()
    killed_after(azure, "POST .*/jobs$")
    others = azure.openai.jobs["ftjob-0001"].job.model_copy(update={"id": "ftjob-0000", "seed": 99})
    azure.openai.jobs["ftjob-0000"] = type(azure.openai.jobs["ftjob-0001"])(others)
    running = overview.running(overview.look(azure.project, "acme"))
    assert [one.remote for one in running] == ["ftjob-0001"]


def test_a_file_whose_answer_nobody_heard_is_removed_too(world: World) -> None:
    killed_after(world, "POST .*/files$")
    assert len(world.openai.files) == 1
    typed(world, "down", "--all")
    assert world.openai.files == {}


def test_what_was_never_asked_for_is_looked_for_at_no_service(world: World) -> None:
    world.book.plan("tuning_job", "0123456789abcdef", None, {"model": "m", "training_file": "f"})
    (one,) = overview.look(world.project, "acme")
    assert (one.remote, one.status) == ("", "")
    assert world.openai.requests == []
    assert "job 0123456789abcdef was never made" in typed(world, "down", "--all")


def test_a_job_that_the_service_does_not_know_any_more_is_gone(world: World) -> None:
    world.book.plan("tuning_job", "0123456789abcdef", None, {"model": "m"})
    world.book.note("tuning_job", "0123456789abcdef", "created", remote="ftjob-0404")
    shown = overview.look(world.project, "acme")
    assert [(one.remote, one.status) for one in shown] == [("ftjob-0404", "gone")]
    assert overview.running(shown) == []


def test_each_thing_is_said_to_have_ended_as_it_has(world: World) -> None:
    world.tune()
    names = [row.name for row in world.book.resources() if row.kind == "file"]
    would = typed(world, "down", "--all", "--dry-run")
    assert [f"file {name} would be removed" in would for name in names] == [True, True]
    assert len(world.openai.files) == 2
    said = typed(world, "down", "--all")
    assert [f"file {name} was removed" in said for name in names] == [True, True]
    assert "job ftjob-0001 succeeded: nothing of it costs any more" in said


def test_where_nothing_was_made_no_account_is_needed(world: World) -> None:
    """A client that tunes on this machine, or not at all."""
    path = world.project / "conf/clients/acme/client.yml"
    path.write_text(yaml.safe_dump(CLIENT))
    assert overview.look(world.project, "acme") == []
    assert typed(world, "status") == "Nothing was made at a service.\n"


def test_what_is_not_in_the_ledger_is_not_taken_down(azure: World) -> None:
    """It may be the client's own, made by hand in the same account."""
    azure.book.plan(DEPLOYMENT, "acme-tune-0a1b2c3d", None, {"model": "m"})
    said = r"'somebody-elses' was made by no tuning.*tried: acme-tune-0a1b2c3d.*kedro tune status"
    with pytest.raises(ConfigurationError, match=said):
        overview.take_down(azure.project, "acme", "somebody-elses")
    assert azure.arm is not None
    assert azure.arm.requests == []


def test_an_account_that_is_not_named_any_more_is_asked_for(world: World) -> None:
    """A client that went from Azure to OpenAI, and whose comparison is up at Azure."""
    world.book.plan(DEPLOYMENT, "acme-tune-0a1b2c3d", None, {"model": "m"})
    said = (
        r"deployments of its tunings in an Azure account.*hosted.service: openai, hosted.target: none.*tune down --all"
    )
    with pytest.raises(ConfigurationError, match=said):
        overview.take_down(world.project, "acme", "acme-tune-0a1b2c3d")
    with pytest.raises(ConfigurationError, match=said):
        overview.look(world.project, "acme")


@pytest.mark.parametrize("state", ["planned", "deleting", "gone"])
def test_only_what_is_up_is_kept(tmp_path: Path, state: State) -> None:
    """What is coming up or going down has an operation that is waited for, and what is gone must not come back."""
    book = Book(tmp_path, "acme", TUNING)
    book.plan(DEPLOYMENT, "acme-tune-0a1b2c3d", None, {"model": "m"})
    book.note(DEPLOYMENT, "acme-tune-0a1b2c3d", state, operation="operation 7")
    before = book.find(DEPLOYMENT, "acme-tune-0a1b2c3d")
    keep(book, "acme-tune-0a1b2c3d")
    assert book.find(DEPLOYMENT, "acme-tune-0a1b2c3d") == before
    keep(book, "somebody-elses")
    assert book.find(DEPLOYMENT, "somebody-elses") is None


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    """Between the two writes of a row it counts as one that is coming up."""
    book = Book(tmp_path, "acme", TUNING)
    book.plan(DEPLOYMENT, "acme-tune-0a1b2c3d", None, {"model": "m"})
    book.note(DEPLOYMENT, "acme-tune-0a1b2c3d", "created", operation="seen")
    keep(book, "acme-tune-0a1b2c3d")
    row = book.find(DEPLOYMENT, "acme-tune-0a1b2c3d")
    assert row is not None
    assert (row.state, row.facts, row.operation) == ("created", {"model": "m", KEPT: True}, "")
    book.note(DEPLOYMENT, "acme-tune-0a1b2c3d", "created", operation="seen since")
    kept = book.find(DEPLOYMENT, "acme-tune-0a1b2c3d")
    keep(book, "acme-tune-0a1b2c3d")
    assert book.find(DEPLOYMENT, "acme-tune-0a1b2c3d") == kept
