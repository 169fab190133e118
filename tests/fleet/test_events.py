from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.fleet.events import MAX_NAME, PHASES, TURN, Lines, Progress

NAMES = st.sampled_from(["", "fit_network", "é"])
PROGRESS = st.builds(Progress, st.integers(0, 99), st.integers(0, 99), NAMES, phase=st.sampled_from(PHASES))


@given(st.lists(PROGRESS | st.binary(max_size=40).map(lambda noise: noise.replace(b"\n", b"")), max_size=8), st.data())
def test_however_it_is_cut_what_was_told_arrives(told: list[Progress | bytes], data: st.DataObject) -> None:
    stream = b"".join((item if isinstance(item, bytes) else json.dumps(vars(item)).encode()) + b"\n" for item in told)
    lines, heard, position = Lines(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        heard += lines.feed(stream[position : position + size])
        position += size
    assert heard == [item for item in told if isinstance(item, Progress)]


def test_a_worker_that_never_ends_its_line_fills_no_memory() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(b"x" * 10_000)
    assert len(lines._rest) <= 4096


def test_a_name_is_cut_and_cannot_move_the_cursor() -> None:
    line = json.dumps({"done": 1, "total": 2, "node": "\x1b[2J" + "n" * 500}).encode() + b"\n"
    assert Lines().feed(line) == [Progress(1, 2, ("[2J" + "n" * 500)[:MAX_NAME])]


def test_tell_writes_whole_lines_and_ends_the_process_when_nobody_listens() -> None:
    script = """
import os, sys
from workbench.fleet.events import Progress, open_channel, tell
tell(Progress(0, 0, "nobody is told"))
open_channel(int(sys.argv[1]))
assert not os.get_inheritable(int(sys.argv[1]))
tell(Progress(1, 2, "\\U0001f600" * 1000))
input()
tell(Progress(2, 2, "gone"))
"""
    ours, theirs = os.pipe()
    worker = subprocess.Popen([sys.executable, "-c", script, str(theirs)], stdin=subprocess.PIPE, pass_fds=(theirs,))
    os.close(theirs)
    assert Lines().feed(os.read(ours, 65536)) == [Progress(1, 2, "\U0001f600" * MAX_NAME)]
    os.close(ours)
    worker.communicate(b"\n")
    assert worker.returncode == -15


AWAITS = """
import sys
from workbench.fleet.events import await_turn, open_channel
await_turn()
print("nobody to wait for", flush=True)
open_channel(int(sys.argv[1]))
await_turn()
print("its turn", flush=True)
"""


@pytest.mark.parametrize(("sent", "said", "code"), [(TURN, "its turn\n", 0), (b"", "", -signal.SIGTERM)])
def test_a_worker_awaits_its_turn_and_ends_when_nobody_is_left_to_give_it(sent: bytes, said: str, code: int) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", AWAITS, str(theirs.fileno())]
    with ours, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=(theirs.fileno(),)) as worker:
        theirs.close()
        assert worker.stdout.readline() == "nobody to wait for\n"
        ours.send(sent)
        ours.shutdown(socket.SHUT_WR)
        assert worker.stdout.read() == said
    assert worker.returncode == code
