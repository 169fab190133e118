"""A project, a small cloud, and deployments to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_cloud import TinyCloud, TinyTarget, release

from workbench.targets.book import Book
from workbench.targets.deployment import Deployment
from workbench.targets.prices import Prices
from workbench.targets.working import Silence, Work

PRICES = Prices(day=date(2026, 11, 1), currency="USD", targets={})


@pytest.fixture
def cloud() -> Iterator[TinyCloud]:
    with TinyCloud() as service:
        yield service


@pytest.fixture
def deploy(cloud: TinyCloud, tmp_path: Path) -> Callable[..., Deployment]:
    """A deployment of client alpha to the small cloud, as a new process would open it."""

    def opened(*, budget: float | None = None, deadline: float = 10.0, **options: Any) -> Deployment:
        target = TinyTarget(cloud.port, **options)
        book = Book(tmp_path, "alpha", "tiny")
        work = Work(target, "alpha", book, Silence(), poll_seconds=0.001, deadline_seconds=deadline, scale=0.0)
        return Deployment(
            tmp_path, "alpha", target, work, book, prices=PRICES, releases=release, tolerance=1e-6, budget=budget
        )

    return opened
