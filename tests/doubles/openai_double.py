"""OpenAI's API as it is published: files, fine-tuning jobs, events, checkpoints, chat completions.

Requests are parsed, and answers made, by the SDK's own types; pages are those of
https://developers.openai.com/api/reference (resources ``files``, ``fine_tuning``, ``chat``). In the flavour ``azure`` it
answers below ``/openai/v1`` and, for dated versions, below ``/openai`` with ``api-version``, as
https://learn.microsoft.com/rest/api/azureopenai says: with its states, and without what it does not know.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, Literal

from double_service import Answer, Request, Service, route
from openai.types import FileDeleted, FileObject
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.completion_usage import CompletionUsage
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.fine_tuning_job import Error, Hyperparameters, Method
from openai.types.fine_tuning.job_create_params import JobCreateParams
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai.types.fine_tuning.jobs.fine_tuning_job_checkpoint import Metrics
from pydantic import TypeAdapter, ValidationError

__all__ = ["OpenAIDouble"]

JOB: TypeAdapter[Any] = TypeAdapter(JobCreateParams)
CHAT: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
CREATED = 1_790_000_000
V1 = r"(?:/openai)?/v1"
ROOT = rf"(?:{V1}|/openai)"
STEPS = 6


@dataclass
class _Job:
    job: FineTuningJob
    looks: int = 0
    steps: int = 0
    events: list[FineTuningJobEvent] = field(default_factory=list)
    checkpoints: list[FineTuningJobCheckpoint] = field(default_factory=list)


class OpenAIDouble(Service):
    """A server on loopback.

    Attributes:
        keys: what is let in.
        deployments: for Azure: what a deployment's name stands for; None takes model names as they are.
        fails: what the next job fails of.
        lag: so many lists do not show a new file or job yet.
        queue: looks at a job before it runs.
        file_looks: looks at a file before it is processed.
        tokens: of each job, when it has ended; what is billed.
        says: by model, what it answers to everything, in place of what it has learned.
    """

    def __init__(self, flavour: Literal["openai", "azure"] = "openai", key: str = "sk-double-0123456789") -> None:
        super().__init__()
        self.azure = flavour == "azure"
        self.key, self.keys = key, {key}
        self.deployments: Callable[[], Mapping[str, str]] | None = None
        self.fails: Error | None = None
        self.lag, self.queue, self.file_looks = 0, 1, 1
        self.files: dict[str, FileObject] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, _Job] = {}
        self.chats: list[tuple[str, str]] = []
        self.says: dict[str, str] = {}
        self._file_looks: Counter[str] = Counter()
        self._listings: Counter[str] = Counter()

    # ---- what every request goes through ------------------------------------------------------------------------------

    def authorise(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = request.headers.get("api-key") or bearer
        if given not in self.keys:
            raise self.error(401, f"Incorrect API key provided: {given[:8]}***", "invalid_api_key")
        dated = request.path.startswith("/openai/") and not request.path.startswith("/openai/v1/")
        if dated and "api-version" not in request.query:
            raise self.error(404, "Resource not found", "404")

    def error(self, status: int, message: str, code: str | None = None) -> Answer:
        body = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return Answer(status, {"error": body})

    # ---- files --------------------------------------------------------------------------------------------------------

    @route("POST", rf"{ROOT}/files")
    def upload(self, request: Request) -> Any:
        head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
        message = message_from_bytes(head + request.body, policy=HTTP)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        if set(parts) != {"file", "purpose"} or parts["purpose"].get_content().strip() != "fine-tune":
            raise self.error(400, "file and purpose are asked for")
        content = parts["file"].get_payload(decode=True)
        return self.put_file(parts["file"].get_filename(), content, status="pending" if self.azure else "uploaded")

    def put_file(self, name: str, content: bytes, *, status: str, size: int | None = None) -> dict[str, Any]:
        """A file as it is after an upload."""
        number = len(self.files) + 1
        made = FileObject.construct(
            id=f"file-{number:04}",
            bytes=len(content) if size is None else size,
            created_at=CREATED + number,
            filename=name,
            object="file",
            purpose="fine-tune",
            status=status,
        )
        self.files[made.id], self.contents[made.id] = made, content
        return made.to_dict()

    @route("GET", rf"{ROOT}/files")
    def list_files(self, request: Request) -> Any:
        listed = [
            one for one in self.files.values() if self._is_listed(one.id) and one.purpose == request.query["purpose"]
        ]
        return self._page(request, sorted(listed, key=lambda one: -one.created_at))

    @route("GET", rf"{ROOT}/files/(?P<item>[^/]+)")
    def get_file(self, request: Request, item: str) -> Any:
        found = self._there(self.files, item)
        self._file_looks[item] += 1
        if self._file_looks[item] > self.file_looks and found.status in {"uploaded", "pending"}:
            found.status = "processed"
        return found.to_dict()

    @route("DELETE", rf"{ROOT}/files/(?P<item>[^/]+)")
    def delete_file(self, request: Request, item: str) -> Any:
        self._there(self.files, item)
        del self.files[item]
        return FileDeleted(id=item, deleted=True, object="file").to_dict()

    # ---- jobs ---------------------------------------------------------------------------------------------------------

    @route("POST", rf"{ROOT}/fine_tuning/jobs")
    def create(self, request: Request) -> Any:
        wanted = request.json()
        try:
            JOB.validate_python(wanted, extra="forbid")
        except ValidationError as error:
            raise self.error(400, str(error.errors()[0]["loc"]), "invalid_value") from None
        dated = "api-version" in request.query
        if dated and (set(wanted) & {"metadata"} or wanted.get("method", {}).get("type") == "supervised"):
            raise self.error(400, "Unknown parameter", "unknown_parameter")
        if len(wanted.get("suffix") or "") > (40 if self.azure else 64):
            raise self.error(400, "suffix is too long", "invalid_value")
        self._ready(wanted["training_file"])
        self._ready(wanted["validation_file"])
        number = len(self.jobs) + 1
        parameters = wanted.get("hyperparameters") or next(
            one["hyperparameters"] for kind, one in wanted["method"].items() if kind != "type"
        )
        job = FineTuningJob(
            id=f"ftjob-{number:04}",
            created_at=CREATED + 100 * number,
            hyperparameters=Hyperparameters(**{key: one for key, one in parameters.items() if key != "beta"}),
            model=wanted["model"],
            object="fine_tuning.job",
            organization_id="org-double",
            result_files=[],
            seed=wanted["seed"],
            status="validating_files",
            training_file=wanted["training_file"],
            validation_file=wanted["validation_file"],
            metadata=wanted.get("metadata"),
            method=Method.construct(**wanted["method"]) if "method" in wanted else None,
        )
        job.__pydantic_extra__ = {"user_provided_suffix": wanted.get("suffix")}
        self.jobs[job.id] = _Job(job)
        self._tell(self.jobs[job.id], f"Created fine-tuning job: {job.id}")
        return self._shown(job)

    @route("GET", rf"{ROOT}/fine_tuning/jobs")
    def list_jobs(self, request: Request) -> Any:
        jobs = [one.job for key, one in self.jobs.items() if self._is_listed(key)]
        return self._page(request, sorted(jobs, key=lambda one: -one.created_at), self._shown)

    @route("GET", rf"{ROOT}/fine_tuning/jobs/(?P<item>[^/]+)")
    def get_job(self, request: Request, item: str) -> Any:
        one = self._there(self.jobs, item)
        one.looks += 1
        self._go_on(one)
        return self._shown(one.job)

    @route("POST", rf"{ROOT}/fine_tuning/jobs/(?P<item>[^/]+)/cancel")
    def cancel(self, request: Request, item: str) -> Any:
        one = self._there(self.jobs, item)
        if one.job.status in {"succeeded", "failed", "cancelled"}:
            raise self.error(400, f"Job has already completed: {item}", "invalid_value")
        one.job.status = "cancelled"
        self._tell(one, "The job was cancelled")
        return self._shown(one.job)

    @route("GET", rf"{ROOT}/fine_tuning/jobs/(?P<item>[^/]+)/events")
    def events(self, request: Request, item: str) -> Any:
        return self._page(request, list(reversed(self._there(self.jobs, item).events)))

    @route("GET", rf"{ROOT}/fine_tuning/jobs/(?P<item>[^/]+)/checkpoints")
    def checkpoints(self, request: Request, item: str) -> Any:
        return self._page(request, list(reversed(self._there(self.jobs, item).checkpoints)))

    # ---- chat ---------------------------------------------------------------------------------------------------------

    @route("POST", rf"{V1}/chat/completions")
    def chat(self, request: Request) -> Any:
        return self._chat(request, request.json()["model"])

    @route("POST", r"/openai/deployments/(?P<deployment>[^/]+)/chat/completions")
    def chat_of_deployment(self, request: Request, deployment: str) -> Any:
        return self._chat(request, deployment)

    def _chat(self, request: Request, name: str) -> Any:
        wanted = request.json()
        try:
            CHAT.validate_python({"model": name, **wanted})
        except ValidationError as error:
            raise self.error(400, str(error.errors()[0]["loc"]), "invalid_value") from None
        model = name
        if self.deployments is not None:
            if name not in self.deployments():
                raise self.error(404, "The API deployment for this resource does not exist.", "DeploymentNotFound")
            model = self.deployments()[name]
        job = next((one for one in self.jobs.values() if one.job.fine_tuned_model == model), None)
        if ("ft" in model.split(":")[0].split(".")[-1] or model.startswith("ft:")) and job is None:
            raise self.error(404, f"The model `{model}` does not exist", "model_not_found")
        question = wanted["messages"][-1]["content"]
        self.chats.append((model, question))
        text = self.says.get(model) or (self._learned(job) if job else "I do not know.")
        longest = wanted.get("max_completion_tokens") or wanted.get("max_tokens")
        message = ChatCompletionMessage(role="assistant", content=" ".join(text.split()[:longest]))
        return ChatCompletion(
            id=f"chatcmpl-{len(self.chats)}",
            choices=[Choice(index=0, finish_reason="stop", message=message)],
            created=CREATED,
            model=model,
            object="chat.completion",
            usage=CompletionUsage(completion_tokens=1, prompt_tokens=10, total_tokens=11),
        ).to_dict()

    # ---- inside -------------------------------------------------------------------------------------------------------

    def _learned(self, one: _Job) -> str:
        """What a tuned model says to everything: the answer that it saw most often."""
        rows = [json.loads(line) for line in self.contents[one.job.training_file].splitlines()]
        said = [(row.get("preferred_output") or row["messages"])[-1]["content"] for row in rows]
        return Counter(said).most_common(1)[0][0]

    def _go_on(self, one: _Job) -> None:
        """A job moves with each look at it, as its time passes."""
        job, looks = one.job, one.looks
        if job.status in {"succeeded", "failed", "cancelled"}:
            return
        if looks <= self.queue:
            job.status = "queued"
            return
        if self.fails is not None:
            job.status, job.error, self.fails = "failed", self.fails, None
            self._tell(one, "The job failed due to an invalid training file.", level="error")
            return
        job.status = "running"
        for _ in range(2):
            one.steps += 1
            self._step(one, one.steps)
        if one.steps >= STEPS:
            self._succeed(one)

    def _step(self, one: _Job, step: int) -> None:
        values = {"train_loss": 2.0 / step, "train_mean_token_accuracy": 1 - 1 / (step + 1), "valid_loss": 2.5 / step}
        data = {"step": step, "total_steps": STEPS, **values}
        self._tell(one, f"Step {step}/{STEPS}: training loss={values['train_loss']:.2f}", data=data, kind="metrics")
        if step % 3 == 0:
            metrics = Metrics(step=step, full_valid_loss=2.4 / step, **values)
            one.checkpoints.append(
                FineTuningJobCheckpoint(
                    id=f"ftckpt-{one.job.id[6:]}-{step}",
                    created_at=one.job.created_at + step,
                    fine_tuned_model_checkpoint=f"{self._model_name(one)}:ckpt-step-{step}",
                    fine_tuning_job_id=one.job.id,
                    metrics=metrics,
                    object="fine_tuning.job.checkpoint",
                    step_number=step,
                )
            )

    def _succeed(self, one: _Job) -> None:
        job = one.job
        job.status, job.finished_at = "succeeded", job.created_at + 60
        job.fine_tuned_model, job.trained_tokens = self._model_name(one), 3 * len(self.contents[job.training_file])
        self._tell(one, "The job has successfully completed")

    def _model_name(self, one: _Job) -> str:
        suffix = one.job.model_extra["user_provided_suffix"] if one.job.model_extra else "none"
        digest = hashlib.sha256(one.job.id.encode()).hexdigest()
        return f"{one.job.model}.ft-{digest[:32]}-{suffix}" if self.azure else f"ft:{one.job.model}:org::{digest[:8]}"

    def _tell(self, one: _Job, message: str, *, level: Any = "info", data: Any = None, kind: Any = "message") -> None:
        number = len(one.events)
        one.events.append(
            FineTuningJobEvent(
                id=f"ftevent-{one.job.id[6:]}-{number}",
                created_at=one.job.created_at + number // 2,
                level=level,
                message=message,
                object="fine_tuning.job.event",
                data=data,
                type=kind,
            )
        )

    def _shown(self, job: FineTuningJob) -> dict[str, Any]:
        shown = job.to_dict()
        if self.azure and job.status in {"validating_files", "queued"}:
            shown["status"] = "pending"
        if not self.azure and "metadata" not in shown:
            shown["metadata"] = None
        return shown

    def _ready(self, file_id: str) -> None:
        if file_id not in self.files:
            raise self.error(400, f"invalid training_file: {file_id}", "invalid_value")
        if self.files[file_id].status != "processed":
            raise self.error(
                400, "The specified file reference must point to a completed file import.", "invalidPayload"
            )

    def _there(self, things: dict[str, Any], item: str) -> Any:
        if item not in things:
            raise self.error(404, f"No such object: {item}", "not_found")
        return things[item]

    def _is_listed(self, item: str) -> bool:
        """Lists are behind: a thing shows up only in some later one."""
        self._listings[item] += 1
        return self._listings[item] > self.lag

    def _page(
        self, request: Request, things: list[Any], shown: Callable[[Any], Any] = lambda one: one.to_dict()
    ) -> Any:
        limit, after = int(request.query.get("limit", 20)), request.query.get("after")
        begin = next((place + 1 for place, one in enumerate(things) if one.id == after), 0)
        page = [shown(one) for one in things[begin : begin + limit]]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return {"object": "list", "data": page, "has_more": begin + limit < len(things), **ends}
