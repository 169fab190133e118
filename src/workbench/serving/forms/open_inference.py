"""The Open Inference Protocol, version 2, over REST: a tensor a column.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md, section
"Inference". A column of *n* rows is a tensor of shape ``[n]`` or ``[n, 1]``. The protocol has no missing values; null
stands for one here, as it does in the other forms.
"""

from __future__ import annotations

from typing import Any

from workbench.serving.contract import Contract
from workbench.serving.forms.asked import Answer, Asked, object_of
from workbench.serving.refusals import Refusal

__all__ = ["DATATYPES", "OpenInference"]

_FLOATS = frozenset({"FP32", "FP64"})
_INTEGERS = {"INT32": 31, "INT64": 63}
DATATYPES = ("FP64", "FP32", "INT64", "INT32", "BYTES")
_NUMERIC = frozenset({"FP64", "FP32", "INT64", "INT32"})


class OpenInference:
    """``inputs`` → ``outputs``."""

    def parse(self, body: Any, contract: Contract) -> Asked:
        """Tensors that the model does not read are not looked at, beyond their names."""
        content = object_of(body)
        inputs = content.get("inputs")
        if type(inputs) is not list:
            raise Refusal(422, "the body has no list 'inputs'", field="inputs")
        named: dict[str, Any] = {}
        for tensor in inputs:
            if type(tensor) is not dict or type(tensor.get("name")) is not str:
                raise Refusal(422, "an input is not an object with a name", field="inputs")
            if named.setdefault(tensor["name"], tensor) is not tensor:
                raise Refusal(422, f"input '{tensor['name'][:80]}' is there twice", field=tensor["name"][:80])
        columns = contract.columns
        values = {name: _numbers(named[name], name, contract) for name in columns.numeric if name in named}
        values |= {name: _texts(named[name], name, contract) for name in columns.categorical if name in named}
        name = content.get("id")
        if name is not None and type(name) is not str:
            raise Refusal(422, "'id' is not a text", field="id")
        return Asked(contract.rows_of_columns(values, "inputs"), name, _wanted(content.get("outputs"), contract))

    def answer(self, answer: Answer) -> dict[str, Any]:
        """A tensor a column of what is predicted."""
        found = [("prediction", answer.predicted.prediction), ("probability", answer.predicted.probability)]
        wanted = answer.asked.outputs
        return {
            "model_name": answer.model,
            "model_version": answer.version,
            "id": answer.asked.id or answer.request_id,
            "outputs": [
                {"name": name, "shape": [len(values)], "datatype": _datatype(values), "data": values}
                for name, values in found
                if values is not None and (wanted is None or name in wanted)
            ],
        }


def _numbers(tensor: dict[str, Any], name: str, contract: Contract) -> list[Any]:
    kind, data = _data(tensor, name, contract)
    if kind not in _NUMERIC:
        raise Refusal(422, f"column '{name}' is of type {_shown(kind)}, not of a number's", field=name)
    if kind in _INTEGERS:
        limit = 1 << _INTEGERS[kind]
        for at, value in enumerate(data):
            if value is not None and (type(value) is not int or not -limit <= value < limit):
                raise Refusal(422, f"column '{name}' has something else than {kind} or null", field=name, row=at)
    return _rounded(data, name) if kind == "FP32" else data


def _rounded(data: list[Any], name: str) -> list[Any]:
    """As 32 bits hold them: who says FP32 gets what a binary tensor of that type would give."""
    import numpy as np

    for at, value in enumerate(data):
        if type(value) not in {float, int, type(None)}:
            raise Refusal(422, f"column '{name}' has something else than FP32 or null", field=name, row=at)
        if value is not None and abs(value) > np.finfo(np.float32).max:
            raise Refusal(422, f"column '{name}' has a number beyond FP32", field=name, row=at)
    return [None if value is None else float(np.float32(value)) for value in data]


def _texts(tensor: dict[str, Any], name: str, contract: Contract) -> list[Any]:
    kind, data = _data(tensor, name, contract)
    if kind != "BYTES":
        raise Refusal(422, f"column '{name}' is of type {_shown(kind)}, not BYTES", field=name)
    return data


def _data(tensor: dict[str, Any], name: str, contract: Contract) -> tuple[Any, list[Any]]:
    """The type and the values of a tensor, flat."""
    shape: Any = tensor.get("shape")
    data: Any = tensor.get("data")
    if type(data) is not list:
        raise Refusal(422, f"input '{name}' has no list 'data'", field=name)
    if not _is_column(shape):
        raise Refusal(422, f"the shape of input '{name}' is neither [n] nor [n, 1]", field=name)
    rows = shape[0]
    if rows > contract.most_rows:
        raise Refusal(
            413, f"{rows} rows are more than the {contract.most_rows} of one request", field=name, reason="too_large"
        )
    if len(data) != rows:
        raise Refusal(422, f"input '{name}' has {len(data)} values and says {rows}", field=name)
    if len(shape) == 2 and data and type(data[0]) is list:
        for at, row in enumerate(data):
            if type(row) is not list or len(row) != 1:
                raise Refusal(422, f"row {at} of input '{name}' is not a list of one value", field=name, row=at)
        data = [row[0] for row in data]
    return tensor.get("datatype"), data


def _is_column(shape: Any) -> bool:
    if type(shape) is not list or len(shape) not in {1, 2} or not all(type(size) is int for size in shape):
        return False
    return shape[0] >= 0 and (len(shape) == 1 or shape[1] == 1)


def _shown(kind: Any) -> str:
    return kind if kind in DATATYPES else "another kind"


def _wanted(outputs: Any, contract: Contract) -> tuple[str, ...] | None:
    """Names out of ``outputs``; an empty list is all of them, as in the protocol."""
    if outputs is None or outputs == []:
        return None
    has = ("prediction",) if contract.columns.task == "regression" else ("prediction", "probability")
    if type(outputs) is not list or not all(type(one) is dict and one.get("name") in has for one in outputs):
        raise Refusal(422, f"the model's outputs are {' and '.join(has)}", field="outputs")
    return tuple(one["name"] for one in outputs)


def _datatype(values: list[Any]) -> str:
    return {int: "INT64", float: "FP64", str: "BYTES"}[type(values[0])]
