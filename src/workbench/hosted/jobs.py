"""Fine-tuning jobs: each is made once, known again, and told apart from all others by what it is made of.

Calls: ``POST /fine_tuning/jobs``, ``GET /fine_tuning/jobs``, ``GET /fine_tuning/jobs/{id}``, ``POST …/cancel``
(https://developers.openai.com/api/reference/resources/fine_tuning,
https://learn.microsoft.com/rest/api/azureopenai/fine-tuning).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.hosted.examples import Method
from workbench.hosted.ledger import Making, make_once
from workbench.hosted.session import Session
from workbench.targets.book import Book

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

__all__ = ["ENDED", "KIND", "JobSpec", "cancel", "ensure_job", "find", "retrieve"]

_LOG = logging.getLogger(__name__)

KIND = "tuning_job"
ENDED = frozenset({"succeeded", "failed", "cancelled"})
LABEL = "workbench"
MOST_LISTED = 2000
LONGEST_SUFFIX = 40
"""Characters; Azure's limit, OpenAI takes 64."""

Auto = Literal["auto"]


@dataclass(frozen=True)
class JobSpec:
    """What a job is made of; the same is the same job.

    Attributes:
        client: whose.
        endpoint: the account.
        model: the base model.
        method: supervised, or dpo for preference pairs.
        training: sha256 of the training file's bytes.
        validation: of the validation file's.
        epochs: passes, or ``auto``.
        batch_size: examples a step.
        learning_rate_multiplier: of the service's own rate.
        beta: of dpo.
        seed: of the service's random numbers.
        suffix: what a person wants to read in the tuned model's name.
    """

    client: str
    endpoint: str
    model: str
    method: Method
    training: str
    validation: str
    epochs: int | Auto = 3
    batch_size: int | Auto = "auto"
    learning_rate_multiplier: float | Auto = "auto"
    beta: float | Auto = "auto"
    seed: int = 17
    suffix: str | None = None

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name the job."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def full_suffix(self) -> str:
        """The suffix with the client and the job's name, so that a list of models can be read."""
        start = self.suffix or self.client.replace("_", "-")
        return f"{start[: LONGEST_SUFFIX - 9]}-{self.key[:8]}"

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """As the API names them."""
        own = {"beta": self.beta} if self.method == "dpo" else {}
        rate = self.learning_rate_multiplier
        return {"n_epochs": self.epochs, "batch_size": self.batch_size, "learning_rate_multiplier": rate, **own}


def ensure_job(session: Session, book: Book, spec: JobSpec, training_file: str, validation_file: str) -> str:
    """The id of the job; one that runs, or has succeeded, is attached to."""
    facts: dict[str, Any] = {"model": spec.model, "training_file": training_file, "validation_file": validation_file}
    facts |= {"seed": spec.seed, "suffix": spec.full_suffix}

    def make() -> str:
        return _create(session, spec, training_file, validation_file)

    making = Making(lambda: find(session, spec.key, facts), make, session.hosted.settle_seconds, session.scale)
    return make_once(book, KIND, spec.key, making, facts)


def retrieve(session: Session, job_id: str) -> FineTuningJob:
    """The job as it is."""
    from openai.types.fine_tuning import FineTuningJob

    return session.call(lambda api: api.fine_tuning.jobs.retrieve(job_id), FineTuningJob)


def cancel(session: Session, job_id: str) -> FineTuningJob:
    """Ask the service to stop the job; what was trained until then may be billed."""
    from openai.types.fine_tuning import FineTuningJob

    return session.call(lambda api: api.fine_tuning.jobs.cancel(job_id), FineTuningJob)


def find(session: Session, key: str, facts: Mapping[str, Any]) -> str | None:
    """The id of a job that is this one, and was neither cancelled nor failed; None if none is listed. Asked once.

    Args:
        key: of what it is made of.
        facts: of its row in the ledger.
    """
    from openai.pagination import SyncCursorPage

    after: str | None = None
    for _ in range(MOST_LISTED // 100):
        page = session.once(
            lambda api, after=after: api.fine_tuning.jobs.list(  # type: ignore[misc]
                limit=100, **({"after": after} if after else {})
            ),
            SyncCursorPage,
        )
        for one in page.data:
            if one.status not in {"failed", "cancelled"} and _is(one, key, facts):
                _LOG.info("found job %s, which is %s", one.id, one.status)
                return str(one.id)
        if not page.has_more or not page.data:
            return None
        after = page.data[-1].id
    return None


def _is(job: FineTuningJob, key: str, facts: Mapping[str, Any]) -> bool:
    """By its label; where the API has no labels, by file, model and seed. The file's id stands for its content."""
    label = (job.metadata or {}).get(LABEL)
    if label is not None:
        return label == key
    suffix = (job.model_extra or {}).get("user_provided_suffix") or (job.model_extra or {}).get("suffix")
    wanted = tuple(facts.get(name) for name in ("training_file", "model", "seed"))
    return (job.training_file, job.model, job.seed) == wanted and suffix in {None, facts.get("suffix")}


def _create(session: Session, spec: JobSpec, training_file: str, validation_file: str) -> str:
    from openai.types.fine_tuning import FineTuningJob

    request: dict[str, Any] = {
        "model": spec.model,
        "training_file": training_file,
        "validation_file": validation_file,
        "seed": spec.seed,
        "suffix": spec.full_suffix,
    }
    method = {"type": spec.method, spec.method: {"hyperparameters": spec.hyperparameters}}
    if not session.account.is_dated:
        request |= {"method": method, "metadata": {LABEL: spec.key, "client": spec.client}}
    elif spec.method == "dpo":
        request["method"] = method
    else:
        # Azure's dated versions know neither labels nor "auto".
        request["hyperparameters"] = {name: one for name, one in spec.hyperparameters.items() if one != "auto"}
    made = session.once(lambda api: api.fine_tuning.jobs.create(**request), FineTuningJob)
    _LOG.info("job %s was made: %s on %s", made.id, spec.model, training_file)
    return made.id
