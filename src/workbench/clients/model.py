"""One client, as ``conf/clients/<client>/client.yml`` says it.

The model is frozen and refuses what it does not know. ``id`` is a slug because slashes and hyphens break Airflow,
Databricks and Dagster names. No field names a class or a function: ``recipe`` and ``kind`` are looked up in registries
that lie in our code.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.clients.brand import Brand
from workbench.clients.delivery import Delivery
from workbench.clients.engines import DuckdbEngine, Engine
from workbench.clients.hosted import Hosted
from workbench.clients.schedule import Schedule, ScheduleName
from workbench.clients.serving import Serving
from workbench.clients.sources import Source
from workbench.clients.targets import Target, TargetName

__all__ = ["CLIENT_ID", "Budgets", "Client", "Metric", "Split", "Task", "is_device"]

CLIENT_ID = r"^[a-z][a-z0-9_]{1,39}$"
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Task = Literal["binary", "multiclass", "regression"]

METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier", "accuracy"),
    "multiclass": ("accuracy", "log_loss", "macro_f1"),
    "regression": ("rmse", "mae", "r2"),
}
"""The metrics that the gate can compare, by task; ``workbench.learning.metrics`` computes them."""


def is_device(name: str) -> bool:
    """Whether Windows takes a file of that name for a device, in whatever folder it lies."""
    return bool(_DEVICE.fullmatch(name))


class _Model(BaseModel):
    # Built when the first client is read: many commands import these models and read none.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Metric(_Model):
    """What decides between two models, and by how much."""

    name: str = Field(description="The primary metric, on held-out rows.")
    margin: float = Field(0.0, ge=0, description="A challenger must be better than the champion by at least this.")


class Split(_Model):
    """How rows are held out: the last ones in time, or a share chosen by a hash of the key."""

    by: Literal["time", "key"] = Field("key", description="`time` needs `time_column`; the test rows are the latest.")
    validation: float = Field(0.15, gt=0, lt=0.5, description="Share of the rows for early stopping.")
    test: float = Field(0.15, gt=0, lt=0.5, description="Share of the rows that no fit ever sees.")


class Budgets(_Model):
    """What a run may cost before it is stopped."""

    train_seconds: float = Field(600, gt=0, description="Wall-clock seconds for one training; the best so far counts.")
    bad_rows_share: float = Field(
        0.01, ge=0, le=1, description="Share of a table's rows that may go to quarantine before `ingest` fails."
    )
    serving_monthly: float | None = Field(
        None, ge=0, description="What serving may cost a month and target, in the currency of conf/base/prices.yml."
    )


class Client(_Model):
    """One client of the fleet."""

    id: str = Field(pattern=CLIENT_ID, description="The slug that names the client everywhere; equals its folder.")
    title: str = Field(min_length=1, max_length=80, description="The name that people read in reports.")
    owner: str = Field(min_length=3, description="Who answers for this client here: a name or an e-mail address.")
    description: str = Field("", description="What is predicted, from what, and what for: one or two sentences.")
    ring: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")] = Field(
        "all", description="When a change reaches the client: `canary` and other rings go first, `all` once they held."
    )
    since: datetime | None = Field(None, description="When the client was taken on.")
    industry: str | None = Field(
        None, pattern=CLIENT_ID, description="A folder under conf/industries: what is below this file and above base."
    )

    sources: dict[Name, Source] = Field(min_length=1, description="Table name to where it comes from.")
    key: tuple[Name, ...] = Field(min_length=1, description="Columns that identify one row of the features.")
    time_column: Name | None = Field(None, description="When the row was known; orders the split by time.")
    target: Name = Field(description="The column to predict.")
    task: Task = Field(description="What kind of prediction it is.")
    recipe: Name = Field("auto", description="A module under pipelines/prepare/recipes; `auto` infers one.")
    engine: Engine = Field(
        default_factory=DuckdbEngine, description="What runs the expressions of `prepare`, and where its tables lie."
    )
    split: Split = Field(default_factory=Split, description="How rows are held out.")

    personal: tuple[Name, ...] = Field((), description="Columns about a person: never a feature, never in a report.")
    protected: tuple[Name, ...] = Field((), description="Groups that must be treated alike: metrics are split by them.")
    segments: tuple[Name, ...] = Field((), description="Feature columns by whose values metrics are also reported.")
    monotone: dict[Name, Literal["increasing", "decreasing"]] = Field(
        default_factory=dict,
        description="Number features in whose direction the prediction must move when they alone grow; `evaluate` "
        "checks it.",
    )

    metric: Metric = Field(description="The primary metric and the margin of the promotion gate.")
    budgets: Budgets = Field(default_factory=Budgets, description="What a run may cost.")
    hosted: Hosted | None = Field(None, description="Where language models are tuned, if not on this machine.")
    brand: Brand = Field(default_factory=Brand, description="How the client's reports look.")
    schedule: dict[ScheduleName, Schedule] = Field({}, description="By name: which reports are made, and when.")
    deliver: dict[ScheduleName, Delivery] = Field({}, description="By name: where reports go.")
    serving: Serving = Field(default_factory=Serving, description="How `kedro serve` answers.")
    deploy: dict[TargetName, Target] = Field({}, description="By name: where models are served.")

    @model_validator(mode="after")
    def _tunes_where_it_can(self) -> Client:
        name = self.hosted.target if self.hosted is not None else None
        if name is not None and (name not in self.deploy or self.deploy[name].kind != "azure_openai"):
            raise ValueError(f"hosted.target is '{name}', which is no azure_openai target under `deploy`")
        return self

    @model_validator(mode="after")
    def _agree(self) -> Client:
        if self.metric.name not in METRICS[self.task]:
            raise ValueError(
                f"metric '{self.metric.name}' does not fit task '{self.task}'; "
                f"take one of {', '.join(METRICS[self.task])}"
            )
        if self.monotone and self.task == "multiclass":
            raise ValueError("`monotone` needs one number a row to move; a multiclass task has several")
        if self.split.by == "time" and self.time_column is None:
            raise ValueError("split.by is 'time' but there is no time_column")
        if self.split.validation + self.split.test > 0.8:
            raise ValueError("split.validation and split.test leave less than a fifth of the rows to train on")
        if self.target in self.key:
            raise ValueError(f"the target '{self.target}' is also a key column")
        if self.target in self.personal:
            raise ValueError(f"the target '{self.target}' is named as personal")
        for name, schedule in self.schedule.items():
            for place in schedule.deliver:
                if place not in self.deliver:
                    raise ValueError(f"schedule.{name} delivers to '{place}', which is not a name under `deliver`")
        return self
