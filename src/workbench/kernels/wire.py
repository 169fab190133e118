"""The messages between who wants a process and the zygote, over a Unix socket that only one user can open.

A message is its length (four bytes, big-endian) and JSON. With the first one go descriptors: the standard input, output
and error of the process to be, and for a worker of the fleet its channel. After it, the asker sends single bytes, each
the number of a signal for the process: the zygote gives it, since nobody else can know that the pid is still meant.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["LONGEST", "Request", "receive", "receive_request", "send", "send_request"]

LONGEST = 4_000_000
"""Bytes of a message; an environment is some thousand."""
_STANDARD, _DESCRIPTORS = 3, 4
"""Descriptors of a request, at least and at most."""
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True)
class Request:
    """A process that somebody wants.

    Attributes:
        arguments: of ipykernel, as after ``python -m ipykernel_launcher``, or of a worker of the fleet.
        cwd: its working directory.
        environment: all of its environment; nothing of the zygote's is left.
    """

    arguments: list[str]
    cwd: str
    environment: dict[str, str]


def send_request(connection: socket.socket, request: Request, descriptors: Sequence[int]) -> None:
    """Ask for a process."""
    body = json.dumps(asdict(request)).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], descriptors)
    connection.sendall(body)


def receive_request(connection: socket.socket) -> tuple[Request, list[int]]:
    """What :func:`send_request` sent, and the descriptors.

    Raises:
        OSError, ValueError, TypeError, EOFError, RecursionError: it is not whole, or no request.
    """
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, _DESCRIPTORS)
    try:
        return _request(_exactly(connection, _length(head)), len(descriptors)), descriptors
    except BaseException:
        for descriptor in descriptors:  # they are in this process by now, and would be in each later fork
            os.close(descriptor)
        raise


def _request(body: bytes, descriptors: int) -> Request:
    if descriptors < _STANDARD:  # it would write to where the zygote does
        raise ValueError(f"a request with {descriptors} descriptors")
    return Request(**json.loads(body))


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send a message."""
    body = json.dumps(message).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """The next message; None if the other side is gone."""
    try:
        head = _exactly(connection, _LENGTH.size)
        message: dict[str, Any] = json.loads(_exactly(connection, _length(head)))
    except (EOFError, ConnectionError):
        return None
    return message


def _length(head: bytes) -> int:
    if len(head) != _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST:
        raise ValueError(f"a message of {length:,} bytes")
    return int(length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 65_536))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
