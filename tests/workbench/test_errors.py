from __future__ import annotations

import pickle

import pytest

from workbench import errors
from workbench.errors import DataError, Terminal, Transient, WorkbenchError


def leaves(kind: type = WorkbenchError) -> list[type]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] or [kind]


@pytest.mark.parametrize("leaf", [leaf for leaf in leaves() if leaf.__module__ == errors.__name__])
def test_every_leaf_is_either_transient_or_terminal(leaf: type) -> None:
    assert issubclass(leaf, Terminal) != issubclass(leaf, Transient)


def test_the_docstring_draws_every_class() -> None:
    for name in errors.__all__:
        assert name in errors.__doc__ or not isinstance(getattr(errors, name), type)


def test_a_message_says_what_where_what_was_tried_and_what_next() -> None:
    error = DataError("column 'x' is missing", where="client a, table t", tried="a.csv", hint="add it")
    assert str(error) == "client a, table t: column 'x' is missing (tried: a.csv). Next: add it"


def test_an_error_crosses_a_process_border_whole() -> None:
    error = DataError("gone", where="client a", tried="b", hint="c")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DataError
    assert (copy.what, copy.where, copy.tried, copy.hint) == ("gone", "client a", "b", "c")
