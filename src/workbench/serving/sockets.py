"""The address that a server listens on, and how it is given up so that nobody's request is lost.

A connection that the kernel has set up, and nobody has taken, is reset when its listening socket is closed: its client
believes that it is connected, and may have sent a request. So new ones are first kept from being set up, by a filter on
the socket that drops the segments which begin one; those that are begun are taken; then it is closed.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys

from workbench.errors import ConfigurationError

__all__ = ["listening_socket", "shared_socket", "shared_sockets", "take_no_more"]

# include/uapi/asm-generic/socket.h, linux/filter.h: the same on all architectures that Python wheels are made for.
_SO_ATTACH_FILTER = 26
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_FLAGS, _SYN = 13, 0x02
"""Where a TCP header has its flags, and the flag of a segment that begins a connection (RFC 9293, section 3.1)."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, so that nobody else can take the address between a look and the use.

    Raises:
        ConfigurationError: it is taken, or there is no such address on this machine.
    """
    return _listening(host, port)


def shared_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """So many sockets that listen on one address; the kernel shares connections out among them.

    Raises:
        ConfigurationError: it is taken, or there is no such address on this machine.
    """
    # By a socket that shares with nobody: with those below, another server of this user's would go unseen.
    with _listening(host, port) as probe:
        port = probe.getsockname()[1]
    return [_listening(host, port, shared=True) for _ in range(count)]


def shared_socket(host: str, port: int) -> socket.socket:
    """One more of them that does not listen yet: it gets no connection until whoever has it calls ``listen``.

    Raises:
        ConfigurationError: it cannot be made.
    """
    return _listening(host, port, shared=True, listen=False)


def _listening(host: str, port: int, *, shared: bool = False, listen: bool = True) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            found.bind(address)
            if listen:
                found.listen(2048)
        except BaseException:
            found.close()
            raise
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise ConfigurationError(
            f"port {port} of {host} is in use" if taken else f"cannot listen on {host}:{port} ({error.strerror})",
            hint=f"take another one: --port {port + 1 if 0 < port < 65_535 else 0}",
        ) from error
    found.setblocking(False)
    return found


def take_no_more(listener: socket.socket) -> bool:
    """Let no connection begin any more; those that are begun, or wait to be taken, still come.

    Who tries to connect meanwhile sends again a second later, and is refused once the socket is closed.

    Returns:
        Whether the system can do this; Linux can, by a socket filter (Documentation/networking/filter.rst), which needs
        no privilege.
    """
    if sys.platform != "linux":
        return False
    program = (
        (_LOAD_BYTE, 0, 0, _FLAGS),
        (_JUMP_IF_SET, 0, 1, _SYN),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    try:
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code))
        )
    except OSError:  # a sandbox may not have it
        return False
    return True
