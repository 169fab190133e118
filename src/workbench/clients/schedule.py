"""When a client's reports are made: one small model, named by the client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["Schedule", "ScheduleName"]

ScheduleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Format = Literal["html", "pdf"]

OPERATORS_ONLY = frozenset({"fleet_overview"})
"""Templates about the whole fleet."""


class Schedule(BaseModel):
    """What happens at each slot of a cron expression: pipelines, then reports, then their delivery."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    cron: str = Field(
        description="Five fields, as Debian's cron reads them: minute, hour, day of month, month, day of week (0 or 7 "
        "is Sunday). When clocks change, a job of a skipped hour runs right after it, and none runs twice."
    )
    timezone: str = Field("UTC", description="IANA time zone that `cron` is read in.")
    pipelines: tuple[Identifier, ...] = Field((), description="Run first, in this order; a failure sends no report.")
    templates: tuple[Identifier, ...] = Field(
        ("model_card", "data_quality"), min_length=1, description="Names under notebooks/reports."
    )
    parameters: dict[Identifier, dict[Identifier, bool | int | float | str]] = Field(
        {}, description="By template: the values of its parameters that differ from their defaults."
    )
    formats: tuple[Format, ...] = Field(("html",), min_length=1, description="`html`, `pdf`, or both.")
    deliver: tuple[ScheduleName, ...] = Field((), description="Names under `deliver`; none only keeps the reports.")
    missed: Literal["last", "all", "skip"] = Field(
        "last", description="What becomes of slots that passed while no scheduler ran: the newest, all, or none."
    )
    grace_minutes: int = Field(15, ge=0, le=1440, description="A slot at most this late was not missed.")
    retries: int = Field(3, ge=0, le=20, description="How often a slot is begun again after what may pass.")
    timeout_minutes: int = Field(120, ge=1, le=1440, description="Wall-clock time for one attempt; then it is ended.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"'{value}' is not an IANA time zone, such as Europe/Zurich") from error
        return value

    @field_validator("cron")
    @classmethod
    def _comes_sometime(cls, value: str) -> str:
        if len(value.split()) != 5:
            raise ValueError(f"'{value}' does not have the five cron fields: minute hour day month weekday")
        try:
            next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))
        except CronSimError as error:
            raise ValueError(f"'{value}' is not a cron expression: {str(error).lower()}") from None
        except StopIteration:
            raise ValueError(f"'{value}' never comes") from None
        return value

    @field_validator("templates")
    @classmethod
    def _may_leave_the_house(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name in OPERATORS_ONLY:
                raise ValueError(f"'{name}' names every client, so no client may get it")
        return value

    @model_validator(mode="after")
    def _parameters_of_templates(self) -> Schedule:
        for template in self.parameters:
            if template not in self.templates:
                raise ValueError(f"parameters are given for '{template}', which is not among the templates")
        return self
