"""The document of a model's own columns: OpenAPI 3.1, and the Open Inference Protocol's metadata."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any

from workbench.serving.contract import Contract
from workbench.serving.forms.open_inference import DATATYPES
from workbench.serving.options import Options
from workbench.serving.versions import Version

__all__ = ["document", "examples", "metadata"]


def metadata(model: str, versions: list[str], version: Version) -> dict[str, Any]:
    """``GET /v2/models/{name}``: specification, section "Model Metadata"."""
    columns = version.contract.columns
    inputs = [{"name": name, "datatype": "FP64", "shape": [-1]} for name in columns.numeric]
    inputs += [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in columns.categorical]
    kind = {"binary": "INT64", "multiclass": "BYTES", "regression": "FP64"}[columns.task]
    outputs = [{"name": "prediction", "datatype": kind, "shape": [-1]}]
    if columns.task != "regression":
        outputs.append({"name": "probability", "datatype": "FP64", "shape": [-1]})
    return {
        "name": model,
        "versions": versions,
        "platform": "workbench_tabular",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": {"task": columns.task, "target": columns.target, "described_version": version.name},
    }


def examples(contract: Contract, model: Any) -> dict[str, Any]:
    """A value for each column: a number's median among the training rows, a category's first value."""
    knots = _knots(model)
    found: dict[str, Any] = {}
    for name in contract.columns.numeric:
        values = knots.get(name, ())
        found[name] = float(f"{values[len(values) // 2]:.4g}") if values else 0.0
    for name in contract.columns.categorical:
        found[name] = min(contract.known[name], default=None)
    return found


def document(options: Options, version: Version) -> dict[str, Any]:
    """``GET /openapi.json``."""
    contract = version.contract
    columns = contract.columns
    example = examples(contract, version.model)
    row = {
        "type": "object",
        "required": list(columns.features),
        "properties": {
            **{name: _column("number", example[name]) for name in columns.numeric},
            **{
                name: _column("string", example[name]) | _some_values(contract, options, name)
                for name in columns.categorical
            },
        },
        "additionalProperties": True,
        "example": example,
    }
    schemas: dict[str, Any] = {"Row": row, "Prediction": _prediction(contract), "Refusal": _refusal()}
    schemas |= _tensors(contract, example)
    content: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"Model {options.model}",
            "version": version.name,
            "description": f"Predicts `{columns.target}` ({columns.task}). sha256 {version.sha256}. "
            f"A request has {contract.most_rows} rows and {options.serving.limits.body_bytes:,} bytes at most.",
            "x-workbench": package_version("smithright-workbench"),
        },
        "paths": _paths(options, example),
        "components": {"schemas": schemas},
    }
    if options.serving.auth is not None:
        content["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        content["security"] = [{"bearer": []}]
    return content


def _knots(model: Any) -> dict[str, tuple[float, ...]]:
    """Quantiles of the training values, from whichever part of the model has them."""
    if model.kind == "ensemble":
        return {name: knots for member in model.members.values() for name, knots in _knots(member).items()}
    return getattr(getattr(model, "encoder", None), "knots", {})


def _column(kind: str, example: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], "examples": [example]}


def _some_values(contract: Contract, options: Options, name: str) -> dict[str, Any]:
    known = sorted(contract.known[name])
    if options.serving.unknown_categories == "refuse":
        return {"enum": [*known, None]}
    shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return {"description": f"Values that the model has learned: {shown}."}


def _prediction(contract: Contract) -> dict[str, Any]:
    columns = contract.columns
    kinds: dict[str, dict[str, Any]] = {
        "binary": {"type": "integer", "enum": [0, 1]},
        "multiclass": {"type": "string", "enum": list(columns.classes or ())},
        "regression": {"type": "number"},
    }
    properties = {"prediction": kinds[columns.task]}
    if columns.task != "regression":
        properties["probability"] = {"type": "number", "minimum": 0, "maximum": 1}
    return {"type": "object", "required": list(properties), "properties": properties}


def _refusal() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "field": {"type": "string"}, "row": {"type": "integer"}},
    }


def _tensors(contract: Contract, example: dict[str, Any]) -> dict[str, Any]:
    columns = contract.columns
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string", "enum": list(columns.features)},
            "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            "datatype": {"type": "string", "enum": list(DATATYPES)},
            "data": {"type": "array", "items": {"type": ["number", "string", "null"]}},
        },
    }
    request = {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": tensor}},
        "example": {
            "inputs": [
                {
                    "name": name,
                    "shape": [1],
                    "datatype": "FP64" if name in columns.numeric else "BYTES",
                    "data": [example[name]],
                }
                for name in columns.features
            ]
        },
    }
    return {"InferenceRequest": request}


def _paths(options: Options, example: dict[str, Any]) -> dict[str, Any]:
    rows = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Row"}}
    predictions = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
    infer = _post("Open Inference Protocol", {"$ref": "#/components/schemas/InferenceRequest"}, {"type": "object"})
    looks = {
        "/v2": "The server",
        "/v2/health/live": "Whether the process answers",
        "/v2/health/ready": "Whether a model is loaded, checked and warm",
        "/v2/health/status": "Which versions are in force, and what went wrong last",
        f"/v2/models/{options.model}": "The model's columns",
        f"/v2/models/{options.model}/ready": "Whether the model answers",
        "/metrics": "For Prometheus",
        options.health_route: "As /v2/health/ready, for Vertex AI",
    }
    pinned = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        **{
            path: {"get": {"summary": said, "responses": {"200": {"description": "Yes"}}}}
            for path, said in looks.items()
        },
        f"/v2/models/{options.model}/infer": infer,
        f"/v2/models/{options.model}/versions/{{version}}/infer": {"parameters": [pinned], **infer},
        options.predict_route: _post("Vertex AI", _body("instances", rows, example), _body("predictions", predictions)),
        "/invocations": _post(
            "MLflow and Databricks", _body("dataframe_records", rows, example), _body("predictions", predictions)
        ),
    }


def _body(key: str, items: dict[str, Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "required": [key], "properties": {key: items}}
    return schema if example is None else {**schema, "example": {key: [example]}}


def _post(said: str, asked: dict[str, Any], answered: dict[str, Any]) -> dict[str, Any]:
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    refused = {
        "400": "No JSON",
        "401": "No token that counts",
        "413": "Too large",
        "422": "A column is missing, or holds what it must not",
        "429": "Too much waits; see Retry-After",
    }
    answer = {"description": "Predictions", "content": {"application/json": {"schema": answered}}}
    return {
        "post": {
            "summary": f"Predict: {said}",
            "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
            "responses": {
                "200": answer,
                **{status: {"description": text, "content": refusal} for status, text in refused.items()},
            },
        }
    }
