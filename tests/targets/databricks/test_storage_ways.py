"""Which way a version's files take: what the workspace says, what it then refuses, and when no way is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks_double import DatabricksDouble
from double_service import Answer, Fault
from stored_files import FILES, MODEL

from workbench.errors import TargetError
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


@pytest.mark.parametrize("says", [True, None, False])
def test_a_way_that_is_refused_gives_place_to_the_next(
    deploy: Open, release: Releases, cloud: DatabricksDouble, says: bool | None
) -> None:
    """What the workspace says is where it begins, and not where it ends."""
    cloud.says_files, cloud.takes_files, cloud.vends = says, not says, bool(says)
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert cloud.versions[MODEL, "1"].files == FILES
    assert bool(cloud.calls("PUT .*/fs/files")) is not says
    assert bool(cloud.calls("generate-temporary-credentials"))


def test_a_way_that_closes_in_the_middle_sends_all_by_the_next(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    closed = Answer(400, {"error_code": "BAD_REQUEST", "message": "Invalid path"})
    cloud.faults.append(Fault("PUT .*/fs/files", skip=1, answer=closed, times=99))
    deploy().apply(release(3))
    assert cloud.versions[MODEL, "1"].files == FILES
    # What is there by the other way is seen there, and not sent twice: it is the same folder.
    assert len(cloud.calls("GET /signed/")) == 3
    assert len(cloud.calls("PUT /signed/")) == 1


def test_no_way_is_open(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.takes_files = cloud.vends = False
    for _ in range(2):
        with pytest.raises(TargetError, match="can be uploaded by no way") as caught:
            deploy().apply(release(3))
        said = str(caught.value)
        assert "version 1: the model's files" in said
        assert "files at /Models: Databricks refuses: Invalid path: unsupported first path component" in said
        assert "temporary credentials: Databricks does not allow it: User does not have the right to vend" in said
        assert "administrator" in said
    cloud.vends = True
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.versions) == 1


def test_a_login_that_is_not_taken_is_no_matter_of_the_way(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.faults.append(Fault("PUT .*/fs/files", answer=Answer(401, {"error_code": "UNAUTHENTICATED"}), times=9))
    with pytest.raises(TargetError, match="does not take the credentials"):
        deploy().apply(release(3))
    assert cloud.calls("generate-temporary-credentials") == []


def test_a_new_login_sends_the_whole_file(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.faults.append(Fault("PUT .*/fs/files", answer=Answer(401, {"error_code": "UNAUTHENTICATED"})))
    deploy().apply(release(3))
    assert cloud.versions[MODEL, "1"].files == FILES
    assert len(cloud.calls("PUT .*/fs/files/.*MLmodel")) == 2
