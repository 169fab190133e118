from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from workbench.fleet import process
from workbench.fleet.process import Process

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_this_process_is_alive() -> None:
    assert Process.current().is_alive() is True


def test_a_pid_that_is_used_again_is_another_process() -> None:
    before = replace(Process.current(), birth=Process.current().birth.rpartition("/")[0] + "/1")
    assert before.is_alive() is False


def test_a_process_of_another_boot_or_container_cannot_be_judged() -> None:
    assert Process(os.getpid(), "another-boot/pid:[1]/1").is_alive() is None
    assert Process(os.getpid(), "unknown").is_alive() is None


@linux
def test_neither_a_zombie_nor_a_buried_process_is_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = Process(child.pid, str(process._birth(child.pid)))
    assert known.is_alive() is True
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert known.is_alive() is False
    child.wait()
    child.stdin.close()
    assert known.is_alive() is False


@linux
def test_a_command_may_have_any_name() -> None:
    script = """
import ctypes
from workbench.fleet.process import Process
before = Process.current()
ctypes.CDLL(None).prctl(15, b") Z (1 2")
assert Process.current() == before
assert before.is_alive()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_where_there_is_no_proc_ps_tells() -> None:
    mine = process._birth_by_ps(os.getpid())
    assert mine is not None
    assert mine == process._birth_by_ps(os.getpid())
    assert process._birth_by_ps(2**22 + 1) is None
