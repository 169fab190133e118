"""Uploads to the cloud's storage that are killed: the next run goes on, and sends nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from killing import killed_after, killed_at_each_call
from stored_files import FILES, stored

from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


@pytest.mark.parametrize("call", [1, *(pytest.param(call, marks=pytest.mark.slow) for call in (0, 2, 3))])
def test_killed_after_a_call_to_the_storage(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, call: int
) -> None:
    assert killed_after(vault, lambda: through().apply(release(3)), skip=call)
    assert through().apply(release(3)).traffic == {3: 100}
    assert stored(cloud, vault) == FILES
    assert len(cloud.versions) == 1
    # What an earlier run has sent is not sent again.
    assert len(vault.calls("^PUT .*factor" if vault.scheme != "gs" else "^POST .*upload/storage")) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("which", ["workspace", "storage"])
def test_killed_after_every_call(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, which: str
) -> None:
    service = cloud if which == "workspace" else vault
    for version in (3, 4):
        calls = killed_at_each_call(service, lambda version=version: through().apply(release(version)))
        assert calls > 2
        assert (
            stored(cloud, vault, max(of for _, of in cloud.versions))["data/model/factor.json"] == str(version).encode()
        )
    assert len(cloud.versions) == 2
    assert through().status().ok


@pytest.mark.slow
def test_killed_after_every_call_with_signed_addresses(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.says_files = cloud.takes_files = False
    assert killed_at_each_call(cloud, lambda: deploy().apply(release(3))) > 20
    (version,) = cloud.versions.values()
    assert version.files == FILES
