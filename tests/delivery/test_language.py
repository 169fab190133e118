"""Whoever gets a report is written to in the client's language, and on the client's calendar."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.clients.delivery import ChatDelivery, EmailDelivery
from workbench.delivery import Parcel
from workbench.delivery.chat import ChatCourier
from workbench.delivery.index import index_page
from workbench.delivery.mail import message_for
from workbench.reports.locale import say


@pytest.fixture
def german(parcel: Parcel) -> Parcel:
    items = tuple(replace(item, title=say(item.title, in_locale="de_CH")) for item in parcel.items)
    return replace(parcel, locale="de_CH", timezone="Europe/Zurich", items=items)


def mail_to(parcel: Parcel, **changes: Any) -> Any:
    fields = {"kind": "email", "host": "127.0.0.1", "sender": "reports@smithright.example", "to": ["ann@acme.example"]}
    return message_for(parcel, EmailDelivery(**fields | changes), "ann@acme.example")


def test_a_mail_speaks_german(german: Parcel) -> None:
    message = mail_to(german)
    assert message["Subject"] == "Acme <Ltd>: Modellbericht (24. November 2026)"
    assert message["Content-Language"] == "de"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "Im Anhang: Modellbericht.\n\nFragen an fleet@smithright.example\n" in text
    assert '<div lang="de"' in html
    assert "color:#1b1f24;background:#ffffff" in html, "ink has its paper, whatever a mail program's is"
    assert "Im Anhang: Modellbericht.<br>Fragen an fleet@smithright.example</p>" in html


def test_french_puts_a_space_before_the_colon_of_a_subject(parcel: Parcel) -> None:
    assert replace(parcel, locale="fr").subject == "Acme <Ltd>\N{NO-BREAK SPACE}: Model card"


def test_a_mail_without_attachments_does_not_speak_of_any(german: Parcel) -> None:
    for parcel, closing in (
        (german, "Erstellt: Modellbericht."),
        (replace(german, locale="en"), "Made: Modellbericht."),
    ):
        assert closing in mail_to(parcel, attach=False).get_body(("plain",)).get_content()


def test_the_slot_is_on_the_day_that_the_clients_calendar_shows(parcel: Parcel) -> None:
    late = datetime(2026, 11, 23, 18, tzinfo=UTC)
    assert mail_to(replace(parcel, due=late))["Subject"].endswith("(23 November 2026)")
    assert mail_to(replace(parcel, due=late, timezone="Pacific/Auckland"))["Subject"].endswith("(24 November 2026)")


def test_a_chat_speaks_french(http: Any, parcel: Parcel, secrets: Any) -> None:
    french = replace(parcel, locale="fr")
    delivery = ChatDelivery(kind="chat", url_variable="ACME__CHAT")
    ChatCourier(delivery, secrets(ACME__CHAT=f"json://127.0.0.1:{http.port}/x")).send(french, "x")
    (request,) = http.got
    said = json.loads(request.body)["message"]
    assert "Questions\N{NO-BREAK SPACE}: fleet@smithright.example" in said
    assert "Questions to" not in said


def test_the_page_that_lists_reports_speaks_german_by_the_schedules_clock(tmp_path: Path, german: Parcel) -> None:
    assert "Noch kein Bericht." in index_page(tmp_path, "Acme", "de_CH")
    slot = tmp_path / german.schedule / german.slot
    slot.mkdir(parents=True)
    (slot / "parcel.json").write_text(json.dumps(german.to_dict()))
    page = index_page(tmp_path, "Acme", "de_CH")
    for part in ('<html lang="de">', "<h1>Berichte</h1>", ">Termin<", "24. November 2026, 07:00 Europe/Zurich"):
        assert part in page
    assert ">Modellbericht</a>" in page
    assert "Reports" not in page


def test_parcels_of_before_are_listed_by_utc(tmp_path: Path, parcel: Parcel) -> None:
    record = parcel.to_dict()
    del record["locale"], record["timezone"]
    slot = tmp_path / parcel.schedule / parcel.slot
    slot.mkdir(parents=True)
    (slot / "parcel.json").write_text(json.dumps(record))
    assert "24 November 2026, 06:00 UTC" in index_page(tmp_path, "Acme")
