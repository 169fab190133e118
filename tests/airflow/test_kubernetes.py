"""What is written for Kubernetes, read by its own schemas and by Airflow's own classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.export.fleet import EXPORTS, FleetOptions
from workbench.fleet.plan import plan

pytestmark = pytest.mark.airflow

CLIENTS = ["acme", "big_client", "big__client"]
OPTIONS = [
    FleetOptions(),
    FleetOptions(image="registry.example/w:1", cpu=4, memory="8Gi", retries=2, timeout_minutes=30, claim="disk"),
]

READ_POD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import create_unique_id
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient, models as k8s

bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
found = {}
for task in dag.tasks:
    # As the executor does: the override is laid over the template of the worker's pod.
    override = PodGenerator.from_obj(task.executor_config)
    base = k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(labels={"kept": "yes"}),
        spec=k8s.V1PodSpec(
            containers=[k8s.V1Container(name="base", image="airflow", command=["airflow"])], restart_policy="Never"
        ),
    )
    pod = PodGenerator.reconcile_pods(base, override)
    found[task.task_id] = {"api": ApiClient().sanitize_for_serialization(pod), "id": create_unique_id(dag.dag_id)}
print("PODS", json.dumps(found))
"""


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "full"])
def test_each_manifest_is_what_the_kubernetes_schema_says(
    airflow: Callable[..., str], tmp_path: Path, options: FleetOptions
) -> None:
    files = EXPORTS["kubernetes"](plan(CLIENTS, ["ingest", "__default__"], {}), options)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in files]
    said = airflow("--strict", *paths, program="kubernetes-validate")
    assert said.count(" passed for resource job/") == len(CLIENTS), said

    # The schema is a guard only if it refuses what it does not know.
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(next(iter(files.values())).replace("backoffLimit:", "backoffLimits:"))
    assert "backoffLimits" in airflow("--strict", str(wrong), program="kubernetes-validate", check=False)


def test_the_pod_of_each_task_is_one_for_airflows_own_executor(airflow: Callable[..., str]) -> None:
    options = FleetOptions(executor="kubernetes", image="registry.example/w:1", cpu=4, memory="8Gi")
    ((name, text),) = EXPORTS["airflow"](plan(CLIENTS, ["ingest", "train"], {}), options).items()
    path = airflow.dags / name  # type: ignore[attr-defined]
    path.write_text(text)
    said = airflow("-c", READ_POD, str(path), program="python")
    pods = json.loads(said.rpartition("PODS ")[2].splitlines()[0])
    assert len(pods) == 2
    for pod in pods.values():
        (container,) = pod["api"]["spec"]["containers"]
        assert (container["name"], container["image"]) == ("base", "registry.example/w:1")
        assert container["command"] == ["airflow"], "what the executor's own template says stays"
        assert container["resources"] == {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}
        assert pod["api"]["spec"]["restartPolicy"] == "Never"
        assert pod["api"]["metadata"]["labels"]["kept"] == "yes"
        assert len(pod["id"]) <= 80
