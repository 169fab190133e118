"""Training and batch prediction: begun once, found again, and what they made brought here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from double_service import Answer, Fault
from gcs_double import Kept
from killing import killed_after
from vertex_double import VertexDouble

from workbench.errors import ConfigurationError, DataError, StillWorking, TargetError
from workbench.targets.deployment import Deployment
from workbench.targets.vertex.batch import predict_batch
from workbench.targets.vertex.inside import main
from workbench.targets.vertex.opening import Opened
from workbench.targets.vertex.training import train

Open = Callable[..., Opened]


@pytest.fixture
def project(tmp_path: Path, vertex: VertexDouble) -> Path:
    """Features here, and an image there that leaves a candidate and one report."""
    features = tmp_path / "data/alpha/04_feature"
    features.mkdir(parents=True)
    (features / "features.parquet").write_bytes(b"PAR1" * 100)
    (features / "features.json").write_text("{}")
    report = tmp_path / "data/alpha/08_reporting"
    report.mkdir()
    (report / "ingest.json").write_text("kept")

    def trainer(job: Any) -> None:
        (shared,) = [text for text in job.job_spec.worker_pool_specs[0].container_spec.args if text.startswith("/gcs/")]
        folder = shared.removeprefix("/gcs/acme-models/")
        assert vertex.objects[f"{folder}/data/alpha/04_feature/features.json"].content == b"{}"
        for name in ("models/alpha/candidate/model.json", "data/alpha/08_reporting/candidates.csv"):
            vertex.objects[f"{folder}/{name}"] = Kept(b"made there", 9)
        # As Cloud Storage FUSE does for a folder.
        vertex.objects[f"{folder}/models/alpha/candidate/"] = Kept(b"", 9)

    vertex.trainer = trainer
    return tmp_path


def test_a_candidate_is_trained_there(jobs: Open, vertex: VertexDouble, project: Path) -> None:
    opened = jobs()
    job = train(opened.services, opened.jobs, project)
    assert job.state == "SUCCEEDED"
    assert (project / "models/alpha/candidate/model.json").read_text() == "made there"
    assert (project / "data/alpha/08_reporting/candidates.csv").exists()
    assert (project / "data/alpha/08_reporting/ingest.json").read_text() == "kept"
    (made,) = vertex.jobs.values()
    assert dict(made.labels) == {"client": "alpha", "job": job.name, "managed-by": "workbench", "purpose": "train"}
    (pool,) = made.job_spec.worker_pool_specs
    assert (pool.machine_spec.machine_type, pool.machine_spec.accelerator_type.name) == (
        "n1-standard-8",
        "NVIDIA_TESLA_T4",
    )
    assert list(pool.container_spec.args)[-2:] == ["--pipelines", "train"]
    assert made.job_spec.scheduling.timeout.total_seconds() == 86400


@pytest.mark.parametrize("on", ["POST .*customJobs", "POST /upload", "GET .*customJobs/"])
def test_a_run_that_died_finds_its_job(jobs: Open, vertex: VertexDouble, project: Path, on: str) -> None:
    def again() -> Any:
        opened = jobs()
        return train(opened.services, opened.jobs, project)

    assert killed_after(vertex, again, on)
    again()
    assert len(vertex.jobs) == 1
    assert {times for name, times in vertex.uploads.items() if "/04_feature/" in name} == {1}
    assert (project / "models/alpha/candidate/model.json").exists()


def test_without_the_ledger_a_job_that_goes_on_is_found(jobs: Open, vertex: VertexDouble, project: Path) -> None:
    vertex.job_looks = 10_000
    opened = jobs(deadline=0.01)
    with pytest.raises(StillWorking, match=r"custom job workbench-alpha-train-\d+ has not ended"):
        train(opened.services, opened.jobs, project)
    (project / ".workbench/ledger.db").unlink()
    vertex.job_looks = 3
    vertex.looked = dict.fromkeys(vertex.looked, 0)
    opened = jobs()
    train(opened.services, opened.jobs, project)
    assert len(vertex.jobs) == 1


def test_a_job_that_fails_is_told_and_the_next_is_another(jobs: Open, vertex: VertexDouble, project: Path) -> None:
    vertex.job_fails = "The replica workerpool0-0 exited with a non-zero status of 1."
    opened = jobs()
    with pytest.raises(TargetError, match=r"ended as failed: The replica workerpool0-0 exited"):
        train(opened.services, opened.jobs, project)
    vertex.job_fails = ""
    vertex.faults.append(Fault("POST .*customJobs", answer=Answer(503)))
    # The name has the second in it.
    vertex.jobs = {name + "0": job for name, job in vertex.jobs.items()}
    for job in vertex.jobs.values():
        job.labels = {**job.labels, "job": "older"}
    train(opened.services, opened.jobs, project)
    assert len(vertex.jobs) == 2


@pytest.mark.parametrize(
    "name",
    [
        "models/alpha/candidate/../../beta/model.json",
        "models/alpha/candidate//etc/passwd",
        "data/alpha/08_reporting/../../beta/x.json",
        "data/alpha/07_model_output//tmp/x",
    ],
)
def test_an_object_whose_name_leads_elsewhere_is_not_written(
    jobs: Open, vertex: VertexDouble, project: Path, name: str
) -> None:
    """Whoever may write into the bucket must not write into this machine, or into another client's folder."""
    trainer = vertex.trainer

    def hostile(job: Any) -> None:
        trainer(job)
        (made,) = [one for one in vertex.objects if one.endswith("candidate/model.json")]
        vertex.objects[made.removesuffix("models/alpha/candidate/model.json") + name] = Kept(b"elsewhere", 9)

    vertex.trainer = hostile
    before = sorted(project.rglob("*"))
    opened = jobs()
    with pytest.raises(TargetError, match="an object's name leads elsewhere"):
        train(opened.services, opened.jobs, project)
    assert sorted(path for path in project.rglob("*") if ".workbench" not in path.parts) == [
        path for path in before if ".workbench" not in path.parts
    ]


