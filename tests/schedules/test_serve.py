"""One slot: made once, delivered once to each, whatever goes wrong in between."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench import audit
from workbench.errors import Busy, ConfigurationError, DeliveryError, DeliveryInDoubt, ReportError, Unreachable
from workbench.schedules import receipts
from workbench.schedules.book import SlotBook
from workbench.schedules.parcels import read_parcel
from workbench.schedules.serve import serve

DUE = datetime(2026, 11, 24, 6, tzinfo=UTC)
DAILY: dict[str, Any] = {"daily": {"cron": "0 6 * * *", "templates": ["model_card"], "deliver": ["site"]}}


class Courier:
    """Does to each parcel what it is told to."""

    def __init__(self, *, may_repeat: bool, answers: list[Any]) -> None:
        self.recipients = ("ann", "bob")
        self.may_repeat, self.answers = may_repeat, answers
        self.got: list[str] = []

    def send(self, parcel: Any, recipient: str) -> str:
        answer = self.answers.pop(0) if self.answers else "ok"
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        self.got.append(recipient)
        return str(answer)


@pytest.fixture
def courier(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Courier]:
    def make(*answers: Any, may_repeat: bool = False) -> Courier:
        made = Courier(may_repeat=may_repeat, answers=list(answers))
        monkeypatch.setattr(receipts, "courier_for", lambda *_, **__: made)
        return made

    return make


def test_a_renderer_is_told_the_slot_and_the_parcel_knows_language_and_clock(fleet: Any, rendered: Any) -> None:
    project = fleet(acme={"daily": DAILY["daily"] | {"timezone": "Europe/Zurich"}})
    path = project / "conf/clients/acme/client.yml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"brand": {"locale": "de_CH"}}))
    seen: list[str] = []

    def render(project: Path, client: Any, schedule: Any, folder: Path, environ: Any) -> Any:
        seen.append(environ["WORKBENCH_SLOT"])
        return rendered(project, client, schedule, folder, environ)

    serve(project, "acme", "daily", datetime(2026, 11, 24, 5, tzinfo=UTC), render=render)
    assert seen == ["daily/20261124T050000Z"]
    folder = project / "data/acme/09_delivered/daily/20261124T050000Z"
    of = (folder, "acme", "daily", datetime(2026, 11, 24, 5, tzinfo=UTC))
    assert (read_parcel(*of).locale, read_parcel(*of).timezone) == ("de_CH", "Europe/Zurich")
    for index in (project / "data/acme/09_delivered/index.html", project / "deliveries/acme/reports/index.html"):
        assert "24. November 2026, 06:00 Europe/Zurich" in index.read_text()
    record = json.loads((folder / "parcel.json").read_text())
    del record["locale"], record["timezone"]  # as it was written before there were languages
    (folder / "parcel.json").write_text(json.dumps(record))
    assert read_parcel(*of).locale == "en"


def state(project: Path) -> tuple[str, int, str | None]:
    slot = SlotBook(project).history(None, 1)[0]
    return slot.state, slot.attempts, slot.reason


def states(project: Path) -> dict[str, str]:
    return {receipt.recipient: receipt.state for receipt in SlotBook(project).receipts([1])}


def test_it_is_made_once_and_lies_in_the_archive_and_at_the_destination(fleet: Any, rendered: Any) -> None:
    project = fleet(acme=DAILY)
    assert serve(project, "acme", "daily", DUE, render=rendered) is not None
    assert serve(project, "acme", "daily", DUE, render=rendered) is None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "signals do what they did before"
    assert rendered.calls == 1
    kept = project / "data/acme/09_delivered/daily/20261124T060000Z/model_card.html"
    sent = project / "deliveries/acme/reports/daily/20261124T060000Z/model_card.html"
    assert kept.read_bytes() == sent.read_bytes()
    (receipt,) = SlotBook(project).receipts([1])
    assert (receipt.destination, receipt.recipient, receipt.state) == ("site", "reports", "sent")
    assert receipt.digest == json.loads((kept.parent / "parcel.json").read_text())["digest"]
    assert receipt.templates == f"model_card@{'0' * 64}"
    assert 'href="daily/20261124T060000Z/model_card.html"' in (kept.parents[2] / "index.html").read_text()


def test_what_is_no_slot_is_refused_before_anything_is_written(fleet: Any, rendered: Any) -> None:
    project = fleet(acme=DAILY)
    with pytest.raises(ConfigurationError, match=r"06:01:00\+00:00 is not a slot of '0 6 \* \* \*'"):
        serve(project, "acme", "daily", DUE.replace(minute=1), render=rendered)
    with pytest.raises(ConfigurationError, match=r"no schedule 'weekly' \(tried: daily\)"):
        serve(project, "acme", "weekly", DUE, render=rendered)
    assert not (project / ".workbench").exists()


def test_a_report_that_fails_is_sent_to_nobody(fleet: Any, courier: Any) -> None:
    project, got = fleet(acme=DAILY), courier()

    def broken(*_: Any) -> Any:
        raise ReportError("cell 3 failed", where="report model_card")

    with pytest.raises(ReportError, match="cell 3 failed"):
        serve(project, "acme", "daily", DUE, render=broken)
    assert state(project) == ("failed", 1, "report model_card: cell 3 failed")
    assert got.got == []
    assert not list((project / "data/acme").rglob("*.html"))


def test_what_may_pass_is_tried_again_and_nobody_gets_two(
    fleet: Any, rendered: Any, courier: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("workbench.retrying._BACK_OFF", lambda _: 0.0)
    project = fleet(acme=DAILY)
    got = courier("ok", *[Unreachable("away")] * 4)
    with pytest.raises(Unreachable, match="away"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert state(project) == ("planned", 1, "away")
    assert states(project) == {"ann": "sent", "bob": "failed"}
    serve(project, "acme", "daily", DUE, render=rendered)
    assert got.got == ["ann", "bob"]
    assert rendered.calls == 1, "what is delivered later is what was delivered first"
    assert state(project) == ("delivered", 2, None)


def test_who_is_named_twice_gets_one(fleet: Any, rendered: Any, courier: Any) -> None:
    project = fleet(acme={"daily": DAILY["daily"] | {"deliver": ["site", "site"]}})
    got = courier()
    got.recipients = ("ann", "ann", "bob")
    serve(project, "acme", "daily", DUE, render=rendered)
    assert got.got == ["ann", "bob"]


def test_what_one_that_was_killed_left_half_written_is_removed(fleet: Any, rendered: Any) -> None:
    project = fleet(acme=DAILY)
    archive = project / "data/acme/09_delivered"
    (archive / "daily/.staging-1-20261124T060000Z").mkdir(parents=True)
    (archive / ".staging-2-index.html").touch()
    serve(project, "acme", "daily", DUE, render=rendered)
    assert sorted(path.name for path in archive.iterdir()) == ["daily", "index.html"]
    assert [path.name for path in (archive / "daily").iterdir()] == ["20261124T060000Z"]


def test_a_folder_that_does_not_say_what_it_holds_is_made_again(fleet: Any, rendered: Any, courier: Any) -> None:
    project, got = fleet(acme=DAILY), courier()
    (project / "data/acme/09_delivered/daily/20261124T060000Z").mkdir(parents=True)
    serve(project, "acme", "daily", DUE, render=rendered)
    assert (rendered.calls, got.got) == (1, ["ann", "bob"])


def test_who_got_one_gets_the_next(fleet: Any, rendered: Any, courier: Any) -> None:
    project, got = fleet(acme=DAILY), courier()
    for day in (24, 25):
        serve(project, "acme", "daily", DUE.replace(day=day), render=rendered)
    assert got.got == ["ann", "bob"] * 2


def test_after_all_attempts_it_is_given_up(fleet: Any, rendered: Any, courier: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("workbench.retrying._BACK_OFF", lambda _: 0.0)
    project = fleet(acme={"daily": {**DAILY["daily"], "retries": 1}})
    courier(*[Unreachable("away")] * 99)
    with pytest.raises(Unreachable):
        serve(project, "acme", "daily", DUE, render=rendered)
    with pytest.raises(DeliveryError, match=r"given up after 2 attempts: away; away.* --again"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert state(project)[0] == "failed"


def test_a_refusal_is_not_tried_again_and_keeps_no_one_else_from_theirs(
    fleet: Any, rendered: Any, courier: Any
) -> None:
    project = fleet(acme=DAILY)
    got = courier(DeliveryError("no such mailbox"), "ok")
    with pytest.raises(DeliveryError, match="no such mailbox"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert got.got == ["bob"]
    assert states(project) == {"ann": "failed", "bob": "sent"}
    assert serve(project, "acme", "daily", DUE, render=rendered) is None, "it has failed"
    serve(project, "acme", "daily", DUE, render=rendered, again=True)
    assert got.got == ["bob", "ann"]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("may_repeat", [False, True])
def test_a_death_while_sending_is_in_doubt_unless_repeating_does_no_harm(
    fleet: Any, rendered: Any, courier: Any, may_repeat: bool
) -> None:
    project = fleet(acme=DAILY)
    courier("ok", die, may_repeat=may_repeat)
    child = os.fork()
    if child == 0:
        serve(project, "acme", "daily", DUE, render=rendered)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert states(project) == {"ann": "sent", "bob": "sending"}
    after = courier(may_repeat=may_repeat)
    if may_repeat:
        serve(project, "acme", "daily", DUE, render=rendered)
        assert (after.got, state(project)[0]) == (["bob"], "delivered")
        return
    with pytest.raises(DeliveryInDoubt, match=r"not known if bob got it .* --again"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert (after.got, states(project)["bob"]) == ([], "in doubt")
    serve(project, "acme", "daily", DUE, render=rendered, again=True)
    assert after.got == ["bob"]


def test_while_another_process_serves_the_client_nothing_is_made(fleet: Any, rendered: Any) -> None:
    project = fleet(acme=DAILY)
    other = SlotBook(project).lock("acme")
    other.acquire("schedule weekly")
    with pytest.raises(Busy):
        serve(project, "acme", "daily", DUE, render=rendered)
    other.release()
    assert rendered.calls == 0
    assert serve(project, "acme", "daily", DUE, render=rendered) is not None


@pytest.mark.parametrize("seen", [None, False])
def test_a_slot_whose_process_is_gone_is_served_whether_it_can_be_seen_or_not(
    fleet: Any, rendered: Any, monkeypatch: pytest.MonkeyPatch, seen: bool | None
) -> None:
    """That of a pod which was evicted, or from before a reboot: who serves now is the one that holds the lock."""
    project = fleet(acme=DAILY)
    child = os.fork()
    if child == 0:
        SlotBook(project).claim("acme", "daily", DUE)
        os._exit(0)
    os.waitpid(child, 0)
    monkeypatch.setattr("workbench.schedules.book.Process.is_alive", lambda _: seen)
    assert serve(project, "acme", "daily", DUE, render=rendered) is not None
    assert state(project) == ("delivered", 2, None)


def test_a_signal_hands_the_slot_back(fleet: Any, rendered: Any, courier: Any) -> None:
    project = fleet(acme=DAILY)

    def stopped() -> str:
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "it would be the end of this process"
        os.kill(os.getpid(), signal.SIGTERM)
        return "never"

    courier(stopped, may_repeat=True)
    with pytest.raises(SystemExit):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert state(project) == ("planned", 0, "it was stopped"), "being stopped is no attempt"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_page_that_was_changed_after_it_was_made_is_not_sent(fleet: Any, rendered: Any, courier: Any) -> None:
    project = fleet(acme=DAILY)
    got = courier(DeliveryError("no"), DeliveryError("no"))
    with pytest.raises(DeliveryError):
        serve(project, "acme", "daily", DUE, render=rendered)
    kept = project / "data/acme/09_delivered/daily/20261124T060000Z/model_card.html"
    kept.write_text("<!doctype html>another</html>")
    for change in (lambda: None, kept.unlink):
        change()
        with pytest.raises(DeliveryError, match=r"model_card\.html is not what was rendered"):
            serve(project, "acme", "daily", DUE, render=rendered, again=True)
    assert got.got == []


def test_a_parcel_of_another_client_slot_or_schedule_is_sent_to_nobody(fleet: Any, rendered: Any, courier: Any) -> None:
    """Whoever copied the folder of one client over that of another: its files are whole, and fit their digests."""
    project = fleet(acme=DAILY, other=DAILY)
    got = courier(DeliveryError("no"), DeliveryError("no"))
    with pytest.raises(DeliveryError):
        serve(project, "acme", "daily", DUE, render=rendered)
    file = project / "data/acme/09_delivered/daily/20261124T060000Z/parcel.json"
    record = json.loads(file.read_text())
    changes = ({"client": "other"}, {"schedule": "weekly"}, {"due": "2026-11-23T06:00:00+00:00"})
    for change in changes:
        file.write_text(json.dumps(record | change))
        with pytest.raises(DeliveryError, match=r"client acme.*parcel\.json is that of .*, and is sent to nobody"):
            serve(project, "acme", "daily", DUE, render=rendered, again=True)
    assert got.got == []


@pytest.mark.parametrize("name", ["../../../../other/page.html", "linked.html"])
def test_a_parcel_holds_files_of_its_own_folder_alone(fleet: Any, rendered: Any, courier: Any, name: str) -> None:
    project = fleet(acme=DAILY)
    got = courier(DeliveryError("no"), DeliveryError("no"))
    with pytest.raises(DeliveryError):
        serve(project, "acme", "daily", DUE, render=rendered)
    folder = project / "data/acme/09_delivered/daily/20261124T060000Z"
    foreign = project / "data/other/page.html"
    foreign.parent.mkdir()
    foreign.write_bytes((folder / "model_card.html").read_bytes())
    (folder / "linked.html").symlink_to(foreign)
    record = json.loads((folder / "parcel.json").read_text())
    record["files"][0]["name"] = name
    (folder / "parcel.json").write_text(json.dumps(record))
    with pytest.raises(DeliveryError, match="is not what was rendered"):
        serve(project, "acme", "daily", DUE, render=rendered, again=True)
    assert got.got == []


def test_a_delivery_is_on_record_without_the_address(fleet: Any, rendered: Any, courier: Any) -> None:
    project = fleet(acme=DAILY)
    courier(DeliveryError("no such mailbox"), "ok")
    with pytest.raises(DeliveryError):
        serve(project, "acme", "daily", DUE, render=rendered)
    (entry,) = (one for one in audit.entries(project) if one.action == "report.delivered")
    assert entry.client == "acme"
    digest = SlotBook(project).receipts([1])[1].digest
    assert entry.facts == {"slot": 1, "schedule": "daily", "destination": "site", "sha256": digest}


def test_a_signal_at_the_very_end_leaves_the_slot_delivered(
    fleet: Any, rendered: Any, courier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody has it by then: handed back, it would be begun again for nothing."""
    project, got = fleet(acme=DAILY), courier()
    end = SlotBook.end

    def interrupted(self: SlotBook, *what: Any, **options: Any) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return end(self, *what, **options)

    monkeypatch.setattr(SlotBook, "end", interrupted)
    child = os.fork()
    if child == 0:
        serve(project, "acme", "daily", DUE, render=rendered)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM, "it heeds it afterwards"
    assert state(project) == ("delivered", 1, None)
    assert got.got == []  # it was in the fork


