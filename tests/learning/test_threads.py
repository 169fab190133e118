from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info

from workbench.learning import TrainConfig, fit
from workbench.learning.boosting import fit as boosting
from workbench.learning.networks import TabMSpec
from workbench.learning.threads import SMALL_TABLE, one_boosting_thread, one_torch_thread


@pytest.fixture
def two_threads() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(usual)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("width", "threads"), [(32, 1), (2048, 2)], ids=["little to do", "much to do"])
def test_a_step_with_little_to_do_is_one_thread_s(
    width: int, threads: int, make_table: Callable, make_columns: Callable
) -> None:
    train, seen = make_table("binary", 400), []
    config = TrainConfig(epochs=1, network=TabMSpec(members=2, width=width))
    fit(train, train.slice(0, 50), make_columns("binary"), config, lambda _: seen.append(torch.get_num_threads()))
    assert seen == [threads]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_torch_has_its_threads_again_after_an_error() -> None:
    with pytest.raises(KeyError), one_torch_thread():
        raise KeyError
    assert torch.get_num_threads() == 2


def _openmp() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp"}


@pytest.mark.usefixtures("two_threads")
def test_boosting_is_told_so_by_its_own_library() -> None:
    HistGradientBoostingClassifier()  # loads its OpenMP
    assert 2 in _openmp()
    with one_boosting_thread():
        assert _openmp() == {1}
    with one_boosting_thread(when=False):
        assert 2 in _openmp()


@pytest.mark.parametrize(("limit", "small"), [(SMALL_TABLE, True), (10, False)], ids=["small table", "large table"])
def test_a_small_table_is_boosted_by_one_thread(
    limit: int, small: bool, make_table: Callable, make_columns: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    @contextmanager
    def recorded(*, when: bool) -> Iterator[None]:
        told.append(when)
        yield

    monkeypatch.setattr(boosting, "one_boosting_thread", recorded)
    monkeypatch.setattr(boosting, "SMALL_TABLE", limit)
    train, columns = make_table("binary", 200), make_columns("binary")
    boosting.boosting(train, train.slice(0, 50), columns, rounds=12)
    assert set(told) == {small}
