"""No known secret in a log, on standard output or error, or in a traceback, however it is written or split."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import subprocess
import sys
import threading
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import DataError
from workbench.fleet.sentence import sentence_of
from workbench.secrets.redaction import REDACTED, forget, guarded, redact, redact_text, remember
from workbench.secrets.redaction.streams import RedactingStream

CANARY = "cAnary/8f3a+1c=x y'z"
FORMS = {
    "plain": CANARY,
    "repr": repr(CANARY),
    "repr of bytes": repr(CANARY.encode()),
    "in a nested mapping": repr({"a": [{"b": (CANARY,)}]}),
    "json": json.dumps({"x": CANARY}),
    "quoted": f"https://x.example/?q={quote(CANARY, safe='')}",
    "quoted in a path": quote(CANARY),
    "quoted in a form": quote_plus(CANARY),
    "quoted in small letters": quote(CANARY, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
    "userinfo": f"postgresql://me:{quote(CANARY, safe='')}@db.example/x",
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 among others": base64.b64encode(f"user:{CANARY}".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(f"??>{CANARY}".encode()).decode(),
    "hexadecimal": CANARY.encode().hex(),
    "hexadecimal in capitals": CANARY.encode().hex().upper(),
}
LEFT = (CANARY, CANARY[:12], quote(CANARY, safe="")[:14], base64.b64encode(CANARY.encode()).decode()[:14])


@pytest.fixture(autouse=True)
def _known():
    remember("the canary", CANARY)
    yield
    forget()


def clean(text: str) -> bool:
    return not any(part in text for part in LEFT) and "8f3a" not in text


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken_out_of_text_and_of_what_is_recorded(form: str) -> None:
    assert clean(redact_text(f"before {FORMS[form]} after"))
    assert REDACTED in redact_text(f"before {FORMS[form]} after")
    assert clean(str(redact({"harmless": [FORMS[form]], FORMS[form]: 1})))
    assert clean(sentence_of(DataError(f"cannot read {FORMS[form]}")))


@pytest.mark.parametrize(
    "value", ["http://[no-address-at-all", "of-another-encoding-\udcff", "https://x.example:port/"]
)
def test_a_value_of_any_shape_is_a_secret(value: str) -> None:
    remember("odd", value)
    assert redact_text(f"before {value} after") == f"before {REDACTED} after"


def test_of_an_address_and_a_key_the_secret_parts_count_alone() -> None:
    remember("hook", "https://x.example/hooks/aaaabbbbccccdddd?v=1&sig=eeeeffffgggghhhh")
    remember("key", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----")
    for part in ("aaaabbbbccccdddd", "eeeeffffgggghhhh", "MIIEvQIBADANBgkqhkiG9w0"):
        assert redact_text(f"at {part}") == f"at {REDACTED}"
    for part in ("https://x.example/hooks/", "-----BEGIN PRIVATE KEY-----"):
        assert redact_text(f"at {part}") == f"at {part}", "it is everybody's"


def test_what_holds_none_stays_as_it_was() -> None:
    for text in ("", "nothing here", "c" * 100, "postgresql://db.example/x"):
        assert redact_text(text) == text


def test_a_short_one_is_taken_out_where_it_is_a_word() -> None:
    remember("pin", "9081")
    assert redact_text("pin 9081, not 190812") == f"pin {REDACTED}, not 190812"


def test_each_line_of_a_key_counts_and_so_does_the_password_of_an_address() -> None:
    remember("key", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----")
    remember("database", "postgresql://me:p4ss%2Fword-of-me@db.example/x")
    remember("chat", "slack://T0123456789ABCDEFGHI/B0123456789ABCDEFGHI")
    assert redact_text("line 2: MIIEvQIBADANBgkqhkiG9w0") == f"line 2: {REDACTED}"
    for text in ("refused: p4ss/word-of-me", "refused: p4ss%2Fword-of-me", "POST /B0123456789ABCDEFGHI"):
        assert REDACTED in redact_text(text), text


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from(sorted(FORMS)), st.booleans())
def test_split_over_writes_it_is_taken_out_too(cuts: list[int], form: str, flush: bool) -> None:
    remember("the canary", CANARY)
    text = f"before {FORMS[form]} after\n"
    out = io.StringIO()
    stream = RedactingStream(out)
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for begin, end in pairwise(places):
        assert stream.write(text[begin:end]) == end - begin
        if flush:
            stream.flush()
    stream.drain()
    assert clean(out.getvalue())
    assert out.getvalue().startswith("before ")
    assert out.getvalue().endswith(" after\n")


@given(st.lists(st.text("cAnary/8f3\n", max_size=9), max_size=8))
def test_what_only_begins_like_one_arrives_whole(pieces: list[str]) -> None:
    out = io.StringIO()
    stream = RedactingStream(out)
    for piece in pieces:
        stream.write(piece)
    stream.drain()
    stream.drain()
    assert out.getvalue() == "".join(pieces)


@pytest.mark.parametrize(
    ("size", "cut"), [*((400, cut) for cut in (1, 50, 99, 100, 101, 250, 399)), (100, 99), (101, 99), (101, 100)]
)
def test_a_long_one_that_is_split_is_taken_out_too(size: int, cut: int) -> None:
    value = "".join(chr(97 + (n * n) % 26) for n in range(size))
    remember("long", value)
    out = io.StringIO()
    stream = RedactingStream(out)
    stream.write(f"before {value[:cut]}")
    stream.write(f"{value[cut:]} after")
    stream.drain()
    assert out.getvalue() == f"before {REDACTED} after"


def test_a_lines_end_is_not_held_back() -> None:
    out = io.StringIO()
    RedactingStream(out).write("done, c\n")
    assert out.getvalue() == "done, c\n"


def test_records_of_all_loggers_and_later_handlers_are_clean() -> None:
    out = io.StringIO()
    logger = logging.getLogger("some.library")
    with guarded():
        handler = logging.StreamHandler(out)
        logger.addHandler(handler)
        try:
            logger.warning("plain %s, repr %r, nested %r", CANARY, CANARY, {"x": [CANARY]})
            logger.warning("formatted " + CANARY)  # noqa: G003
            try:
                raise ValueError(f"cannot connect with {CANARY}")  # noqa: TRY301
            except ValueError:
                logger.exception("it failed", stack_info=True)
        finally:
            logger.removeHandler(handler)
    assert out.getvalue().count(REDACTED) >= 5
    assert "Traceback" in out.getvalue()
    assert clean(out.getvalue())


def test_extra_fields_are_clean_where_a_handler_shows_them() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(message)s %(details)s"))
    logger = logging.getLogger("some.other.library")
    logger.addHandler(handler)
    try:
        with guarded():
            logger.warning("x", extra={"details": {"password": CANARY}})
    finally:
        logger.removeHandler(handler)
    assert REDACTED in out.getvalue()
    assert clean(out.getvalue())


def test_arguments_that_do_not_fit_are_still_loggings_matter(capsys) -> None:
    with guarded():
        record = logging.getLogRecordFactory()("x", 30, "x.py", 1, "%d of %d", ("a",), None)
    assert record.args == ("a",)


def test_all_is_put_back(capsys) -> None:
    before = sys.stdout, sys.stderr, logging.getLogRecordFactory()
    with guarded():
        print(f"shown: {CANARY}")
    assert (sys.stdout, sys.stderr, logging.getLogRecordFactory()) == before
    assert capsys.readouterr().out == f"shown: {REDACTED}\n"


def test_what_was_held_back_comes_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded():
        sys.stdout.write(f"done, {CANARY[:4]}")
        sys.stderr.write(CANARY[:2])
    assert capsys.readouterr() == (f"done, {CANARY[:4]}", CANARY[:2])


def test_what_somebody_has_put_in_its_place_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.StringIO())  # put back at the end of the test
    before = logging.getLogRecordFactory()
    theirs = io.StringIO(), io.StringIO()
    try:
        with guarded():
            sys.stdout, sys.stderr = theirs
            logging.setLogRecordFactory(logging.LogRecord)
        assert (sys.stdout, sys.stderr) == theirs
        assert logging.getLogRecordFactory() is logging.LogRecord
    finally:
        logging.setLogRecordFactory(before)


def test_handlers_and_hooks_are_left_as_they_were_however_often() -> None:
    handler = logging.StreamHandler(io.StringIO())
    logger = logging.getLogger("some.third.library")
    logger.addHandler(handler)
    hooks = []
    try:
        for _ in range(3):
            with guarded():
                assert len(handler.filters) == 1
            hooks.append((sys.excepthook, threading.excepthook))
    finally:
        logger.removeHandler(handler)
    assert handler.filters == []
    assert hooks[1:] == hooks[:-1], "each would call the one before it"


def test_a_record_holds_no_secret_for_who_takes_it_apart() -> None:
    """Handlers that write JSON, or colour a traceback, format the exception themselves."""
    with guarded():
        make = logging.getLogRecordFactory()
        for said, kept in ((CANARY, False), ("nothing", True)):
            try:
                raise ValueError(said)  # noqa: TRY301
            except ValueError:
                record = make("x", 30, "x.py", 1, "it failed", (), sys.exc_info(), None, f"Stack: {said}")
            assert (record.exc_info is not None) == kept
            assert clean(f"{record.exc_text} {record.stack_info}")


CHILD = """
import sys, threading, warnings
from workbench.secrets.redaction import guarded, remember
canary = sys.argv[1]
remember("x", canary)
where = sys.argv[2]
def fail():
    try:
        {}[canary]
    except KeyError as error:
        raise ValueError(f"with {canary!r}") from error
with guarded():
    sys.stdout.write(canary[:9]); sys.stdout.flush(); sys.stdout.write(canary[9:] + chr(10))
    warnings.warn(f"careful: {canary}")
    if where == "thread":
        threading.Thread(target=fail).start()
    elif where == "inside":
        fail()
if where == "outside":
    fail()
if where == "thread outside":
    threading.Thread(target=fail).start()
"""


@pytest.mark.parametrize("where", ["inside", "outside", "thread", "thread outside"])
def test_tracebacks_that_nobody_caught(where: str) -> None:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, CANARY, where], capture_output=True, text=True, check=False, env=environ
    )
    assert done.stdout == f"{REDACTED}\n"
    assert "ValueError: with" in done.stderr
    assert "KeyError" in done.stderr
    assert "careful: [redacted]" in done.stderr
    assert clean(done.stderr), done.stderr
