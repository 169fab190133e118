"""The parameters of ``tune``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "EvaluateSettings",
    "ExampleSettings",
    "GateSettings",
    "HostedSettings",
    "JudgeSettings",
    "ModelSettings",
    "TrainSettings",
    "TuneParameters",
]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleSettings(_Settings):
    """Where the examples are, and what becomes of them."""

    file: str | None = Field(None, description="A JSONL file of the project, by its path from the project's folder.")
    table: str | None = Field(None, description="Instead of a file: a table of the client, as `ingest` left it.")
    messages: str | None = Field(
        "messages", description="The field with a list of chat messages; a row without it has prompt and response."
    )
    prompt: str = Field("prompt", description="The field, or column, with what is asked.")
    response: str = Field("response", description="The field, or column, with the answer to learn.")
    rejected: str = Field(
        "rejected",
        description="The field, or column, with a worse answer: all rows have it, or none. Services learn it.",
    )
    system: str | None = Field(None, description="A system message for each example that has none.")
    mask: bool = Field(True, description="Whether e-mail addresses, phone, account, card and id numbers are masked.")
    validation: float = Field(0.1, gt=0, lt=0.5, description="Share of the prompts that choose the checkpoint.")
    test: float = Field(0.1, gt=0, lt=0.5, description="Share of the prompts that no choice is made by.")

    @model_validator(mode="after")
    def _one_place(self) -> ExampleSettings:
        if self.file and self.table:
            raise ValueError("examples.file and examples.table are both set; give one of them")
        return self


class ModelSettings(_Settings):
    """The base model."""

    path: str | None = Field(
        None, description="A folder of the project, or a hub id such as `owner/name` that is in the local cache."
    )
    revision: str | None = Field(None, description="Of a hub id: a commit names one model for good.")
    allow_download: bool = Field(False, description="Whether a hub id that is not in the cache may be downloaded.")


class TrainSettings(_Settings):
    """How it is tuned; :class:`workbench.learning.language.TuneConfig` says more."""

    method: Literal["lora", "full"] = Field("lora", description="Adapters of low rank, or all weights.")
    lora_rank: int = Field(16, ge=1, le=1024, description="Rank r of the adapters.")
    lora_alpha: float = Field(32.0, gt=0, description="The adapters are scaled by alpha / r.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    lora_targets: str = Field(
        "all-linear", description="`all-linear`, or module names with commas between: `q_proj,v_proj`."
    )
    merge: bool = Field(False, description="Whether adapters are merged into the weights when the model is saved.")
    sequence_length: int = Field(2048, ge=8, description="Tokens of a packed sequence; longer examples are left out.")
    packs_per_step: int = Field(4, ge=1, description="Packed sequences between two updates of the weights.")
    epochs: int = Field(3, ge=1, description="Passes over the training examples, at most.")
    learning_rate: float = Field(0.0002, gt=0, lt=1, description="The highest of the schedule.")
    weight_decay: float = Field(0.0, ge=0, lt=1, description="Of AdamW.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the steps in which the rate rises; then a cosine.")
    clip: float = Field(1.0, gt=0, description="Largest norm of a step's gradient.")
    steps_per_round: int = Field(
        100, ge=1, description="Steps between two validations, each with a checkpoint; an epoch's end is one too."
    )
    budget_seconds: float = Field(3600.0, gt=0, description="Wall-clock seconds; the best checkpoint so far counts.")
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto", description="`auto` turns it on when the GPU's memory runs out."
    )
    seed: int = Field(17, ge=0, lt=2**32, description="Of adapters, dropout and the order of the examples.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` is CUDA if there is one, else the CPU.")


class HostedSettings(_Settings):
    """Tuning at a service instead of on this machine; ``hosted`` in client.yml says whose, and what it may cost."""

    model: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}$",
        description="The service's name of a base model; set, the tuning happens there.",
    )
    epochs: int | Literal["auto"] = Field(3, description="Passes over the examples; `auto` is estimated as 25.")
    batch_size: int | Literal["auto"] = Field("auto", description="Examples between two updates of the weights.")
    learning_rate_multiplier: float | Literal["auto"] = Field("auto", description="Of the service's own rate.")
    beta: float | Literal["auto"] = Field("auto", description="For preference pairs: how far from the base is too far.")
    seed: int = Field(17, ge=0, lt=2**31, description="Of the service's random numbers.")
    suffix: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9-]{0,29}$", description="Part of the tuned model's name, for people."
    )
    keep_deployment: bool = Field(
        False, description="Whether the deployment of the comparison stays up; it costs by the hour."
    )

    @model_validator(mode="after")
    def _sensible(self) -> HostedSettings:
        numbers = {"epochs": self.epochs, "batch_size": self.batch_size, "beta": self.beta}
        numbers["learning_rate_multiplier"] = self.learning_rate_multiplier
        for name, value in numbers.items():
            if value != "auto" and not 0 < value <= {"epochs": 50, "batch_size": 10_000}.get(name, 100):
                raise ValueError(f"hosted.{name} is out of range")
        return self


class JudgeSettings(_Settings):
    """A model that grades answers by a rubric; off unless ``model`` is set."""

    model: str | None = Field(None, description="Name of the judging model at the endpoint; nothing: no judge.")
    endpoint: str = Field(
        "https://api.openai.com/v1", description="Address of an OpenAI-compatible API; http only on this machine."
    )
    key_variable: str = Field(
        "JUDGE_API_KEY", pattern=r"^[A-Z][A-Z0-9_]*$", description="Name of the client's secret that is the key."
    )
    rubric: str = Field(
        "Is the answer correct and complete, compared with the reference? Ignore differences of wording alone.",
        min_length=10,
        description="What the grade is given for.",
    )
    examples: int = Field(50, ge=1, description="At most so many held-out examples are judged.")
    timeout_seconds: float = Field(60.0, gt=0, description="For one answer.")
    retries: int = Field(4, ge=0, le=10, description="After 429, 500 and lost connections, as Retry-After says.")

    @field_validator("endpoint")
    @classmethod
    def _safe(cls, value: str) -> str:
        from urllib.parse import urlsplit

        parts = urlsplit(value)
        here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if not parts.hostname or parts.username or parts.scheme not in ({"http", "https"} if here else {"https"}):
            raise ValueError("judge.endpoint must be an https:// address without a user; http:// only on this machine")
        return value


class EvaluateSettings(_Settings):
    """How answers are generated and compared."""

    max_new_tokens: int = Field(256, ge=1, description="Longest answer.")
    examples: int = Field(200, ge=1, description="At most so many held-out examples are answered.")
    batch_size: int = Field(8, ge=1, description="Prompts that are answered at once.")


class GateSettings(_Settings):
    """What makes a tuned model the champion."""

    metric: Literal["rouge_l", "exact_match", "judge"] = Field("rouge_l", description="What decides.")
    margin: float = Field(0.01, ge=0, description="The tuned model must be better than its base by at least this.")
    fewest_examples: int = Field(20, ge=1, description="Fewer held-out examples than this decide nothing.")


class TuneParameters(_Settings):
    """``params:tune``. A client sets ``examples.file`` (or ``table``), and ``model.path`` or ``hosted.model``."""

    examples: ExampleSettings = Field(default_factory=ExampleSettings, description="Where the examples are.")
    model: ModelSettings = Field(default_factory=ModelSettings, description="The base model.")
    train: TrainSettings = Field(default_factory=TrainSettings, description="How it is tuned.")
    hosted: HostedSettings = Field(default_factory=HostedSettings, description="Tuning at a service instead.")
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings, description="How answers are compared.")
    judge: JudgeSettings = Field(default_factory=JudgeSettings, description="A model that grades answers.")
    gate: GateSettings = Field(default_factory=GateSettings, description="What makes a champion.")

    @model_validator(mode="after")
    def _judge_there(self) -> TuneParameters:
        if self.gate.metric == "judge" and self.judge.model is None:
            raise ValueError("gate.metric is 'judge' but judge.model is not set")
        return self
