"""All forms of a request give what the model says; what is not right is refused, by field and row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi.openapi.models import OpenAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def expected(saved: Any, table: pa.Table, predict: Callable[..., Any]) -> tuple[list[Any], list[float]]:
    return predict(saved["3"].model, table)


VERTEX = "/v1/endpoints/77/deployedModels/88:predict"
INFER = "/v2/models/tiny/infer"


def records(table: pa.Table) -> list[dict[str, Any]]:
    rows = table.to_pylist()
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]


def tensors(table: pa.Table, shape: Callable[[int], list[int]] = lambda rows: [rows]) -> dict[str, Any]:
    rows = records(table)
    return {
        "id": "mine",
        "inputs": [
            {
                "name": name,
                "shape": shape(len(rows)),
                "datatype": "BYTES" if name in {"kind", "void"} else "FP64",
                "data": [row[name] for row in rows],
            }
            for name in table.column_names
            if name != "y"
        ],
    }


def test_vertex_answers_what_score_writes(server: Any, table: pa.Table, expected: Any) -> None:
    code, answer, headers = server.ask(VERTEX, {"instances": records(table), "parameters": {"any": 1}})
    assert code == 200
    assert [row["prediction"] for row in answer["predictions"]] == expected[0]
    assert [row["probability"] for row in answer["predictions"]] == expected[1]
    assert (answer["deployedModelId"], answer["modelVersionId"]) == ("88", "3")
    assert headers["x-model-version"] == "3"
    assert server.ask("/v1/endpoints/77/deployedModels/88")[0] == 200


def test_open_inference_answers_what_score_writes(server: Any, table: pa.Table, expected: Any) -> None:
    for path in (INFER, "/v2/models/tiny/versions/3/infer"):
        code, answer, _ = server.ask(path, tensors(table))
        assert code == 200
        first, second = answer.pop("outputs")
        assert answer == {"model_name": "tiny", "model_version": "3", "id": "mine"}
        assert first == {"name": "prediction", "shape": [400], "datatype": "INT64", "data": expected[0]}
        assert second == {"name": "probability", "shape": [400], "datatype": "FP64", "data": expected[1]}
    body = tensors(table.slice(0, 2), lambda rows: [rows, 1])
    body["inputs"][0]["data"] = [[value] for value in body["inputs"][0]["data"]]
    body["outputs"] = [{"name": "probability"}]
    outputs = server.ask(INFER, body)[1]["outputs"]
    assert [output["name"] for output in outputs] == ["probability"]
    np.testing.assert_allclose(outputs[0]["data"], expected[1][:2], rtol=1e-5)


def test_invocations_answer_what_score_writes(server: Any, table: pa.Table, expected: Any) -> None:
    rows = records(table)
    names = list(rows[0])
    split = {"index": list(range(400)), "columns": names, "data": [[row[name] for name in names] for row in rows]}
    columns = {name: [row[name] for row in rows] for name in names}
    for body in (
        {"dataframe_records": rows},
        {"dataframe_split": split},
        {"inputs": columns},
        {"inputs": rows},
        {"instances": rows, "params": {}},
    ):
        code, answer, _ = server.ask("/invocations", body)
        assert code == 200
        assert [row["probability"] for row in answer["predictions"]] == expected[1]


def test_what_the_server_says_of_itself(server: Any) -> None:
    assert server.ask("/v2")[1]["name"] == "workbench"
    assert server.ask("/v2/health/live")[:2] == (200, {"live": True})
    assert server.ask("/v2/health/ready")[:2] == (200, {"ready": True})
    assert server.ask("/v2/models/tiny/ready")[:2] == (200, {"name": "tiny", "ready": True})
    assert server.ask("/v2/models/tiny/versions/3/ready")[0] == 200
    about = server.ask("/v2/models/tiny")[1]
    assert (about["name"], about["versions"]) == ("tiny", ["3"])
    assert {tensor["name"]: tensor["datatype"] for tensor in about["inputs"]} == {
        "slope": "FP64", "wave": "FP64", "constant": "FP64", "empty": "FP64", "kind": "BYTES", "void": "BYTES",
    }  # fmt: skip
    assert server.ask("/ping")[0] == 200
    assert server.ask("/v2/health/live", method="HEAD")[:2] == (200, b"")


def test_the_openapi_document_names_every_column_and_its_examples_are_answered(server: Any) -> None:
    document = server.ask("/openapi.json")[1]
    OpenAPI.model_validate(document)
    assert document["openapi"] == "3.1.0"
    row = document["components"]["schemas"]["Row"]
    assert row["required"] == ["slope", "wave", "constant", "empty", "kind", "void"]
    assert row["properties"]["slope"]["type"] == ["number", "null"]
    assert row["properties"]["kind"]["type"] == ["string", "null"]
    assert "rare" in row["properties"]["kind"]["description"]
    assert -0.5 < row["properties"]["slope"]["examples"][0] < 0.5
    asked = 0
    for path, methods in document["paths"].items():
        if "post" not in methods:
            assert server.ask(path)[0] == 200
            continue
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        assert server.ask(path.replace("{version}", "3"), schema["example"])[0] == 200
        asked += 1
    assert asked == 4


def changed(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"instances": [row, {**row, **values}]}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"slope": "0.3"}, 422, "slope"),
        ({"slope": True}, 422, "slope"),
        ({"slope": [1]}, 422, "slope"),
        ({"kind": 3}, 422, "kind"),
        ({"kind": {"a": 1}}, 422, "kind"),
        ({"slope": float("nan")}, 422, "slope"),
        ({"wave": float("-inf")}, 422, "wave"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_field_and_row(
    server: Any, row: Any, change: Any, status: int, field: str
) -> None:
    code, answer, headers = server.ask(VERTEX, changed(row, **change))
    assert (code, answer["field"], answer["row"]) == (status, field, 1)
    assert f"'{field}'" in answer["error"]
    assert headers["x-request-id"]


def test_what_is_missing_is_refused_and_what_is_too_much_is_not_looked_at(server: Any, row: Any) -> None:
    less = {name: value for name, value in row.items() if name != "kind"}
    assert server.ask(VERTEX, {"instances": [row, less]})[1] | {"error": ""} == {"error": "", "field": "kind", "row": 1}
    assert server.ask(VERTEX, {"instances": [{**row, "name": "Ada", "more": [[1]]}]})[0] == 200
    assert server.ask(VERTEX, {"instances": [row] * 451})[0] == 413
    for body in ({}, {"instances": []}, {"instances": {}}, {"instances": [1]}, {"instances": [[0.3]]}, [], 1, None):
        assert server.ask(VERTEX, json.dumps(body).encode())[0] == 422
    code, answer, _ = server.ask(VERTEX, b'{"instances": [')
    assert (code, "character 15" in answer["error"]) == (400, True)
    assert server.ask(VERTEX, b"{}", headers={"Content-Type": "text/csv"})[0] == 415
    assert server.ask(VERTEX, b"{}", headers={"Content-Encoding": "gzip"})[0] == 415
    for depth, status in ((10, 200), (13, 422), (900, 422), (100_000, 422)):  # also where nobody looks at it
        nested = b'{"instances": [%s], "parameters": %s}' % (json.dumps(row).encode(), b"[" * depth + b"]" * depth)
        assert server.ask(VERTEX, nested)[0] == status
    assert server.ask(VERTEX, b"[" * 100_000)[0] == 422
    assert server.ask("/nothing")[0] == 404
    assert server.ask("/v2/models/other")[0] == 404
    assert server.ask("/v2/models/tiny/versions/9/infer", {})[0] == 404
    assert server.ask("/v2/health/live", {})[0] == 405
    assert server.ask(INFER, method="GET")[0] == 405


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [2]}, "has 1 values and says 2"),
        ({"shape": [1, 2]}, "neither [n] nor [n, 1]"),
        ({"shape": "1"}, "neither"),
        ({"datatype": "BYTES"}, "is of type BYTES"),
        ({"datatype": "FP99"}, "another kind"),
        ({"datatype": "INT64"}, "INT64 or null"),
        ({"datatype": "FP32", "data": [1e300]}, "beyond FP32"),
        ({"data": 3}, "no list 'data'"),
        ({"data": ["x"]}, "a number or null"),
        ({"data": [0.1, 0.2], "shape": [2]}, "rows, others have"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(server: Any, table: pa.Table, change: Any, said: str) -> None:
    body = tensors(table.slice(0, 1))
    body["inputs"][0] |= change
    code, answer, _ = server.ask(INFER, body)
    assert (code, said in answer["error"]) == (422, True), answer
    assert answer["field"] in {"slope", "wave"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = ["instances", "inputs", "dataframe_records", "dataframe_split", "parameters", "id", "outputs"]
rowlike = st.fixed_dictionaries(
    {name: json_values | st.just(0.5) | st.just("a") for name in ("slope", "wave", "constant", "empty", "kind", "void")}
)
tensorlike = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["slope", "kind"]) | json_values,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | json_values,
        "datatype": st.sampled_from(["FP64", "FP32", "INT64", "BYTES"]) | json_values,
        "data": st.lists(json_values, max_size=3) | json_values,
    }
)
bodies = json_values | st.dictionaries(
    st.sampled_from(KEYS), st.lists(rowlike | tensorlike, max_size=3) | tensorlike | json_values, max_size=3
)


@pytest.mark.parametrize("path", [VERTEX, INFER, "/invocations"])
def test_whatever_json_comes_is_answered_or_refused(server: Any, path: str) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(body=bodies)
    @example(body={"instances": [{"slope": 10**400}]})
    @example(body={"inputs": [{"name": "slope", "shape": [10**30], "datatype": "INT64", "data": []}]})
    def holds(body: Any) -> None:
        content = json.dumps(body).encode()
        connection.request("POST", path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert 200 <= answer.status < 500
        assert (answer.status == 200) != ("error" in told)

    try:
        holds()
    finally:
        connection.close()


def test_metrics_count_what_happened(server: Any, row: Any) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    def value(name: str, **labels: str) -> float:
        text = server.ask("/metrics")[1].decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    prefix = "workbench_serving_"
    names = [
        ("requests_total", {"version": "3", "status": "200", "route": "/invocations"}),
        ("request_seconds_count", {"version": "3"}),
        ("predicted_rows_total", {"version": "3"}),
        ("batch_rows_count", {"version": "3"}),
        ("unknown_categories_total", {"version": "3"}),
        ("refused_total", {"reason": "invalid"}),
    ]
    before = [value(prefix + name, **labels) for name, labels in names]
    server.ask("/invocations", {"dataframe_records": [row, {**row, "kind": "never seen"}]})
    server.ask("/invocations", {"dataframe_records": [1]})
    after = [value(prefix + name, **labels) for name, labels in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 2, 1, 1, 1]
    assert value(prefix + "traffic_share", version="3") == 100
    assert value(prefix + "ready") == 1


def test_a_trace_goes_on_where_the_caller_began_it(server: Any, collector: Any, row: Any) -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    server.ask(VERTEX, {"instances": [row]}, headers={"traceparent": f"00-{trace}-{parent}-01"})
    ends = time.monotonic() + 10
    found: list[Any] = []
    while len(found) < 2 and time.monotonic() < ends:
        time.sleep(0.05)
        found = [span for span in collector.spans if span.trace_id.hex() == trace]
    names = {span.name: span for span in found}
    request, model = names[f"POST {VERTEX}"], names["predict"]
    assert request.parent_span_id.hex() == parent
    assert model.parent_span_id == request.span_id
    told = {item.key: item.value for item in request.attributes}
    assert told["http.response.status_code"].int_value == 200
    assert told["workbench.model_version"].string_value == "3"
    assert collector.services == {"workbench-serving-tiny"}


def test_the_log_holds_features_and_predictions_but_nothing_left_out(server: Any, row: Any) -> None:
    path = server.folder / "log" / "predictions.jsonl"
    body = {"instances": [{**row, "wave": 12.375, "name": "Ada Lovelace"}] * 2}
    _, answer, _ = server.ask(VERTEX, body, headers={"X-Request-Id": "mine-1"})
    server.ask(VERTEX, body, headers={"X-Request-Id": "ada@example.org"})
    ends = time.monotonic() + 10
    lines: list[Any] = []
    while len(lines) < 2 and time.monotonic() < ends:
        time.sleep(0.05)
        lines = [line for line in map(json.loads, path.read_text().splitlines()) if line["request_id"] == "mine-1"]
    first, second = lines
    assert (first["model"], first["version"], first["row"], second["row"]) == ("tiny", "3", 0, 1)
    assert {key: first[key] for key in ("prediction", "probability")} == answer["predictions"][0]
    assert first["features"] == {name: value for name, value in row.items() if name != "wave"}
    time.sleep(0.5)
    text = path.read_text()
    for private in ("12.375", "Ada", "example.org"):
        assert private not in text


def test_no_value_of_a_request_is_in_what_the_server_says(server: Any, row: Any) -> None:
    code, answer, _ = server.ask(VERTEX, changed(row, slope="secret-4711"))
    assert code == 422
    assert "secret-4711" not in json.dumps(answer)
    assert "secret-4711" not in server.log()


def test_only_what_a_container_holds_was_imported(server: Any) -> None:
    """See blocked_main.py: the server of each test here runs where nothing else can be imported."""
    assert Path(f"/proc/{server.process.pid}/cmdline").read_bytes().split(b"\0")[1].endswith(b"blocked_main.py")
    blocked = set(json.loads((server.folder / "blocked.json").read_text()))
    assert blocked >= {"kedro", "mlflow", "pandas", "pyarrow", "duckdb", "ibis", "sklearn", "scipy", "fastapi"}
    assert "Traceback" not in server.log()
