"""The address that a server listens on."""

from __future__ import annotations

import errno
import socket

from workbench.errors import ConfigurationError

__all__ = ["listening_socket"]


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, so that nobody else can take the address between a look and the use.

    Raises:
        ConfigurationError: it is taken, or there is no such address on this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
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
