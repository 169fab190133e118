"""A model that was tuned at a service, as a folder: one file that says where it is and what it is made of.

Nothing in it is a secret, and nothing in it changes while the model does not: its sha256 is the model's identity in the
registry, as that of the weights is for a model that was tuned here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import ModelError
from workbench.files import durable_folder

__all__ = ["RECORD", "HostedFolder", "HostedModel"]

RECORD = "hosted.json"
FORMAT = 1


@dataclass(frozen=True)
class HostedModel:
    """Where a tuned model is, and what it is made of.

    Attributes:
        service: ``openai`` or ``azure_openai``.
        endpoint: address of the account.
        base: the service's name of the base model.
        model: its name of the tuned one.
        job: id of the fine-tuning job.
        method: ``supervised`` or ``dpo``.
        deployment: what the tuned model answers as; for Azure a deployment, else the model itself.
        base_deployment: the same of the base model.
        training_sha256: of the training file.
        validation_sha256: of the validation file.
        hyperparameters: as the job was given them, and the seed.
        trained_tokens: what the service billed; None if it does not say.
    """

    service: str
    endpoint: str
    base: str
    model: str
    job: str
    method: str
    deployment: str
    base_deployment: str
    training_sha256: str
    validation_sha256: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    trained_tokens: int | None = None

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> HostedModel:
        """What :meth:`save` wrote."""
        fields = dict(record)
        if fields.pop("format") != FORMAT:
            raise ValueError("format")
        return cls(**fields)

    def tags(self) -> dict[str, str]:
        """For a version in the registry."""
        return {
            "base_model": self.base,
            "method": self.method,
            "service": self.service,
            "fine_tuned_model": self.model,
            "hosted_job": self.job,
            "deployment": self.deployment,
            "training_sha256": self.training_sha256,
        }

    def save(self, folder: Path) -> None:
        """Write it durably, as the whole content of a folder."""
        with durable_folder(folder) as staging:
            text = json.dumps({**asdict(self), "format": FORMAT}, indent=1, sort_keys=True)
            (staging / RECORD).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class HostedFolder:
    """A folder that holds one.

    Attributes:
        folder: where it lies.
        record: what it says.
    """

    folder: Path
    record: HostedModel

    @classmethod
    def is_here(cls, folder: Path) -> bool:
        """Whether a folder holds a hosted model, and not weights."""
        return (folder / RECORD).is_file()

    @classmethod
    def check(cls, folder: Path) -> HostedFolder:
        """Read it.

        Raises:
            ModelError: it cannot be read.
        """
        path = folder / RECORD
        try:
            return cls(folder, HostedModel.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{RECORD} cannot be read ({type(error).__name__})",
                where=str(path),
                hint="tune it again: `kedro run --pipeline tune`; a job that is done is not paid for again",
            ) from error
