"""JupyterLab's debugger works on a warm kernel: it stops at a breakpoint, shows the variables, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from workbench.kernels.process import ADDRESS, WarmProcess, ZygoteProcess
from workbench.kernels.spec import OneKernel

CELL = "a = 1\nb = a + 1\nprint(b)"


@pytest.fixture
def client(zygote: ZygoteProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv(ADDRESS, zygote.address)
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=OneKernel(warm=True))
    manager.start_kernel()
    assert isinstance(manager.provisioner.process, WarmProcess)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Debugger:
    """Speaks the Debug Adapter Protocol over the kernel's control channel, as JupyterLab does."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client, self.number = client, 0

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.number += 1
        request = {"type": "request", "seq": self.number, "command": command, "arguments": arguments}
        message = self.client.session.msg("debug_request", request)
        self.client.control_channel.send(message)
        while True:
            reply = self.client.control_channel.get_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                assert reply["content"]["success"], reply["content"]
                return reply["content"].get("body", {})

    def hear(self, kind: str, event: str = "") -> dict[str, Any]:
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["msg_type"] == kind and event in {"", message["content"].get("event")}:
                return message["content"]

    def printed(self) -> str:
        """What the cell prints until the kernel is idle; a slow kernel sends one `print` in several messages."""
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            text += message["content"]["text"] if message["msg_type"] == "stream" else ""
            ours = message["parent_header"].get("msg_type") == "execute_request"
            if ours and message["content"].get("execution_state") == "idle":
                return text


@pytest.mark.slow
def test_it_stops_shows_and_goes_on(client: BlockingKernelClient) -> None:
    debugger = Debugger(client)
    debugger.ask("initialize", clientID="test", adapterID="", pathFormat="path", linesStartAt1=True)
    debugger.ask("attach")
    path = debugger.ask("dumpCell", code=CELL)["sourcePath"]
    (point,) = debugger.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": 2}])["breakpoints"]
    assert point["verified"]
    debugger.ask("configurationDone")
    client.execute(CELL)
    thread = debugger.hear("debug_event", "stopped")["body"]["threadId"]
    frame = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
    assert frame["line"] == 2
    scope = debugger.ask("scopes", frameId=frame["id"])["scopes"][0]
    shown = debugger.ask("variables", variablesReference=scope["variablesReference"])["variables"]
    values = {one["name"]: one["value"] for one in shown}
    assert values["a"] == "1"
    assert "b" not in values
    debugger.ask("continue", threadId=thread)
    assert debugger.printed() == "2\n"
