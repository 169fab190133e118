"""The two files of a new client, with the reasons of each guess as comments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from workbench.clients.model import Task
from workbench.onboarding.guesses import Guess
from workbench.onboarding.look import ColumnLook, TableLook

__all__ = ["Proposal", "client_yml", "schema_yml"]


RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True)
class Proposal:
    """Everything that the two files say.

    Attributes:
        source: the settings of the source, ``kind`` and ``path`` among them.
        others: names of tables that were found beside it.
        train_seconds: what one training may take.
        personal: column to reason.
    """

    client: str
    title: str
    owner: str
    table: str
    source: dict[str, Any]
    look: TableLook
    target: str
    key: Guess[tuple[str, ...]]
    time: Guess[str | None]
    task: Guess[Task]
    metric: Guess[str]
    personal: dict[str, str]
    others: tuple[str, ...] = ()
    train_seconds: int = 300


def client_yml(made: Proposal) -> str:
    """The text of client.yml."""
    time = made.time.value
    lines = [
        "# yaml-language-server: $schema=../../schemas/client.schema.json",
        "# Proposed from a look at the data. Every line is yours to change; `kedro client check` tells what is wrong.",
        f"id: {made.client}",
        f"title: {_scalar(made.title)}",
        f"owner: {_scalar(made.owner)}",
        'description: "" # what is predicted, from what, and what for: it opens the report',
        "",
        "sources:",
        f"  {_scalar(made.table)}: {_flow(made.source)}",
        *_others(made),
        "",
        f"key: {_flow(list(made.key.value))} # {made.key.why}",
        f"time_column: {_scalar(time)} # {made.time.why}" if time else f"# time_column: # {made.time.why}",
        f"target: {_scalar(made.target)} # {_target_note(made)}",
        f"task: {made.task.value} # {made.task.why}",
        "recipe: auto # infers the features; docs/recipes.md shows how to write one",
        f"split: {{by: {'time' if time else 'key'}, validation: 0.15, test: 0.15}} # the test rows are "
        + ("the latest" if time else "chosen by a hash of the key"),
        "",
        *_personal(made),
        "protected: [] # groups that must be treated alike: metrics are split by them",
        "",
        f"metric: {{name: {made.metric.value}, margin: 0.0}} # {made.metric.why}",
        f"budgets: {{train_seconds: {made.train_seconds}, bad_rows_share: 0.01}}",
    ]
    return "\n".join(lines) + "\n"


def _others(made: Proposal) -> list[str]:
    if not made.others:
        return []
    return [f"  # also there, and joined by no rule; a recipe can: {', '.join(made.others)}"]


def _target_note(made: Proposal) -> str:
    column = made.look.columns[made.target]
    return f"missing in {column.missing:,} of {made.look.rows:,} rows" if column.missing else "in every row"


def _personal(made: Proposal) -> list[str]:
    if not made.personal:
        return ["personal: [] # columns about a person: never a feature, never in a report; none was found"]
    reasons = [f"  - {_scalar(name)} # {why}" for name, why in made.personal.items()]
    return ["personal: # columns about a person: never a feature, never in a report", *reasons]


def schema_yml(made: Proposal) -> str:
    """The text of schema.yml: types and gaps as they are; what was seen as comments, since it is not what may be."""
    lines = [
        "# yaml-language-server: $schema=../../schemas/schema.schema.json",
        "# Types and gaps as found. `min`, `max`, `isin` and `pattern` are yours to add: rows that break them",
        "# go to quarantine. What was seen stands behind each column.",
        "tables:",
        f"  {_scalar(made.table)}:",
        f"    key: {_flow(list(made.key.value))}",
        "    columns:",
        *(f"      {_line(column, made)}" for column in made.look.columns.values()),
    ]
    return "\n".join(lines) + "\n"


def _line(column: ColumnLook, made: Proposal) -> str:
    settings: dict[str, Any] = {"type": column.spec.type}
    if column.spec.format is not None:
        settings["format"] = column.spec.format
    if column.spec.scale is not None:
        settings["scale"] = column.spec.scale
    if column.missing:
        settings["nullable"] = True
    seen = [f"{column.distinct:,} different"]
    if column.missing:
        seen.append(f"{column.missing:,} missing")
    # Nothing of a person's, not even the smallest date of birth.
    if column.low is not None and column.name not in made.personal:
        seen.append(f"{column.low} … {column.high}")
    if column.date:
        seen.append(column.date)
    return f"{_scalar(column.name)}: {_flow(settings)} # {', '.join(seen)}"


def _flow(value: Any) -> str:
    """YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """JSON's strings are YAML's (YAML 1.2, section 1.3); words that mean nothing else to YAML 1.1 stay plain."""
    if isinstance(value, str) and value.replace("_", "").isalnum() and value.isascii() and value[0].isalpha():
        return f'"{value}"' if value.lower() in RESERVED else value
    return json.dumps(value, ensure_ascii=False)
