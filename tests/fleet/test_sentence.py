from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError

from workbench.errors import DataError
from workbench.fleet.sentence import MAX_CHARACTERS, sentence_of


def test_our_own_errors_speak_for_themselves() -> None:
    error = DataError("column 'dep_time' is missing", where="client skyways, table flights", hint="rename it")
    assert sentence_of(error) == str(error)


def test_also_when_kedro_wrapped_them() -> None:
    wrapped = DatasetError("Failed while loading data from dataset TableFolder(...)")
    wrapped.__cause__ = DataError("raw does not exist")
    assert sentence_of(wrapped, "join_tables") == "raw does not exist"


def test_of_others_only_the_kind_and_the_place_are_kept() -> None:
    error = ValueError("cannot connect to postgresql://me:hunter2@db.example; patient Jane Roe")
    assert sentence_of(error, "fit_network") == "node fit_network: ValueError; its log has the details"
    assert sentence_of(error) == "ValueError; its log has the details"


def test_a_cycle_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert "ValueError" in sentence_of(first)


@given(st.text(), st.text())
def test_it_is_one_short_line_that_no_terminal_obeys(what: str, node: str) -> None:
    for error in (DataError(what), ValueError(what)):
        sentence = sentence_of(error, node)
        assert len(sentence) <= MAX_CHARACTERS
        assert sentence.isprintable()


def test_a_secret_in_an_address_is_taken_out_of_our_own_sentences_too() -> None:
    assert "hunter2" not in sentence_of(DataError("nothing at https://me:hunter2@db.example/x, password=hunter2"))
