"""A stop under load from clients that come anew for each request: whoever is connected is answered."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def test_whoever_gets_a_connection_during_a_stop_is_answered(
    start: Any, tmp_path: Path, write_traffic: Any, callers: Any, row: Any
) -> None:
    traffic = tmp_path / "traffic.json"
    write_traffic(traffic, v3=100)
    with start(tmp_path / "server", "--traffic", str(traffic)) as server:
        clients = callers(server.port, json.dumps({"instances": [row]}).encode())

        async def stop_in_the_middle() -> None:
            running = asyncio.create_task(clients.run(24))
            while clients.answers < 100 and not clients.away:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(running, 30)

        asyncio.run(stop_in_the_middle())
        assert clients.lost == []
        assert clients.away == 24
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log()
