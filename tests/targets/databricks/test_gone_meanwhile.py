"""What somebody took away by hand, or has never been there: found missing, and no reason to stop where it does not matter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from databricks.sdk.service.jobs import JobSettings
from databricks_double import DatabricksDouble
from double_service import Answer, Fault
from stored_files import begun

from workbench.clients.targets import DatabricksTarget, LocalTarget
from workbench.errors import ConfigurationError, Gone, ModelError, TargetError, Unreachable
from workbench.targets.databricks import Databricks, open_databricks
from workbench.targets.databricks.access import Permissions
from workbench.targets.databricks.cost import cost_of
from workbench.targets.databricks.errors import translated
from workbench.targets.databricks.jobs import JobPart
from workbench.targets.databricks.pipeline import job_of
from workbench.targets.databricks.storage import _encryption, open_storage
from workbench.targets.databricks.storage_errors import Forbidden, translated_storage
from workbench.targets.deployment import Deployment
from workbench.targets.prices import Prices
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
Adapter = Callable[..., Databricks]
SETTINGS = {"kind": "databricks", "host": "https://w.example", "catalog": "fleet", "schema": "models"}
NOT_THERE = Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})


def test_a_version_that_is_not_ready_has_no_number_that_could_be_served(target: Adapter, release: Releases) -> None:
    adapter = target()
    version, operation = begun(adapter, release(3))
    for one in (3, 9):
        with pytest.raises(TargetError, match=rf"version {one} is not in Unity Catalog.*--version {one}"):
            version.versions.number(one)
    assert operation == "upload 1"
    adapter.close()


def test_a_version_that_is_gone_is_begun_anew_and_may_be_deleted_again(target: Adapter, release: Releases) -> None:
    adapter = target()
    version, _ = begun(adapter, release(3))
    assert version.versions.registry.entry("9") is None
    version.versions.registry.delete_entry("9")
    with pytest.raises(Gone, match="version 9 is not there any more"):
        version.poll("upload 9")
    adapter.close()


def test_without_a_model_or_an_endpoint_there_is_nothing_to_point_at(target: Adapter, release: Releases) -> None:
    adapter = target()
    _, version, _, served = adapter.parts(release(3))
    with pytest.raises(Unreachable, match="model fleet.models.workbench_alpha is not seen"):
        version.versions.move_aliases({3: 100})
    with pytest.raises(Unreachable, match="the endpoint is not seen"):
        served.create()
    served.endpoints.delete()
    assert adapter.traffic() == {}
    adapter.close()


def test_what_has_traffic_is_not_taken_out_of_the_configuration(
    deploy: Open, target: Adapter, release: Releases
) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().canary(10)
    adapter = target()
    served = adapter.parts(release(4))[3]
    with pytest.raises(TargetError, match="version 4 has 10 % of the traffic"):
        served.endpoints.step("remove 4")
    assert adapter.traffic() == {3: 90, 4: 10}
    adapter.close()


def test_a_release_whose_files_are_gone_is_not_begun(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    made = release(3)
    shutil.rmtree(made.folder)
    with pytest.raises(ModelError, match="client alpha, model version 3: its folder .* is missing"):
        deploy().apply(made)
    assert cloud.versions == {}


def test_a_last_step_that_was_lost_sends_no_file_again(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.faults.append(Fault(".*/finalize", drop="before"))
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.calls("PUT .*/fs/files")) == 2


def test_a_job_that_went_between_two_looks_is_none(target: Adapter, cloud: DatabricksDouble) -> None:
    adapter = target()
    tags = {"managed-by": "workbench", "client": "alpha"}
    cloud.jobs[7] = JobSettings(name="workbench-alpha", tags=tags)
    part = JobPart(adapter.workspace, "alpha", "workbench-alpha", Permissions(adapter.workspace, "jobs", None))
    assert part.find() is not None
    cloud.faults.append(Fault("GET .*/jobs/get", answer=NOT_THERE, times=9))
    assert part.find() is None
    adapter.close()


@pytest.mark.parametrize("targets", [{}, {"databricks": {"source": "https://p.example", "region": "here"}}])
def test_a_size_without_a_price_is_said_to_have_none(targets: dict[str, Any]) -> None:
    prices = Prices.model_validate({"day": "2026-11-01", "currency": "USD", "targets": targets})
    cost = cost_of(prices, DatabricksTarget.model_validate(SETTINGS))
    assert (cost.lines, cost.unknown) == ((), ("size Small: no price known",))


def test_a_client_id_alone_is_no_login(target: Adapter, cloud: DatabricksDouble) -> None:
    """A token beside it counts."""
    adapter = target(secrets={"DATABRICKS_CLIENT_ID": "somebody", "DATABRICKS_TOKEN": "dapi-double-of-a-token"})
    assert adapter.traffic() == {}
    assert cloud.calls("oidc") == []
    adapter.close()


@pytest.mark.parametrize("error", [KeyError("endpoint"), TypeError("x"), AttributeError("x")])
def test_an_answer_of_another_form_may_pass(error: Exception) -> None:
    said = r"answered otherwise than documented \((Key|Type|Attribute)Error\)"
    with pytest.raises(Unreachable, match=said), translated("here"):
        raise error


def test_what_is_the_workbenchs_own_already_stays_as_it_is() -> None:
    mine = Forbidden("no", where="here")
    with pytest.raises(Forbidden) as caught, translated_storage("s3", "here"):
        raise mine
    assert caught.value is mine


def test_credentials_for_nothing_open_no_store() -> None:
    from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

    with pytest.raises(TargetError, match="keeps files at 's3://', and gave no credentials"):
        open_storage(uc.TemporaryCredentials(), "s3://unity/a", "here", None)


def test_a_bucket_that_is_encrypted_with_its_own_key_is_told_so() -> None:
    from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

    found = uc.TemporaryCredentials()
    assert _encryption(found) == {}
    details = found.encryption_details.sse_encryption_details
    details.algorithm = details.DESCRIPTOR.fields_by_name["algorithm"].enum_type.values_by_name["AWS_SSE_S3"].number
    assert _encryption(found) == {"ServerSideEncryption": "AES256"}


def test_a_target_without_a_job_says_what_to_add() -> None:
    client: Any = SimpleNamespace(id="alpha")
    with pytest.raises(ConfigurationError, match=r"target 'lakehouse' has no job.*deploy\.lakehouse\.job"):
        job_of(client, DatabricksTarget.model_validate(SETTINGS), "lakehouse")


def test_settings_of_another_kind_open_nothing() -> None:
    place: Any = SimpleNamespace(client="alpha", name="x", settings=LocalTarget(kind="local"), secrets={})
    with pytest.raises(TypeError, match="local"):
        open_databricks(place)
