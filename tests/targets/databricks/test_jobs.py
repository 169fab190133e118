"""The pipeline as Jobs, and the Asset Bundle."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from databricks.sdk.service import catalog, jobs, serving
from databricks_double import DatabricksDouble
from double_service import Fault, environment
from killing import killed_at_each_call

from workbench.cli.databricks import databricks
from workbench.clients import Client, ClientRegistry
from workbench.errors import ConfigurationError, TargetError
from workbench.targets.databricks.bundle import bundle_of, text_of
from workbench.targets.databricks.jobs import bodies_of
from workbench.targets.databricks.pipeline import open_pipeline, settings_of_databricks
from workbench.targets.databricks.quartz import quartz

ROOT = Path(__file__).parents[3]
JOB = {"wheel": "/Volumes/fleet/code/wheels/workbench-1.whl", "project": "/Workspace/Shared/workbench/project"}


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 6 * * 1", "0 0 6 ? * MON"),
        ("*/15 * * * *", "0 */15 * * * ?"),
        ("30 5 1 * *", "0 30 5 1 * ?"),
        ("0 8 * jan,jul mon-fri", "0 0 8 ? JAN,JUL MON,TUE,WED,THU,FRI"),
        ("0 0 * * 5-7", "0 0 0 ? * FRI,SAT,SUN"),
        ("0 0 * * */2", "0 0 0 ? * SUN,TUE,THU,SAT"),
        ("0 0 * * 0", "0 0 0 ? * SUN"),
        ("0 0 * * 7", "0 0 0 ? * SUN"),
        ("0 9 * * 5#3", "0 0 9 ? * 6#3"),
        ("0 9 * * 5L", "0 0 9 ? * 6L"),
        ("0 9 L * *", "0 0 9 L * ?"),
    ],
)
def test_a_cron_expression_as_quartz_has_it(cron: str, expected: str) -> None:
    assert quartz(cron, where="here") == expected


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 6 1 * 1", "write it as two schedules"),
        ("0 6 */2 * 1", "steps through days of the month and names days of the week"),
        ("0 6 * * mon-foo", "'FOO' is no day of the week"),
        ("0 6 * * */9", r"'\*/9' is no field for days of the week"),
        ("0 6 * * 9", "'9' is no day of the week that Databricks knows"),
    ],
)
def test_what_quartz_has_no_word_for(cron: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        quartz(cron, where="here")


@pytest.fixture
def house(project: Path, cloud: DatabricksDouble) -> Iterator[Path]:
    """A project in which skyways has this workspace for a target."""
    client = project / "conf/clients/skyways/client.yml"
    settings = {"kind": "databricks", "host": cloud.address, "catalog": "fleet", "schema": "models", "job": JOB}
    settings["permissions"] = {"job": {"group:operators": "CAN_MANAGE_RUN"}}
    client.write_text(client.read_text() + yaml.safe_dump({"deploy": {"lakehouse": settings}}))
    with environment(SKYWAYS__DATABRICKS_TOKEN="dapi-double-of-a-token"):
        yield project


def changed(project: Path, **job: Any) -> None:
    """Change the job in client.yml."""
    path = project / "conf/clients/skyways/client.yml"
    content = yaml.safe_load(path.read_text())
    content["deploy"]["lakehouse"]["job"] |= job
    path.write_text(yaml.safe_dump(content))


def apply(project: Path) -> list[str]:
    with open_pipeline(project, "skyways", "lakehouse", scale=0.0) as opened:
        return [step.action for step in opened.apply()]


def test_jobs_are_made_once_and_kept_as_configured(house: Path, cloud: DatabricksDouble) -> None:
    assert apply(house) == ["create", "create"]
    names = {one.name: (number, one) for number, one in cloud.jobs.items()}
    assert sorted(names) == ["workbench-skyways", "workbench-skyways-weekly"]
    number, weekly = names["workbench-skyways-weekly"]
    assert weekly.schedule is not None
    assert (weekly.schedule.quartz_cron_expression, weekly.schedule.timezone_id) == (
        "0 0 6 ? * MON",
        "America/New_York",
    )
    tasks = weekly.tasks or []
    assert [task.task_key for task in tasks] == ["ingest", "prepare", "train", "evaluate", "register", "score"]
    assert [before.task_key for before in tasks[1].depends_on or []] == ["ingest"]
    assert tasks[0].python_wheel_task is not None
    assert tasks[0].python_wheel_task.parameters == [
        "--project", JOB["project"], "--env", "clients/skyways", "--pipelines", "ingest",
    ]  # fmt: skip
    assert {"group_name": "operators", "permission_level": "CAN_MANAGE_RUN"} in cloud.access[str(number)]
    effects = cloud.effects
    assert apply(house) == ["keep", "keep"]
    assert cloud.effects == effects
    changed(house, retries=3)
    assert apply(house) == ["change", "change"]
    assert [task.max_retries for task in cloud.jobs[number].tasks or []] == [3] * 6
    weekly.name = "workbench-skyways-weekly"
    cloud.jobs[number].timeout_seconds = 1  # somebody's hand
    assert apply(house) == ["keep", "change"]
    with open_pipeline(house, "skyways", "lakehouse", scale=0.0) as opened:
        assert len(opened.delete()) == 2
    assert cloud.jobs == {}


def test_a_job_on_a_cluster_of_its_own(house: Path, cloud: DatabricksDouble) -> None:
    changed(house, cluster={"spark_version": "16.4.x-scala2.12", "node_type": "m5d.large"})
    apply(house)
    first = next(iter(cloud.jobs.values()))
    cluster = (first.job_clusters or [])[0].new_cluster
    assert cluster is not None
    assert cluster.custom_tags == {"managed-by": "workbench", "client": "skyways", "ResourceClass": "SingleNode"}


def test_a_schedule_that_is_gone_takes_its_job_along(house: Path, cloud: DatabricksDouble) -> None:
    apply(house)
    path = house / "conf/clients/skyways/client.yml"
    content = yaml.safe_load(path.read_text())
    del content["schedule"]
    path.write_text(yaml.safe_dump(content))
    assert apply(house) == ["keep", "delete"]
    assert [one.name for one in cloud.jobs.values()] == ["workbench-skyways"]


def test_anothers_job_of_the_same_name_is_left_alone(house: Path, cloud: DatabricksDouble) -> None:
    cloud.jobs[7] = jobs.JobSettings(name="workbench-skyways", tags={"client": "skyways"})
    assert apply(house) == ["create", "create"]
    assert len(cloud.jobs) == 3
    with open_pipeline(house, "skyways", "lakehouse", scale=0.0) as opened:
        opened.delete()
    assert list(cloud.jobs) == [7]


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_lost_answer_leaves_one_job(house: Path, cloud: DatabricksDouble, drop: str) -> None:
    cloud.faults.append(Fault("jobs/create", drop=drop))
    apply(house)
    assert sorted(one.name or "" for one in cloud.jobs.values()) == ["workbench-skyways", "workbench-skyways-weekly"]


def test_surplus_copies_are_deleted(house: Path, cloud: DatabricksDouble) -> None:
    apply(house)
    first = min(cloud.jobs)
    cloud.jobs[first + 500] = cloud.jobs[first]
    assert apply(house) == ["change", "keep"]
    assert len(cloud.jobs) == 2


def test_jobs_survive_a_kill_after_every_call(house: Path, cloud: DatabricksDouble) -> None:
    assert killed_at_each_call(cloud, lambda: apply(house)) > 8
    assert sorted(one.name or "" for one in cloud.jobs.values()) == ["workbench-skyways", "workbench-skyways-weekly"]
    assert apply(house) == ["keep", "keep"]


def test_what_is_no_job(house: Path) -> None:
    path = house / "conf/clients/clinic/client.yml"
    path.write_text(path.read_text() + "deploy: {here: {kind: local}}\n")
    with (
        pytest.raises(ConfigurationError, match="target 'here' is of kind local"),
        open_pipeline(house, "clinic", "here"),
    ):
        pass


def client_of(house: Path) -> Client:
    return ClientRegistry(house).load("skyways")


def test_a_bundle_has_the_form_that_the_sdk_reads(house: Path) -> None:
    client = client_of(house)
    content = yaml.safe_load(text_of(bundle_of(client, settings_of_databricks(client, "lakehouse"), 7)))
    resources = content["resources"]
    for body in resources["jobs"].values():
        permissions = body.pop("permissions")
        assert jobs.JobSettings.from_dict(body).as_dict() == body
        assert permissions == [{"group_name": "operators", "level": "CAN_MANAGE_RUN"}]
    endpoint = resources["model_serving_endpoints"]["workbench_skyways"]
    config = {**endpoint["config"], "name": endpoint["name"]}
    assert serving.EndpointCoreConfigInput.from_dict(config).as_dict() == config
    assert [serving.EndpointTag.from_dict(tag).as_dict() for tag in endpoint["tags"]] == endpoint["tags"]
    model = resources["registered_models"]["workbench_skyways"]
    assert catalog.RegisteredModelInfo.from_dict(model).as_dict() == model
    assert content["targets"]["prod"]["workspace"]["host"].startswith("http://127.0.0.1")
    assert set(resources["jobs"]) == {"workbench_skyways", "workbench_skyways_weekly"}
    assert bodies_of(client, settings_of_databricks(client, "lakehouse").job).keys() == {  # type: ignore[arg-type]
        "workbench-skyways", "workbench-skyways-weekly",
    }  # fmt: skip


def test_the_entry_point_that_a_task_names_is_there() -> None:
    from workbench.targets.databricks.jobs import ENTRY, PACKAGE

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == PACKAGE
    assert project["scripts"][ENTRY] == "pipelines.job:main"
    from pipelines.job import main

    with pytest.raises(SystemExit):
        main([])


def test_the_commands(house: Path, cloud: DatabricksDouble, tmp_path: Path) -> None:
    obj = SimpleNamespace(project_path=house)

    def run(*arguments: str) -> Result:
        options = ["--env", "clients/skyways", "--target", "lakehouse"]
        return CliRunner().invoke(databricks, [*arguments, *options], obj=obj)

    done = run("job", "--dry-run")
    assert done.stdout.splitlines() == ["would create  workbench-skyways", "would create  workbench-skyways-weekly"]
    assert cloud.effects == 0
    assert [step["action"] for step in json.loads(run("job", "--json").stdout)] == ["create", "create"]
    assert len(cloud.jobs) == 2
    assert run("job", "--delete", "--dry-run").stdout.splitlines() == [
        "would delete  workbench-skyways",
        "would delete  workbench-skyways-weekly",
    ]
    assert len(cloud.jobs) == 2
    file = tmp_path / "databricks.yml"
    assert run("bundle", "--output", str(file), "--dry-run").stdout == f"{file}: new\n"
    assert run("bundle", "--output", str(file)).exit_code == 0
    assert yaml.safe_load(file.read_text())["bundle"] == {"name": "workbench-skyways"}
    assert json.loads(run("bundle", "--json", "--model-version", "7").stdout)["variables"]["model_version"]
    assert run("job", "--delete").exit_code == 0
    assert cloud.jobs == {}
    cloud.tokens.clear()
    done = run("job")
    assert done.exit_code == 1
    assert "does not take the credentials" in done.stderr
    assert "dapi-double" not in done.stdout + done.stderr


def test_a_refusal_is_told(house: Path, cloud: DatabricksDouble) -> None:
    cloud.tokens.clear()
    with pytest.raises(TargetError, match="does not take the credentials"):
        apply(house)
