"""A client with an account at a double of a service, and everything of ``tune`` that comes after its examples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import arm_double

# Imported here, so that a process that is forked has them at once.
import yaml
from arm_double import ArmDouble
from double_service import in_child
from openai_double import OpenAIDouble

from pipelines.tune import nodes
from pipelines.tune.parameters import TuneParameters
from workbench.clients import ClientRegistry
from workbench.datasets import ClientFiles, TunedModelFolder
from workbench.hosted.ledger import book_of
from workbench.registry.store import Store, open_store
from workbench.targets.book import Book

__all__ = ["CLIENT", "LIVE", "MODEL", "ROOT", "SECRETS", "World", "azure_settings", "azure_world", "live_world", "rows"]

ROOT = Path(__file__).parents[2]
CLIENT = {
    "id": "acme",
    "title": "Acme",
    "owner": "tests@smithright.example",
    "sources": {"t": {"kind": "csv", "path": "data/acme/t.csv"}},
    "key": ["id"],
    "target": "y",
    "task": "binary",
    "metric": {"name": "roc_auc"},
}
MODEL = "gpt-4.1-mini-2025-04-14"
SECRETS = {
    "ACME__AZURE_TENANT_ID": arm_double.TENANT,
    "ACME__AZURE_CLIENT_ID": arm_double.PRINCIPAL,
    "ACME__AZURE_CLIENT_SECRET": arm_double.SECRET,
}
EXAMPLES = {"file": "data/acme/01_raw/examples.jsonl", "validation": 0.2, "test": 0.2}


def rows(count: int = 40) -> list[dict[str, str]]:
    """One answer to many questions."""
    return [{"prompt": f"Is number {number} even or odd? Say yes.", "response": "yes"} for number in range(count)]


@dataclass
class World:
    """A project with the client ``acme``, and the services that it has an account at."""

    project: Path
    openai: OpenAIDouble | None
    arm: ArmDouble | None = None
    template: Callable[[], Path] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    deploy: dict[str, Any] = field(default_factory=dict)
    model: str = MODEL

    @property
    def files(self) -> ClientFiles:
        return ClientFiles("acme", self.project)

    @property
    def book(self) -> Book:
        return book_of(self.project, "acme")

    @property
    def store(self) -> Store:
        return open_store(self.project)

    def configure(self, **hosted: Any) -> None:
        """Write client.yml; arguments change its block ``hosted``."""
        self.settings |= hosted
        deploy = {"deploy": {"cloud": self.deploy}} if self.deploy else {}
        text = yaml.safe_dump({**CLIENT, "hosted": self.settings, **deploy})
        (self.project / "conf/clients/acme/client.yml").write_text(text)

    def parameters(self, **changes: Any) -> TuneParameters:
        """``tune`` of this client."""
        block: dict[str, Any] = {
            "examples": EXAMPLES,
            "hosted": {"model": self.model},
            "evaluate": {"max_new_tokens": 4, "examples": 5, "batch_size": 1},
            "gate": {"fewest_examples": 3, "margin": 0.1},
        }
        for name, values in changes.items():
            block[name] = {**block.get(name, {}), **values}
        return TuneParameters(**block)

    def write(self, given: list[dict[str, Any]]) -> None:
        path = self.project / EXAMPLES["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in given))

    def tune(self, **changes: Any) -> dict[str, Any]:
        """The pipeline's nodes, one after the other, as Kedro runs them; the verdict."""
        self.bring_store()
        parameters, files = self.parameters(**changes), self.files
        train, validation, test, _ = nodes.prepare_examples(files, parameters)
        made = nodes.estimate_tuning(files, train, validation, test, parameters)
        tuned = nodes.tune_model(files, train, validation, made, parameters)[0]
        folder = self.folder
        folder.save(tuned)
        evaluation = nodes.evaluate_generation(files, folder.load(), test, parameters)[2]
        client = ClientRegistry(self.project).load("acme")
        return nodes.register_language_model(client, files, folder.load(), train, test, evaluation, parameters)

    def hold_out(self, references: list[str]) -> None:
        """Held-out examples, as ``tune`` leaves them here."""
        path = self.project / "data/acme/05_model_input/tune_test.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = [
            [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": reference}]
            for number, reference in enumerate(references)
        ]
        path.write_text("".join(json.dumps({"messages": messages}) + "\n" for messages in asked))

    def bring_store(self) -> None:
        """A store that was made once; who does not tune does not pay for it."""
        if self.template is not None and not (self.project / ".mlflow").exists():
            shutil.copytree(self.template() / ".mlflow", self.project / ".mlflow")

    @property
    def folder(self) -> TunedModelFolder:
        return TunedModelFolder(
            filepath=str(self.project / "models/acme/tuned"), client="acme", path=str(self.project / "conf")
        )

    def tune_in_child(self, **changes: Any) -> int:
        """The same in a process that may be killed; how it ended."""
        self.bring_store()
        return in_child(lambda: self.tune(**changes))

    def curve(self, name: str = "tune_train_loss") -> list[tuple[int, float]]:
        """All points of a curve of all jobs' runs, as MLflow has them."""
        store = self.store
        runs = store.api.search_runs([store.experiment("acme")], filter_string="tags.hosted_job != ''")
        return sorted(
            (point.step, point.value) for run in runs for point in store.api.get_metric_history(run.info.run_id, name)
        )


def azure_world(
    project: Path, service: OpenAIDouble, arm: ArmDouble, template: Callable[[], Path] | None = None
) -> World:
    """The configuration of one."""
    service.deployments = lambda: {"base": MODEL, **arm.up()}
    made = World(project, service, arm, template)
    settings, made.deploy = azure_settings(service, arm)
    made.configure(**settings)
    made.write(rows())
    return made


def azure_settings(service: OpenAIDouble, arm: ArmDouble) -> tuple[dict[str, Any], dict[str, Any]]:
    """The blocks ``hosted`` and ``deploy.cloud`` of a client with an account there."""
    hosted = {"service": "azure_openai", "target": "cloud", "base_deployment": "base"}
    return {**hosted, "poll_seconds": 0.01, "settle_seconds": 0.2}, arm.settings(service.address)


LIVE = {"openai": "LIVE_OPENAI_API_KEY", "azure": "LIVE_AZURE_DEPLOY"}
"""The variable that says that there is an account of the kind."""


def live_world(kind: str, environ: Mapping[str, str], project: Path, patch: Any, template: Callable[[], Path]) -> World:
    """An account of the environment's; what is asked for there is paid."""
    if kind == "openai":
        patch.setenv("ACME__OPENAI_API_KEY", environ["LIVE_OPENAI_API_KEY"])
        made = World(project, None, template=template, model=environ["LIVE_OPENAI_MODEL"])
        made.settings = {"endpoint": environ.get("LIVE_OPENAI_ENDPOINT", "https://api.openai.com/v1")}
        made.configure(service="openai", budget=5.0)
    else:
        for name in environ:
            if name.startswith("AZURE_"):
                patch.setenv(f"ACME__{name}", environ[name])
        made = World(project, None, template=template, model=environ["LIVE_AZURE_MODEL"])
        made.deploy = json.loads(environ["LIVE_AZURE_DEPLOY"])
        base = environ["LIVE_AZURE_BASE_DEPLOYMENT"]
        made.configure(service="azure_openai", target="cloud", base_deployment=base, budget=5.0)
    made.write(rows())
    return made
