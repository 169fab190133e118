"""Every client's tuned language model to Azure OpenAI and back, by the commands that a person types.

    python tests/targets/everywhere_language.py PROJECT [CLIENT ...]

The service and the resource manager are the doubles of ``tests/doubles``. What was typed and said is the transcript.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "doubles"))

import arm_double
from arm_double import ArmDouble
from loopback_tls import make_certificate, server_context
from openai_double import OpenAIDouble

CLIENTS = ("skyways", "tradewinds", "clinic")
MODEL = "gpt-4.1-mini-2025-04-14"
ANSWERS = {
    "skyways": "We rebook you on the next flight, and pay for {} hours of waiting.",
    "tradewinds": "You may send it back within {} days.",
    "clinic": "Please call us again in {} days.",
}


def parameters_of(client: str) -> dict[str, Any]:
    """What is tuned, and how it is judged."""
    tune = {
        "examples": {"file": f"data/{client}/01_raw/examples.jsonl", "validation": 0.2, "test": 0.2},
        "hosted": {"model": MODEL},
        "evaluate": {"max_new_tokens": 20, "examples": 5},
        "gate": {"fewest_examples": 3, "margin": 0.01},
    }
    return {"tune": tune}


@contextmanager
def account(project: Path, client: str) -> Iterator[tuple[dict[str, str], ArmDouble]]:
    """A client with an account at the doubles, inside the block: its secrets as variables."""
    path, parameters = (project / f"conf/clients/{client}" / name for name in ("client.yml", "parameters.yml"))
    before = path.read_text()
    with ExitStack() as stack:
        certificate = make_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory()), "certificate.pem"))
        service = stack.enter_context(OpenAIDouble("azure"))
        arm = stack.enter_context(ArmDouble(server_context(certificate)))
        service.deployments = lambda: {"gpt-41-mini": MODEL, **arm.up()}
        hosted: dict[str, Any] = {"service": "azure_openai", "target": "cloud", "base_deployment": "gpt-41-mini"}
        hosted |= {"poll_seconds": 0.05, "settle_seconds": 0.2}
        section = {"hosted": hosted, "deploy": {"cloud": arm.settings(service.address)}}
        path.write_text(yaml.safe_dump({**yaml.safe_load(before), **section}, sort_keys=False))
        parameters.write_text(yaml.safe_dump(parameters_of(client)))
        secrets = {
            "AZURE_TENANT_ID": arm_double.TENANT,
            "AZURE_CLIENT_ID": arm_double.PRINCIPAL,
            "AZURE_CLIENT_SECRET": arm_double.SECRET,
            "AZURE_OPENAI_API_KEY": service.key,
        }
        variables = {f"{client.upper()}__{name}": value for name, value in secrets.items()}
        try:
            yield {**variables, "REQUESTS_CA_BUNDLE": str(certificate)}, arm
        finally:
            path.write_text(before)
            parameters.unlink()


def write_examples(project: Path, client: str, answer: str) -> None:
    """Forty questions with one answer."""
    path = project / f"data/{client}/01_raw/examples.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"prompt": f"Case {number}: what now?", "response": answer} for number in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def walk(project: Path, clients: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Type it all: each command, and what it said.

    Raises:
        SystemExit: a command has failed.
    """
    for client in clients:
        with account(project, client) as (secrets, arm):
            env, cloud = f"--env clients/{client}", f"--env clients/{client} --target cloud"

            def typed(words: str, secrets: Mapping[str, str] = secrets) -> tuple[str, str]:
                return f"$ kedro {words}", give(project, words, secrets)

            write_examples(project, client, ANSWERS[client].format(3))
            yield typed(f"run --pipeline tune {env}")
            yield typed(f"deploy plan {cloud}")
            yield typed(f"deploy apply {cloud}")
            # What is to be answered has changed, so a second model is tuned.
            write_examples(project, client, ANSWERS[client].format(14))
            yield typed(f"run --pipeline tune {env}")
            yield typed(f"deploy apply {cloud}")
            yield typed(f"deploy canary {cloud} --percent 10")
            yield "# 1,000 callers choose by the tags", callers(arm)
            yield typed(f"deploy status {cloud}")
            yield typed(f"deploy promote {cloud}")
            yield typed(f"deploy rollback {cloud}")
            yield "# 1,000 callers choose by the tags", callers(arm)
            yield typed(f"deploy destroy {cloud} --yes")
            yield typed(f"tune down --all {env}")
            assert arm.deployments == {}


def callers(arm: ArmDouble) -> str:
    """Where 1,000 callers go that choose by the tags on the deployments."""
    from workbench.targets.azure_openai.target import choose

    tags = {name: int(one.tags.get("workbench-traffic", "0")) for name, one in sorted(arm.deployments.items())}
    traffic = {int(name.rpartition("-v")[2]): share for name, share in tags.items() if share}
    chosen = [choose(traffic, f"caller {number}") for number in range(1000)]
    return ", ".join(f"version {version}: {chosen.count(version)}" for version in sorted(set(chosen)))


def give(project: Path, words: str, secrets: Mapping[str, str]) -> str:
    """Give one command in a process of its own; what it says. Of a run, whose log is long, its verdict."""
    command = [sys.executable, "-m", "kedro", *words.split()]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        sys.exit(f"kedro {words} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    if not words.startswith("run "):
        return done.stdout.rstrip("\n")
    verdict = json.loads((project / f"data/{words.rpartition('/')[2]}/08_reporting/tune_verdict.json").read_text())
    return f"{verdict['model']} version {verdict['version']}: {verdict['decision']} ({'; '.join(verdict['reasons'])})"


if __name__ == "__main__":
    for said, answer in walk(Path(sys.argv[1]).resolve(), sys.argv[2:] or CLIENTS):
        print(said, answer, sep="\n", flush=True)
