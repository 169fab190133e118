"""What a person types, in processes of its own: estimate, run, Ctrl-C, run again, status, cancel, down."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import arm_double
import pytest
import yaml
from arm_double import ArmDouble
from hosted_world import MODEL, SECRETS, azure_settings
from openai_double import OpenAIDouble

Kedro = Callable[..., "subprocess.CompletedProcess[str]"]

PARAMETERS = f"""
tune:
  examples: {{file: data/clinic/01_raw/examples.jsonl, validation: 0.2, test: 0.2}}
  hosted: {{model: {MODEL}}}
  evaluate: {{max_new_tokens: 4, examples: 5}}
  gate: {{fewest_examples: 3, margin: 0.1}}
"""
ENV = ("--env", "clients/clinic")


@pytest.mark.slow
@pytest.mark.integration
def test_estimated_interrupted_resumed_and_taken_down(
    project: Path, kedro: Kedro, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIDouble("azure") as service, ArmDouble(certificate) as arm:
        service.deployments = lambda: {"base": MODEL, **arm.up()}
        hosted, deploy = azure_settings(service, arm)
        for name, value in {**SECRETS, "ACME__AZURE_OPENAI_API_KEY": service.key}.items():
            monkeypatch.setenv(name.replace("ACME__", "CLINIC__"), value)
        path = project / "conf/clients/clinic/client.yml"
        block = {"hosted": hosted, "deploy": {"cloud": deploy}}
        path.write_text(path.read_text() + yaml.safe_dump(block))
        (project / "conf/clients/clinic/parameters.yml").write_text(PARAMETERS)
        examples = project / "data/clinic/01_raw/examples.jsonl"
        examples.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"prompt": f"Is {number} odd?", "response": "yes"} for number in range(40)]
        examples.write_text("".join(json.dumps(row) + "\n" for row in rows))

        made = json.loads(kedro(project, "tune", "estimate", *ENV, "--json").stdout)
        assert made["hosted"] is True
        assert made["total"] > 1.7
        assert service.requests == []

        service.queue = 10**6
        interrupted(project, service)
        assert [one.job.status for one in service.jobs.values()] == ["queued"]
        shown = json.loads(kedro(project, "tune", "status", *ENV, "--json").stdout)
        assert [(one["kind"], one["status"]) for one in shown] == [
            ("file", ""),
            ("file", ""),
            ("tuning_job", "pending"),
        ]
        text = kedro(project, "tune", "cancel", *ENV, "--dry-run").stdout
        assert "would cancel ftjob-0001" in text

        service.queue = 0
        done = kedro(project, "run", "--pipeline", "tune", *ENV)
        text = done.stdout + done.stderr
        assert "attached to job ftjob-0001" in text
        for secret in (service.key, arm_double.SECRET):
            assert secret not in text
        verdict = json.loads((project / "data/clinic/08_reporting/tune_verdict.json").read_text())
        assert (verdict["decision"], verdict["version"]) == ("promoted", 1)
        assert (len(service.files), len(service.jobs)) == (2, 1)
        history = (project / "data/clinic/08_reporting/tune_history.csv").read_text()
        assert len(history.splitlines()) == 7
        assert arm.deployments == {}  # the comparison has ended
        assert "was taken down: the comparison is done, and it costs by the hour" in text
        parameters = project / "conf/clients/clinic/parameters.yml"
        kept = yaml.safe_load(parameters.read_text())
        kept["tune"]["hosted"] |= {"keep_deployment": True, "seed": 18}
        parameters.write_text(yaml.safe_dump(kept))
        kedro(project, "run", "--pipeline", "tune", *ENV)
        (name,) = arm.deployments
        assert json.loads(kedro(project, "tune", "down", name, *ENV, "--json").stdout)["down"] == [name]
        assert arm.deployments == {}
        refused = kedro(project, "tune", "down", "somebody-elses", *ENV, check=False)
        assert "was made by no tuning of this client" in refused.stderr


def interrupted(project: Path, service: OpenAIDouble) -> None:
    """A run that gets Ctrl-C while it waits for its job."""
    command = [sys.executable, "-m", "kedro", "run", "--pipeline", "tune", *ENV]
    run = subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    deadline = time.monotonic() + 120
    while len(service.calls("GET .*/checkpoints$")) < 2:
        assert time.monotonic() < deadline
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    text = run.communicate(timeout=60)[0]
    assert run.returncode != 0
    assert "job ftjob-0001 goes on at the service" in text
