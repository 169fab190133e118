"""MLflow's form, which Databricks Model Serving uses: ``dataframe_records``, ``dataframe_split``, and two more.

MLflow, "Deploy MLflow Model as a Local Inference Server", section "Accepted input formats"; Databricks, "Query serving
endpoints for custom models". The answer is ``{"predictions": [{"prediction": …, "probability": …}]}``, as MLflow's own
server gives it for a model that returns a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.serving.contract import Contract
from workbench.serving.forms.asked import Answer, Asked, object_of
from workbench.serving.refusals import Refusal

__all__ = ["Invocations"]

_KEYS = ("dataframe_records", "dataframe_split", "instances", "inputs")


class Invocations:
    """``dataframe_records`` and its siblings → ``predictions``."""

    def parse(self, body: Any, contract: Contract) -> Asked:
        """Exactly one of the four keys; ``params`` changes nothing."""
        content = object_of(body)
        given = [key for key in _KEYS if key in content]
        if len(given) != 1:
            raise Refusal(422, f"the body has {len(given)} of the keys {', '.join(_KEYS)}; give exactly one")
        (key,) = given
        value = content[key]
        if key == "dataframe_split":
            return Asked(contract.rows_of_columns(_split(value), key))
        if key == "inputs" and type(value) is dict:
            return Asked(contract.rows_of_columns(_lists(value), key))
        return Asked(contract.rows_of_records(value, key))

    def answer(self, answer: Answer) -> dict[str, Any]:
        """A record a row."""
        return {"predictions": answer.predicted.records()}


def _lists(value: Mapping[str, Any]) -> Mapping[str, list[Any]]:
    for name, values in value.items():
        if type(values) is not list:
            raise Refusal(422, f"'{name[:80]}' is not a list", field=name[:80])
    return value


def _split(value: Any) -> dict[str, list[Any]]:
    """As pandas' ``to_dict(orient="split")`` writes it; ``index`` is not looked at."""
    if type(value) is not dict or type(value.get("columns")) is not list or type(value.get("data")) is not list:
        raise Refusal(422, "'dataframe_split' has no list 'columns' and no list 'data'", field="dataframe_split")
    names, rows = value["columns"], value["data"]
    if not all(type(name) is str for name in names) or len(set(names)) < len(names):
        raise Refusal(422, "'columns' is not a list of different names", field="columns")
    for at, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise Refusal(422, f"row {at} of 'data' is not a list of {len(names)} values", field="data", row=at)
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
