"""A parameter's name becomes code in the notebook, so only declared names with fitting values go through."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ConfigurationError, ReportError
from workbench.reports.parameters import Parameter, bind, bind_text, declared_parameters


def declared(source: str, **extra: str) -> dict[str, Parameter]:
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    more = [nbformat.v4.new_code_cell(text, metadata={"tags": ["parameters"]}) for text in extra.values()]
    return declared_parameters(nbformat.v4.new_notebook(cells=[cell, *more]), Path("x.ipynb"))


def test_a_declaration_has_a_name_a_type_a_default_and_help() -> None:
    found = declared('title: str = "a # b"  # what it is called\ntop: int = -3\nshare: float = 0.5\nlong: bool = True')
    assert found["title"] == Parameter("title", "str", "a # b", "what it is called")
    assert [(p.name, p.type, p.default) for p in found.values()][1:] == [
        ("top", "int", -3),
        ("share", "float", 0.5),
        ("long", "bool", True),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "top = 3",
        "top: int = 3.0",
        "top: int = True",
        'top: str = open("/etc/passwd").read()',
        'top: str = f"{1}"',
        "top: list = []",
        "top: int",
        "import os",
        "a.b: int = 3",
        "top: 'int' = 3",
    ],
)
def test_a_line_that_is_no_plain_declaration_is_refused(line) -> None:
    with pytest.raises(ReportError, match="not a declaration"):
        declared(line)


def test_a_syntax_error_and_a_second_cell_are_refused() -> None:
    with pytest.raises(ReportError, match="line 2 of its parameters is not Python"):
        declared("a: int = 1\nb: int = = 2")
    with pytest.raises(ReportError, match="2 cells are tagged"):
        declared("a: int = 1", second="b: int = 2")
    assert declared_parameters(nbformat.v4.new_notebook(), Path("x.ipynb")) == {}


DECLARED = declared('text: str = ""\nwhole: int = 1\nreal: float = 1.0\nflag: bool = False')


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("text = 1\nimport os", "x", "unknown parameter"),
        ("texts", "x", "did you mean 'text'"),
        ("class", "x", "unknown parameter"),
        ("text", 1, "must be str, not int"),
        ("text", None, "must be str, not NoneType"),
        ("text", "a\0b", "no NUL"),
        ("text", "a" * 5000, "at most 4096"),
        ("whole", True, "must be int, not bool"),
        ("whole", 1.0, "must be int, not float"),
        ("flag", 1, "must be bool, not int"),
        ("real", math.nan, "finite"),
        ("real", math.inf, "finite"),
        ("text", type("Sly", (str,), {"__str__": lambda _: "x"})("y"), "must be str, not Sly"),
    ],
)
def test_an_undeclared_name_or_another_type_is_refused(name, value, sentence) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        bind(DECLARED, {name: value}, where="report x")
    assert str(raised.value).startswith("report x: ")


@pytest.mark.parametrize("name", ["class", "a = 1; import os #"])
def test_a_declared_name_that_is_none_is_refused_too(name) -> None:
    """`ast` would refuse the declaration; this is the second door."""
    with pytest.raises(ConfigurationError, match="unknown"):
        bind({name: Parameter(name, "int", 1)}, {name: 2}, where="")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("whole", "1; import os", "must be int, not '1; import os'"),
        ("real", "x", "must be float, not 'x'"),
        ("real", "nan", "must be a finite number"),
        ("flag", "True", "must be true or false, not 'True'"),
        ("text", "a" * 5000, "at most 4096"),
        ("texts", "x", "did you mean 'text'"),
    ],
)
def test_what_a_person_typed_is_never_evaluated(name, text, said) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        bind_text(DECLARED, {name: text}, where="report x")
    assert str(raised.value).startswith("report x: ")


def test_what_a_person_typed_becomes_the_declared_type() -> None:
    typed = {"text": "__import__('os')", "whole": "-3", "real": "2", "flag": "true"}
    assert bind_text(DECLARED, typed, where="") == {"text": "__import__('os')", "whole": -3, "real": 2.0, "flag": True}


@settings(deadline=None)
@given(st.text(max_size=50), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_whatever_is_accepted_reaches_the_notebook_as_the_same_value(text, whole, real, flag) -> None:
    from papermill.translators import PythonTranslator

    text = text.replace("\0", "")
    given_values = {"text": text, "whole": whole, "real": real, "flag": flag}
    source = PythonTranslator.codify(bind(DECLARED, given_values, where=""))
    statements = ast.parse(source).body
    assert {s.targets[0].id: ast.literal_eval(s.value) for s in statements} == given_values


def test_a_whole_number_will_do_for_a_real_one() -> None:
    assert bind(DECLARED, {"real": 2}, where="") == {"real": 2.0}
