"""A kernel client that is ready as soon as the kernel is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

__all__ = ["PromptKernelClient"]


class PromptKernelClient(AsyncKernelClient):
    """As jupyter_client's, which after the kernel's first answer listens for another 0.2 s in case it says more.

    A kernel publishes ``idle`` after all else that a request made it say (messaging protocol, "Kernel status"), so with
    it there is nothing left to wait for; and that it arrives proves that the channel is subscribed.
    """

    def start_channels(
        self, shell: bool = True, iopub: bool = True, stdin: bool = False, hb: bool = False, control: bool = True
    ) -> None:
        """Start the channels that a report needs.

        Nobody answers a question of its cells, and whether its kernel lives is asked of the process: the heartbeat
        would be a thread for nothing.
        """
        super().start_channels(shell, iopub, stdin, hb, control)

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - jupyter_client's signature
        """Wait until the kernel has answered, and what it publishes arrives.

        Raises:
            RuntimeError: it died, or did not answer in `timeout` seconds; nbclient expects this error.
        """
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        asked: set[str] = set()
        while True:
            asked.add(self.kernel_info())
            if await self._answered(asked):
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    async def _answered(self, asked: set[str]) -> bool:
        reply = await _first(self.shell_channel, _is_reply, asked, patience=1.0)
        # A subscription that came too late missed it: then ask again, soon.
        if reply is None or await _first(self.iopub_channel, _is_idle, asked, patience=0.05) is None:
            return False
        self._handle_kernel_info_reply(reply)
        return True


def _is_reply(message: Mapping[str, Any]) -> bool:
    return bool(message["msg_type"] == "kernel_info_reply")


def _is_idle(message: Mapping[str, Any]) -> bool:
    return bool(message["content"].get("execution_state") == "idle")


async def _first(
    channel: Any, wanted: Callable[[Mapping[str, Any]], bool], asked: set[str], *, patience: float
) -> dict[str, Any] | None:
    """The first message of a kind that answers one of the requests; None if nothing comes for so many seconds."""
    while True:
        try:
            message: dict[str, Any] = await channel.get_msg(timeout=patience)
        except Empty:
            return None
        if message["parent_header"].get("msg_id") in asked and wanted(message):
            return message
