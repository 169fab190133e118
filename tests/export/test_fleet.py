"""The fleet's plan in the words of Airflow and of Kubernetes."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.fleet import fleet as command
from workbench.export.fleet import EXPORTS, FleetOptions
from workbench.export.fleet.airflow import dag_id
from workbench.export.kubernetes import dns_label
from workbench.fleet.plan import Cell, plan

CLIENTS = ["acme", "big_client", "big__client"]
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def facts_of(text: str) -> dict[str, Any]:
    tree = ast.parse(text)
    (call,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FLEET"
    )
    return json.loads(ast.literal_eval(call.args[0]))


def test_monitor_is_a_step_of_a_dag_like_any_other() -> None:
    cells = plan(CLIENTS, ["ingest+prepare", "monitor"], {})
    ((name, text),) = EXPORTS["airflow"](cells, FleetOptions()).items()
    facts = facts_of(text)
    assert [one["name"] for one in facts["pipelines"]] == ["ingest+prepare", "monitor"]
    ((alone, _),) = EXPORTS["airflow"](plan(CLIENTS, ["monitor"], {}), FleetOptions()).items()
    assert (alone, name != alone) == ("workbench__fleet__monitor.py", True)


def jobs(options: FleetOptions, pipelines: tuple[str, ...] = ("ingest", "__default__")) -> dict[str, Any]:
    files = EXPORTS["kubernetes"](plan(CLIENTS, pipelines, {}), options)
    return {name: yaml.safe_load(text) for name, text in files.items()}


def test_an_airflow_file_imports_nothing_of_the_project_and_has_no_shell() -> None:
    ((name, text),) = EXPORTS["airflow"](plan(CLIENTS, ["ingest", "train"], {}), FleetOptions()).items()
    assert name == "workbench__fleet__ingest__train.py"
    modules = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not any(str(one).startswith(("workbench", "pipelines", "kedro", "yaml")) for one in modules), modules
    assert "shell=True" not in text
    assert "bash" not in text
    facts = facts_of(text)
    assert facts["clients"] == sorted(CLIENTS)
    assert [one["task"] for one in facts["pipelines"]] == ["ingest", "train"]
    assert (facts["queue"], facts["pod"], facts["container"]) == (None, None, None)


def test_each_executor_gets_what_it_needs() -> None:
    cells = [Cell("acme", "train")]
    for executor, key in (("celery", "queue"), ("kubernetes", "pod")):
        options = FleetOptions(executor=executor, queue="gpu", image="registry.example/w:1", cpu=4, memory="8Gi")
        (text,) = EXPORTS["airflow"](cells, options).values()
        facts = facts_of(text)
        wanted = {"queue": "gpu", "pod": {"image": "registry.example/w:1", "cpu": "4", "memory": "8Gi"}}
        assert {name: facts[name] for name in wanted if facts[name]} == {key: wanted[key]}


def test_the_client_that_took_longest_is_mapped_first() -> None:
    cells = plan(["acme", "big_client"], ["train"], {("acme", "train"): 1.0, ("big_client", "train"): 9.0})
    (text,) = EXPORTS["airflow"](cells, FleetOptions()).values()
    assert facts_of(text)["clients"] == ["big_client", "acme"]


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
def test_whatever_a_pipeline_is_called_the_file_is_python_and_ids_are_ids(names: list[str]) -> None:
    plain = [name.encode("utf-8", "replace").decode() for name in names]
    cells = [Cell("acme", name) for name in plain]
    ((name, text),) = EXPORTS["airflow"](cells, FleetOptions()).items()
    facts = facts_of(text)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,250}\.py", name)
    assert [one["name"] for one in facts["pipelines"]] == list(dict.fromkeys(plain))
    tasks = [one["task"] for one in facts["pipelines"]]
    assert len(set(tasks)) == len(tasks)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,200}", task) for task in tasks)
    (manifest,) = EXPORTS["kubernetes"](cells, FleetOptions()).values()
    pod = yaml.safe_load(manifest)["spec"]["template"]["spec"]
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    assert all(re.fullmatch(LABEL, one["name"]) for one in containers)
    assert [one["args"][-1] for one in containers] == plain


@pytest.mark.parametrize(
    ("engine", "uid", "asked"),
    [
        ("docker", 1000, ["--user", "1000:100"]),
        ("podman", 1000, ["--user", "1000:100", "--userns", "keep-id"]),
        ("docker", 0, []),
    ],
)
def test_a_container_writes_to_this_machine_as_who_asked(
    monkeypatch: pytest.MonkeyPatch, engine: str, uid: int, asked: list[str]
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    (text,) = EXPORTS["airflow"](plan(CLIENTS, ["train"], {}), FleetOptions(in_container=True, engine=engine)).values()
    function = next(node for node in ast.parse(text).body if getattr(node, "name", "") == "command_of")
    found: dict[str, Any] = {"os": os, "FLEET": facts_of(text), "STATE": ("data",)}
    exec(ast.unparse(function), found)
    argv = found["command_of"]("acme", "train", {})
    at = argv.index("no-new-privileges") + 1
    assert argv[at : argv.index("--env")] == asked


def test_ids_of_dags_stay_apart() -> None:
    lists = [["a_b"], ["a", "b"], ["a.b"], ["a-b"], ["__default__"], ["default"], ["a__b"], ["x" * 300], ["x" * 301]]
    assert len({dag_id(one) for one in lists}) == len(lists)


def test_a_job_each_client() -> None:
    found = jobs(FleetOptions(project="/app", cpu=4, memory="8Gi", retries=2, timeout_minutes=30, claim="disk"))
    assert sorted(found) == ["acme.yaml", "big__client.yaml", "big_client.yaml"]
    names = [job["metadata"]["name"] for job in found.values()]
    assert len(set(names)) == 3
    assert all(re.fullmatch(LABEL, name) for name in names), names
    job = found["big_client.yaml"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 3600)
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never", "a podFailurePolicy asks for it"
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    first, last = *pod["initContainers"], *pod["containers"]
    assert [first["args"][-1], last["args"][-1]] == ["ingest", "__default__"], "the plan's order"
    for one in (first, last):
        assert one["args"][:3] == ["run", "--env", "clients/big_client"]
        assert one["resources"] == {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}
        assert one["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert {"name": "OMP_NUM_THREADS", "value": "4"} in one["env"]
        mounted = [mount["subPath"] for mount in one["volumeMounts"]]
        assert mounted == ["data/big_client", "models/big_client", ".workbench", ".mlflow"], "another client's are not"
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "disk"}


def test_exit_codes_decide_on_another_attempt() -> None:
    rules = jobs(FleetOptions())["acme.yaml"]["spec"]["podFailurePolicy"]["rules"]
    assert rules == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [75]}},
    ]


@pytest.mark.slow
def test_a_thousand_manifests_have_no_anchor() -> None:
    clients = [f"client_{number}" for number in range(1000)]
    files = EXPORTS["kubernetes"](plan(clients, ["train"], {}), FleetOptions())
    assert len({yaml.safe_load(text)["metadata"]["name"] for text in list(files.values())[:50]}) == 50
    assert len(files) == 1000
    assert not any("&id" in text for text in files.values())


def test_labels_stay_apart_and_short() -> None:
    parts = [("fleet", "a_b"), ("fleet", "a__b"), ("fleet", "ab_"), ("fleet", "x" * 40), ("fleet", "x" * 39 + "_")]
    names = [dns_label(*one, longest=40) for one in parts]
    assert len(set(names)) == len(parts)
    assert all(re.fullmatch(LABEL, name) and len(name) <= 40 for name in names), names


@pytest.fixture
def typed(fleet: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`kedro fleet export …` for two clients."""
    project = fleet(acme={}, big_client={})
    monkeypatch.setattr("kedro.framework.project.pipelines", {"ingest": None, "train": None})
    return lambda *words: CliRunner().invoke(command, ["export", *words], obj=SimpleNamespace(project_path=project))


