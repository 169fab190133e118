"""What the tests of a version's files share: the files, where they are found, and which stores a test is tried with."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_double import DatabricksDouble

from workbench.targets.databricks import Databricks
from workbench.targets.release import Release

__all__ = ["FILES", "MODEL", "ONE", "READING", "SLOW", "WRITING", "begun", "stored"]

MODEL = "fleet.models.workbench_alpha"
FILES = {"MLmodel": b"flavors: {}\n", "data/model/factor.json": b"3"}
WRITING = "^(PUT|POST) .*MLmodel|^POST .*upload/storage"
READING = "^GET .*MLmodel"

SLOW = pytest.mark.slow
ONE = pytest.mark.parametrize(
    "vault", ["s3", pytest.param("gs", marks=SLOW), pytest.param("abfss", marks=SLOW)], indirect=True
)
"""What is the same for all of them is tried with one, and by ``make test-slow`` with each."""


def stored(cloud: DatabricksDouble, vault: Any, number: str = "1") -> dict[str, bytes]:
    found: dict[str, bytes] = vault.files(cloud._prefix(MODEL, number))
    return found


def begun(adapter: Databricks, release: Release) -> tuple[Any, str]:
    """A version that waits for its files, and its operation."""
    model, version, *_ = adapter.parts(release)
    if model.find() is None:
        model.create()
    return version, version.create()
