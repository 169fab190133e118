"""What a form refuses, each by its own sentence; no server is started for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.errors import ConfigurationError, ModelError
from workbench.learning import Columns
from workbench.serving import __main__ as program
from workbench.serving import versions
from workbench.serving.contract import Contract, Predicted
from workbench.serving.forms.invocations import Invocations
from workbench.serving.forms.open_inference import OpenInference
from workbench.serving.forms.vertex import Vertex
from workbench.serving.http import Bodies, Gone, Request
from workbench.serving.refusals import Refusal

ROW: dict[str, Any] = {"slope": 0.5, "kind": "a"}


@pytest.fixture
def contract(monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.setattr("workbench.serving.contract.known_categories", lambda _: {"kind": frozenset({"a"})})
    model: Any = SimpleNamespace(columns=Columns("binary", "y", ("slope",), ("kind",), None))
    return Contract(model, most_rows=3)


def tensors(**changes: Any) -> dict[str, Any]:
    first = {"name": "slope", "shape": [1], "datatype": "FP64", "data": [0.5]} | changes
    return {"inputs": [first, {"name": "kind", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}


def split(columns: Any, data: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": data}}


REFUSED: list[tuple[Any, Any, str]] = [
    (Vertex, [], "the body is not a JSON object"),
    (Vertex, {}, "the body has no 'instances'"),
    (Vertex, {"instances": {}}, "'instances' is not a list"),
    (Vertex, {"instances": []}, "'instances' has no row"),
    (Vertex, {"instances": [ROW] * 4}, "4 rows are more than the 3"),
    (Vertex, {"instances": [ROW, 1]}, "row 1 of 'instances' is not an object"),
    (Vertex, {"instances": [{"slope": 1}]}, "column 'kind' is missing"),
    (Vertex, {"instances": [{**ROW, "kind": 1}]}, "column 'kind' has something else than a text or null"),
    (Vertex, {"instances": [{**ROW, "slope": "1"}]}, "column 'slope' has something else than a number or null"),
    (Invocations, {}, "the body has 0 of the keys"),
    (Invocations, {"inputs": [ROW], "instances": [ROW]}, "the body has 2 of the keys"),
    (Invocations, {"dataframe_split": []}, "no list 'columns' and no list 'data'"),
    (Invocations, split(3, []), "no list 'columns' and no list 'data'"),
    (Invocations, split(["slope"], 3), "no list 'columns' and no list 'data'"),
    (Invocations, split(["slope", "slope"], [[1, 2]]), "not a list of different names"),
    (Invocations, split([1, "kind"], [[1, "a"]]), "not a list of different names"),
    (Invocations, split(["slope", "kind"], [[1, "a"], [1]]), "row 1 of 'data' is not a list of 2 values"),
    (Invocations, split(["slope", "kind"], [7]), "row 0 of 'data' is not a list of 2 values"),
    (Invocations, {"inputs": {"slope": 3, "kind": ["a"]}}, "'slope' is not a list"),
    (Invocations, {"inputs": {"slope": [3]}}, "column 'kind' is missing"),
    (Invocations, {"inputs": {"slope": [3], "kind": ["a", "b"]}}, "column 'kind' has 2 rows, others have 1"),
    (Invocations, {"inputs": {"slope": [], "kind": []}}, "'inputs' has no row"),
    (OpenInference, {"inputs": {}}, "the body has no list 'inputs'"),
    (OpenInference, {"inputs": [1]}, "an input is not an object with a name"),
    (OpenInference, {"inputs": [{"name": 1}]}, "an input is not an object with a name"),
    (OpenInference, {"inputs": [*tensors()["inputs"], tensors()["inputs"][0]]}, "input 'slope' is there twice"),
    (OpenInference, tensors() | {"id": 7}, "'id' is not a text"),
    (OpenInference, tensors() | {"outputs": [{"name": "loss"}]}, "the model's outputs are prediction and probability"),
    (OpenInference, tensors() | {"outputs": {"name": "prediction"}}, "the model's outputs are"),
    (OpenInference, tensors() | {"outputs": 7}, "the model's outputs are"),
    (OpenInference, tensors(data=3), "has no list 'data'"),
    (OpenInference, tensors(shape=[1, 2]), "neither [n] nor [n, 1]"),
    (OpenInference, tensors(shape=[-1]), "neither [n] nor [n, 1]"),
    (OpenInference, tensors(shape=[4]), "4 rows are more than the 3"),
    (OpenInference, tensors(shape=[2]), "has 1 values and says 2"),
    (OpenInference, tensors(shape=[2, 1], data=[[1.0], [1.0, 2.0]]), "row 1 of input 'slope' is not a list of one"),
    (OpenInference, tensors(shape=[2, 1], data=[[1.0], 7]), "row 1 of input 'slope' is not a list of one"),
    (OpenInference, tensors(datatype="BYTES"), "is of type BYTES, not of a number's"),
    (OpenInference, tensors(datatype="INT64", data=[2**63]), "something else than INT64 or null"),
    (OpenInference, tensors(datatype="INT32", data=[1.5]), "something else than INT32 or null"),
    (OpenInference, tensors(datatype="FP32", data=[True]), "something else than FP32 or null"),
    (OpenInference, tensors(datatype="FP32", data=[1e39]), "a number beyond FP32"),
    (OpenInference, tensors(name="kind", datatype="FP64") | {"inputs": [{**tensors()["inputs"][1], "datatype": "FP64"}]}, "not BYTES"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "body", "said"), REFUSED, ids=[f"{form.__name__} {said}" for form, _, said in REFUSED]
)
def test_each_is_refused_by_its_own_sentence(contract: Contract, form: Any, body: Any, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        form().parse(body, contract)
    assert said in caught.value.message
    assert caught.value.status == (413 if "more than" in said else 422)


@pytest.mark.parametrize(
    ("kind", "values"),
    [("FP64", [None, 1.5]), ("FP32", [None, 0.5]), ("INT64", [None, -(2**63)]), ("INT32", [None, 7])],
)
def test_numbers_and_where_there_is_none_are_read(contract: Contract, kind: str, values: list[Any]) -> None:
    """Of each type the largest that it has, and null."""
    asked = {"inputs": tensors(shape=[2], datatype=kind, data=values)["inputs"][:1], "id": "mine"}
    asked["inputs"].append({"name": "kind", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], [None]]})
    found = OpenInference().parse(asked, contract)
    assert (found.id, [row[0] for row in found.rows.numbers]) == ("mine", values)
    assert [row[0] for row in found.rows.texts] == ["a", None]


def test_a_category_that_is_unknown_is_refused_if_the_client_says_so(contract: Contract) -> None:
    body = {"instances": [ROW, {**ROW, "kind": "never seen"}]}
    assert Vertex().parse(body, contract).rows.num_rows == 2
    contract._refuse_unknown = True
    assert Vertex().parse({"instances": [ROW, {**ROW, "kind": None}]}, contract).rows.num_rows == 2
    with pytest.raises(Refusal, match="column 'kind' has a category that is unknown"):
        Vertex().parse(body, contract)


def test_a_number_that_json_does_not_have_is_named(contract: Contract) -> None:
    contract.refuse_infinite(Vertex().parse({"instances": [ROW, {**ROW, "slope": None}]}, contract).rows)
    rows = Vertex().parse({"instances": [ROW, {**ROW, "slope": float("inf")}]}, contract).rows
    with pytest.raises(Refusal, match="column 'slope' has a number that is not finite"):
        contract.refuse_infinite(rows)


# ---- bodies ---------------------------------------------------------------------------------------------------------


def read(bodies: Bodies, parts: list[Mapping[str, Any]], headers: Mapping[bytes, bytes] | None = None) -> bytes:
    waiting = iter(parts)

    async def receive() -> Mapping[str, Any]:
        return next(waiting)

    scope = {"method": "POST", "path": "/", "headers": list((headers or {}).items())}
    return asyncio.run(bodies.read(Request(scope, receive)))


def part(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": b" " * size, "more_body": more}


def test_a_length_that_is_too_large_is_refused_before_a_byte_is_read() -> None:
    bodies = Bodies(10, 40)
    with pytest.raises(Refusal, match="larger than 10 bytes") as caught:
        read(bodies, [], {b"content-length": b"11"})
    assert (caught.value.status, bodies.held) == (413, 0)
    with pytest.raises(Refusal, match="larger than 10 bytes"):
        read(bodies, [part(6), part(6), part(6)])
    assert bodies.held == 0


def test_bodies_that_are_too_large_together_are_refused() -> None:
    bodies = Bodies(10, 12)
    assert len(read(bodies, [part(2), part(2, more=False)], {b"content-length": b"4"})) == 4
    assert len(read(bodies, [part(8, more=False)])) == 8
    bodies.release(4)
    with pytest.raises(Refusal, match="too many bodies") as caught:
        read(bodies, [part(8, more=False)])
    assert (caught.value.status, caught.value.retry_after, bodies.held) == (429, 1, 8)
    bodies.release(8)
    assert len(read(Bodies(20, 12), [part(15, more=False)])) == 15  # one alone may be as large as one may be


def test_who_hangs_up_holds_nothing() -> None:
    bodies = Bodies(10, 40)
    with pytest.raises(Gone):
        read(bodies, [part(6), {"type": "http.disconnect"}])
    assert bodies.held == 0


@pytest.mark.parametrize("headers", [{b"content-type": b"text/csv"}, {b"content-encoding": b"gzip"}])
def test_what_is_no_plain_json_is_refused_unread(headers: Mapping[bytes, bytes]) -> None:
    with pytest.raises(Refusal) as caught:
        read(Bodies(10, 40), [], headers)
    assert caught.value.status == 415


# ---- the program and the first rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0", "65", "-1", "two"])
def test_a_number_of_workers_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program._parser().parse_args(["--workers", text])
    assert "from 1 to 64" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["65536", "http", ""])
def test_a_port_out_of_the_environment_that_is_none_is_refused(text: str) -> None:
    assert program._port(None, {"AIP_HTTP_PORT": "8080"}, 1) == 8080
    with pytest.raises(ConfigurationError, match="AIP_HTTP_PORT is not a port's number"):
        program._port(None, {"AIP_HTTP_PORT": text}, 1)


@pytest.mark.parametrize(
    ("gives", "said"), [(lambda rows: [1], "another number of rows"), (None, r"cannot predict \(TypeError\)")]
)
def test_a_model_that_answers_nonsense_is_never_served(contract: Contract, gives: Any, said: str) -> None:
    version: Any = SimpleNamespace(contract=contract, predict=lambda rows: Predicted(gives(rows), None))
    with pytest.raises(ModelError, match=said):
        versions._warm_up(version, 4, "w")
