"""Messages come whole or not at all."""

from __future__ import annotations

import os
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernels import wire
from workbench.kernels.wire import LONGEST, Request, receive, receive_request, send, send_request

TEXT = st.text(st.characters(codec="utf-8"))


@given(st.builds(Request, st.lists(TEXT), TEXT, st.dictionaries(TEXT, TEXT)))
def test_a_request_arrives_as_it_was_sent(request: Request) -> None:
    left, right = socket.socketpair()
    with left, right:
        send_request(left, request, [0, 1, 2])
        found, descriptors = receive_request(right)
    for descriptor in descriptors:
        os.close(descriptor)
    assert found == request
    assert len(descriptors) == 3


@given(st.dictionaries(TEXT, st.integers() | TEXT), st.integers(0, 100))
def test_a_message_that_breaks_off_is_none(message: dict[str, object], end: int) -> None:
    left, right = socket.socketpair()
    with right:
        with left:
            send(left, message)
            whole = right.recv(65_536)
        assert receive(right) is None, "the other side is gone"
    left, right = socket.socketpair()
    with right:
        with left:
            left.sendall(whole[:end])
        assert receive(right) == (message if end >= len(whole) else None)


def test_a_length_is_not_believed() -> None:
    left, right = socket.socketpair()
    right.settimeout(3)
    with left, right:
        left.sendall(struct.pack("!I", LONGEST + 1))
        with pytest.raises(ValueError, match="a message of"):
            receive(right)


def test_the_longest_message_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", len('{"a": 1}'))
    left, right = socket.socketpair()
    with left, right:
        send(left, {"a": 1})
        assert receive(right) == {"a": 1}
