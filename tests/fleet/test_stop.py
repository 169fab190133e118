from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.fleet.stop import GracefulStop


@pytest.fixture
def stop() -> Iterator[GracefulStop]:
    stop = GracefulStop()
    stop.install()
    yield stop
    stop.remove()


def test_a_signal_unwinds_and_the_next_one_would_kill(stop: GracefulStop) -> None:
    with pytest.raises(SystemExit) as exit_:
        signal.raise_signal(signal.SIGTERM)
    assert exit_.value.code == 143
    assert stop.received is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_ctrl_c_stays_ctrl_c(stop: GracefulStop) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert stop.received is signal.SIGINT


def test_while_the_last_line_is_written_a_signal_is_kept(stop: GracefulStop) -> None:
    stop.hold()
    signal.raise_signal(signal.SIGINT)
    assert stop.received is None
    with pytest.raises(KeyboardInterrupt):
        stop.remove()


def test_afterwards_all_is_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
    stop = GracefulStop()
    stop.install()
    stop.remove()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)] == before


def test_what_somebody_else_set_is_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    stop = GracefulStop()
    try:
        stop.install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        stop.remove()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        stop.remove()
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread_it_does_nothing() -> None:
    def use() -> object:
        stop = GracefulStop()
        stop.install()
        stop.remove()
        return signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(use).result() is signal.SIG_DFL