def test_a_fault_of_ours_fails_the_slot_at_once(fleet: Any) -> None:
    project = fleet(acme=DAILY)

    def broken(_: Any, __: Any, ___: Any, folder: Path, ____: Any) -> Any:
        (folder / "model_card.html").write_text("<!doctype html>half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        serve(project, "acme", "daily", DUE, render=broken)
    assert state(project) == ("failed", 1, "ZeroDivisionError in the workbench")
    assert serve(project, "acme", "daily", DUE, render=broken) is None, "and it is not begun again"
    assert not list((project / "data/acme/09_delivered/daily").iterdir()), "a folder is there as a whole or not at all"
    assert not SlotBook(project).lock("acme").is_held()


def test_what_is_in_doubt_is_not_sent_again_because_another_was_away(
    fleet: Any, rendered: Any, courier: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("workbench.retrying._BACK_OFF", lambda _: 0.0)
    project = fleet(acme=DAILY)
    got = courier(DeliveryInDoubt("no answer"), *[Unreachable("away")] * 4)
    with pytest.raises(Unreachable):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert states(project) == {"ann": "in doubt", "bob": "failed"}
    with pytest.raises(DeliveryInDoubt, match=r"not known if ann got it \(no answer\)"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert got.got == ["bob"]
    assert states(project) == {"ann": "in doubt", "bob": "sent"}


def test_a_destination_that_is_not_allowed_keeps_no_other_from_its_parcel(fleet: Any, rendered: Any) -> None:
    deliver = {"outside": {"kind": "folder", "path": "/srv"}, "site": {"kind": "folder", "path": "reports"}}
    project = fleet(deliver, acme={"daily": DAILY["daily"] | {"deliver": ["outside", "site"]}})
    with pytest.raises(ConfigurationError, match="reports may not go to '/srv'"):
        serve(project, "acme", "daily", DUE, render=rendered)
    assert (project / "deliveries/acme/reports/daily/20261124T060000Z/model_card.html").is_file()
    assert states(project) == {"reports": "sent"}