def test_what_would_be_written_and_what_is(typed: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--to", "kubernetes", "--pipeline", "ingest,train", "-o", str(out))
    assert typed(*words, "--dry-run").output.splitlines() == [f"{out}/acme.yaml: new", f"{out}/big_client.yaml: new"]
    assert not out.exists()
    assert typed(*words).output == f"2 files written to {out}\n"
    assert typed(*words, "--dry-run").output.splitlines() == [
        f"{out}/acme.yaml: the same",
        f"{out}/big_client.yaml: the same",
    ]
    assert f"{out}/acme.yaml: changed" in typed(*words, "--cpu", "4", "--dry-run").output
    printed = typed("--to", "kubernetes", "--pipeline", "train").output
    assert [one["metadata"]["labels"]["client"] for one in yaml.safe_load_all(printed)] == ["acme", "big_client"]


def test_what_is_wrong_is_said(typed: Callable[..., Result]) -> None:
    assert "memory '2 GB' is no amount" in typed("--to", "airflow", "--pipeline", "train", "--memory", "2 GB").output
    assert "did you mean 'train'" in typed("--to", "airflow", "--pipeline", "trian").output
    assert "did you mean 'acme'" in typed("--to", "airflow", "--pipeline", "train", "--clients", "acne").output


def test_no_secret_is_written(typed: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME__PASSWORD", "hunter2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hunter2@mlflow.example")
    for target in ("airflow", "kubernetes"):
        assert "hunter2" not in typed("--to", target, "--pipeline", "train", "--image", "w:1").output