def test_a_job_that_has_left_nothing_is_told(jobs: Open, vertex: VertexDouble, project: Path) -> None:
    vertex.trainer = lambda _: None
    opened = jobs()
    with pytest.raises(TargetError, match=r"has left nothing in models/alpha/candidate.*kedro run"):
        train(opened.services, opened.jobs, project)


def test_what_a_job_needs_is_asked_for_first(jobs: Open, vertex: VertexDouble, tmp_path: Path) -> None:
    opened = jobs()
    with pytest.raises(ConfigurationError, match=r"data/alpha/04_feature is empty.*--pipelines ingest,prepare"):
        train(opened.services, opened.jobs, tmp_path)
    opened = jobs(train={})
    with pytest.raises(ConfigurationError, match="no training image is configured"):
        train(opened.services, opened.jobs, tmp_path)
    assert vertex.jobs == {}


def test_rows_are_predicted_in_a_batch(
    jobs: Open, deploy: Callable[..., Deployment], vertex: VertexDouble, release: Callable[..., Any], tmp_path: Path
) -> None:
    deploy().apply(release(3))
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"x": float(x)}) + "\n" for x in range(5)))
    opened = jobs()
    job, count = predict_batch(opened.services, opened.jobs, 3, rows, tmp_path / "out.jsonl")
    assert count == 5
    said = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["prediction"]["prediction"] for one in said] == [0.0, 3.0, 6.0, 9.0, 12.0]
    made = vertex.jobs[job.id]
    assert made.model.endswith("models/workbench-alpha@v3")
    assert made.dedicated_resources.machine_spec.machine_type == "n1-standard-2"
    assert deploy().status().ok


def test_a_batch_that_answers_too_little_is_not_taken(
    jobs: Open, deploy: Callable[..., Deployment], vertex: VertexDouble, release: Callable[..., Any], tmp_path: Path
) -> None:
    deploy().apply(release(3))
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1}\n[1]\n')
    opened = jobs()
    with pytest.raises(DataError, match="line 2 is no JSON object"):
        predict_batch(opened.services, opened.jobs, 3, rows, tmp_path / "out.jsonl")
    rows.write_text('{"x": 1}\n{"x": 2}\n')
    vertex.container = lambda *_: lambda rows: [{"prediction": 1.0} for _ in rows]
    works = vertex.works

    def lossy(kind: str, job: Any) -> None:
        works(kind, job)
        vertex.objects.pop(next(name for name in vertex.objects if name.endswith("00001-of-00002")))

    vertex.works = lossy  # type: ignore[method-assign]
    with pytest.raises(TargetError, match="has answered 1 of 2 rows"):
        predict_batch(opened.services, opened.jobs, 3, rows, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.slow
@pytest.mark.integration
def test_a_container_runs_kedro_and_leaves_its_files(clinic_project: Path, tmp_path: Path, project: Path) -> None:
    """The container's command, with a folder in the place of /gcs."""
    import shutil

    shutil.rmtree(project / "data")
    inside = tmp_path / "app"
    for name in ("conf", "src"):
        shutil.copytree(clinic_project / name, inside / name)
    shutil.copy(clinic_project / "pyproject.toml", inside)
    shared = tmp_path / "gcs/job"
    shutil.copytree(clinic_project / "data/clinic/01_raw", shared / "data/clinic/01_raw")
    arguments = ["--client", "clinic", "--shared", str(shared), "--project", str(inside), "--"]
    assert main([*arguments, "--nodes", "join_tables,make_features"]) == 0
    assert (shared / "data/clinic/04_feature/features.parquet").exists()
    assert main([*arguments, "--nodes", "no_such_node"]) != 0
    with pytest.raises(ConfigurationError, match="no client's name"):
        main(["--client", "../x", "--shared", str(shared)])
