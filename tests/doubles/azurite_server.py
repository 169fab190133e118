"""Azurite, Microsoft's own emulator of Blob Storage, on loopback; ``make test-exports`` installs it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["AZURITE_KEY", "azurite"]

AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of the account that Azurite always has (learn.microsoft.com/azure/storage/common/storage-use-azurite)."""
PROGRAM = Path(__file__).parents[2] / ".venv-exports/node_modules/.bin/azurite-blob"


@contextmanager
def azurite() -> Iterator[str]:
    """Up inside the block: its connection string."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    server = subprocess.Popen([PROGRAM, "--blobPort", str(port), *quiet], stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/devstoreaccount1"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        account = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={AZURITE_KEY};"
        yield f"{account}BlobEndpoint={address};"
    finally:
        server.terminate()
        server.wait(30)
