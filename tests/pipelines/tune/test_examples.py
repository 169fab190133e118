from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tune.checking import Invalid, to_messages
from pipelines.tune.examples import fold_of, fresh_key, prepare
from pipelines.tune.nodes import prepare_examples
from pipelines.tune.parameters import ExampleSettings, TuneParameters
from pipelines.tune.reading import read_rows
from workbench.datasets import ClientFiles, JsonLines
from workbench.errors import ConfigurationError, DataError

SETTINGS = ExampleSettings(file="data/acme/01_raw/examples.jsonl")


def rows(count: int) -> list[dict[str, str]]:
    return [{"prompt": f"What is {number}?", "response": f"A number, {number}."} for number in range(count)]


def chat(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def node_of(files: ClientFiles, **examples: Any) -> Any:
    return prepare_examples(files, TuneParameters(examples=ExampleSettings(**{"file": SETTINGS.file, **examples})))


def test_a_file_becomes_three_folds_in_the_form_that_services_take(files: ClientFiles, write: Any) -> None:
    write(
        files.project / SETTINGS.file,
        [*rows(100), "", chat(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hi!"))],
    )
    train, validation, test, summary = node_of(files)
    assert len(train) + len(validation) + len(test) == summary["read"] == 101
    assert all(len(fold) > 3 for fold in (validation, test))
    assert {
        "messages": [{"role": "user", "content": "What is 0?"}, {"role": "assistant", "content": "A number, 0."}]
    } in [
        *train,
        *validation,
        *test,
    ]
    for example in [*train, *validation, *test]:
        assert set(example) == {"messages"}
        assert example["messages"][-1]["role"] == "assistant"
        assert all(set(message) == {"role", "content"} for message in example["messages"])
    assert summary["folds"]["train"]["examples"] == len(train)
    assert summary["folds"]["test"]["prompt_characters"]["largest"] == len("What is 10?")
    assert "tokens" not in summary["folds"]["train"]
    # and the file that is written is those lines
    dataset = JsonLines(filepath=str(files.project / "tune_train.jsonl"))
    dataset.save(train)
    assert dataset.load() == train
    assert [json.loads(line) for line in dataset.path.read_text().splitlines()] == train


def test_a_system_message_is_given_to_those_that_have_none(files: ClientFiles, write: Any) -> None:
    write(files.project / SETTINGS.file, [*rows(60), chat(("system", "Mine."), ("user", "Hi"), ("assistant", "Hi!"))])
    folds = node_of(files, system="Be exact.")[:3]
    first = [example["messages"][0]["content"] for fold in folds for example in fold]
    assert sorted(set(first)) == ["Be exact.", "Mine."]


def test_a_table_of_the_client_serves_as_well(files: ClientFiles) -> None:
    folder = files.project / "data/acme/01_raw"
    folder.mkdir(parents=True)
    table = pa.table(
        {"question": [f"q {n}" for n in range(50)], "answer": [f"a {n}" for n in range(50)], "other": [0] * 50}
    )
    pq.write_table(table, folder / "faq.parquet")
    *folds, summary = node_of(files, file=None, table="faq", prompt="question", response="answer")
    assert summary["read"] == sum(len(fold) for fold in folds) == 50
    pq.write_table(pa.table({"prompt": ["q", "q"], "response": ["a", None]}), folder / "faq.parquet")
    with pytest.raises(DataError, match=r"client acme, table faq, row 2: has no 'response'"):
        node_of(files, file=None, table="faq")
    with pytest.raises(DataError, match=r"there is no table 'faw' \(tried: the tables that `ingest` left: faq\)"):
        node_of(files, file=None, table="faw")


WRONG = {
    "not JSON": ("{", "is not JSON"),
    "a list": ("[1]", "is not a JSON object"),
    "no response": ('{"prompt": "a"}', "has no 'response'"),
    "an empty one": ('{"prompt": "a", "response": " "}', "'response' is not a text, or an empty one"),
    "a number": ('{"prompt": 1, "response": "b"}', "'prompt' is not a text"),
    "no list": ('{"messages": "hello"}', "its messages are not a list"),
    "no turns": ('{"messages": []}', "its messages are not a list"),
    "an unknown role": ('{"messages": [{"role": "tool", "content": "a"}]}', "message 1 has a role other than"),
    "an unknown key": ('{"messages": [{"role": "user", "content": "a", "cc": 1}]}', "message 1 has keys other than"),
    "no content": ('{"messages": [{"role": "user"}]}', "message 1 has no text"),
    "no answer": ('{"messages": [{"role": "user", "content": "a"}]}', "do not go user, assistant"),
    "the system last": (
        '{"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}',
        "a system message stands behind",
    ),
    "half a character": ('{"prompt": "\\ud800", "response": "b"}', "half of a character"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_line_is_named(files: ClientFiles, write: Any, line: str, message: str) -> None:
    write(files.project / SETTINGS.file, [*rows(2), line, *rows(40)])
    with pytest.raises(DataError) as caught:
        node_of(files)
    assert f"{SETTINGS.file}:3: " in str(caught.value)
    assert message in str(caught.value)


def test_one_error_names_the_first_line_and_counts_the_others(files: ClientFiles, write: Any) -> None:
    write(files.project / SETTINGS.file, [{"prompt": "secret a", "response": ""}, *rows(3), {}, {"response": 1}])
    with pytest.raises(DataError, match=r":1: 'response' is not a text.*\(and 2 more lines after it\)") as caught:
        node_of(files)
    assert "secret" not in str(caught.value)


def test_bytes_that_are_no_utf8_are_named(files: ClientFiles) -> None:
    path = files.project / SETTINGS.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"prompt": "a", "response": "b"}\n{"prompt": "\xff"}\n')
    with pytest.raises(DataError, match=r"examples.jsonl:2: is not UTF-8"):
        node_of(files)


@pytest.mark.parametrize("path", ["../other.jsonl", "/etc/passwd", "data/../../x", "data/other/01_raw/examples.jsonl"])
def test_a_path_stays_in_the_project_and_out_of_other_clients(files: ClientFiles, path: str) -> None:
    with pytest.raises(ConfigurationError, match="leads out of the folder|is another client's"):
        node_of(files, file=path)


@pytest.mark.parametrize("name", ["../../other/01_raw/faq", "/etc/x"])
def test_a_table_name_is_no_way_out_either(files: ClientFiles, name: str) -> None:
    with pytest.raises((ConfigurationError, DataError)):
        node_of(files, file=None, table=name)
    assert not (files.project / "data").exists()


def test_what_is_missing_is_said_with_what_to_write(files: ClientFiles) -> None:
    with pytest.raises(
        ConfigurationError, match=r"client acme: has no examples.*conf/clients/acme/parameters.yml.*write `tune:"
    ):
        node_of(files, file=None)
    with pytest.raises(DataError, match="no file is at"):
        node_of(files)


def test_too_few_examples_are_refused(files: ClientFiles, write: Any) -> None:
    write(files.project / SETTINGS.file, rows(1))
    with pytest.raises(DataError, match=r"no example falls to the fold '\w+': 1 were read"):
        node_of(files)


def test_both_places_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        ExampleSettings(file="a", table="b")


@pytest.mark.parametrize("other", ["What is  it?", " What is it? ", "What\nis it?", "Ｗｈａｔ is it?", "What is it?"])
def test_a_duplicate_differs_in_white_space_or_unicode_form_only(other: str) -> None:
    first = to_messages({"prompt": "What is it?", "response": "a"}, SETTINGS)
    assert fresh_key(to_messages({"prompt": other, "response": "a"}, SETTINGS)) == fresh_key(first)
    assert fresh_key(to_messages({"prompt": other.lower(), "response": "a"}, SETTINGS)) != fresh_key(first)
    assert fresh_key(to_messages({"prompt": other, "response": "b"}, SETTINGS)) != fresh_key(first)


def test_duplicates_are_left_out_also_when_masking_makes_them_so() -> None:
    lines = [("", row) for row in [*rows(80), *rows(80)]]
    lines += [("", {"prompt": f"Write to {name}@example.org", "response": "Done."}) for name in ("ada", "bob")]
    prepared = prepare(lines, SETTINGS, "here")
    assert prepared.duplicates == 81
    assert prepared.masked == {"EMAIL": 2}
    unmasked = prepare(lines, SETTINGS.model_copy(update={"mask": False}), "here")
    assert unmasked.duplicates == 80
    assert not unmasked.masked


def test_an_example_stays_in_its_fold_when_others_are_added() -> None:
    few = prepare([("", row) for row in rows(100)], SETTINGS, "here").folds
    many = prepare([("", row) for row in reversed(rows(1000))], SETTINGS, "here").folds
    for fold, examples in few.items():
        assert all(example in many[fold] for example in examples)
    assert 60 < len(many["test"]) < 140


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_two_answers_to_one_question_are_in_one_fold(answer: str, other: str) -> None:
    one, two = (to_messages({"prompt": "Why?", "response": text}, SETTINGS) for text in (answer, other))
    assert fold_of(one, SETTINGS) == fold_of(two, SETTINGS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["messages", "role", "content", "prompt", "response"]), inner)
        ),
    )
)
def test_any_row_becomes_messages_or_one_sentence(row: Any) -> None:
    try:
        messages = to_messages(row, SETTINGS)
    except Invalid as problem:
        assert str(problem)
    else:
        assert messages[-1]["role"] == "assistant"


def test_lengths_in_tokens_with_a_base_model(files: ClientFiles, write: Any, tiny: ModuleType) -> None:
    write(files.project / SETTINGS.file, rows(60))
    tiny.base_of(files.project / "models" / "base")
    parameters = TuneParameters(examples=SETTINGS, model={"path": "models/base"})
    folds = prepare_examples(files, parameters)[3]["folds"]
    for fold in folds.values():
        assert fold["tokens"]["total"] == fold["prompt_tokens"]["total"] + fold["response_tokens"]["total"]
        assert 1 < fold["response_tokens"]["median"] <= fold["response_characters"]["largest"] + 1


def test_a_byte_order_mark_is_no_error(files: ClientFiles, tmp_path: Path) -> None:
    path = files.project / SETTINGS.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(rows(1)[0]).encode())
    assert [row for _, row in read_rows(files, SETTINGS)] == rows(1)
