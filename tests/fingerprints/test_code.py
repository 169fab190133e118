"""All code that a function may run is seen, and what is no code is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path

import pytest

from workbench.fingerprints import reads
from workbench.fingerprints.code import Code, Sources

Write, Find = Callable[..., None], Callable[..., Code]

NODES = '"""Nodes."""\nfrom shop.sums import total\n\n\ndef bill(rows):\n    """Add up."""\n    return total(rows)\n'


def shop(write: Write, **more: str) -> None:
    write(
        **{"src/shop/__init__.py": "", "src/shop/nodes.py": NODES, "src/shop/sums.py": "def total(x): return sum(x)\n"}
    )
    write(**more)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a comment", NODES + "# a remark\n"),
        ("a docstring", NODES.replace("Add up.", "Add all of it up.")),
        ("the module's docstring", NODES.replace('"""Nodes."""', '"""More of them."""')),
        ("the layout", NODES.replace("total(rows)", "total(\n        rows\n    )")),
    ],
)
def test_it_does_not_count(write: Write, code_of: Find, what: str, text: str) -> None:
    shop(write)
    before = code_of().digest
    write(**{"src/shop/nodes.py": text})
    assert code_of().digest == before, what


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("src/shop/nodes.py", NODES.replace("return total(rows)", "return total(rows) + 1")),
        ("src/shop/sums.py", "def total(x): return sum(x) + 1\n"),
        ("src/shop/__init__.py", "import os\nos.environ['A'] = 'b'\n"),
    ],
)
def test_it_counts_however_deep(write: Write, code_of: Find, file: str, text: str) -> None:
    shop(write)
    before = code_of()
    write(**{file: text})
    after = code_of()
    assert after.digest != before.digest
    assert [name for name in after.files if after.files[name] != before.files[name]] == [
        file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "from shop.late import x",
        "import shop.late",
        "from shop import late",
        "from . import late",
        "from .late import x",
        "def f():\n    from shop.late import x",
        "import importlib\nimportlib.import_module('shop.late')",
        "from importlib import import_module\ndef f(name): return import_module(f'shop.{name}')",
        "from importlib import import_module\nfrom shop import parts",
    ],
)
def test_each_way_to_import_is_seen(write: Write, code_of: Find, statement: str) -> None:
    shop(
        write,
        **{
            "src/shop/nodes.py": statement + "\n",
            "src/shop/late.py": "x = 1\n",
            "src/shop/parts/__init__.py": "from importlib import import_module\n"
            "def find(name): return import_module(f'{__name__}.{name}')\n",
            "src/shop/parts/one.py": "import shop.late\n",
        },
    )
    assert "shop.late" in code_of().files


def test_what_only_a_type_checker_sees_is_not(write: Write, code_of: Find) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shop.late\nelse:\n    import shop.sums\n"
    shop(write, **{"src/shop/nodes.py": text, "src/shop/late.py": ""})
    assert set(code_of().files) == {"shop", "shop.nodes", "shop.sums"}


def test_templates_beside_the_code_count(write: Write, code_of: Find) -> None:
    shop(write, **{"src/shop/page.css": "a {}"})
    before = code_of()
    assert "shop/page.css" in before.files
    write(**{"src/shop/page.css": "a { color: red }"})
    assert code_of().digest != before.digest


def test_a_declared_notebook_counts_with_what_it_imports(write: Write, code_of: Find) -> None:
    def notebook(code: str, output: str = "") -> str:
        cells = [
            {"cell_type": "markdown", "source": "# Title"},
            {"cell_type": "code", "source": ["%matplotlib inline\n", code], "outputs": [output]},
        ]
        return json.dumps({"cells": cells})

    shop(write, **{"src/shop/charts.py": "", "notebooks/a.ipynb": notebook("from shop import charts")})
    before = code_of(files=("notebooks/a.ipynb",))
    assert {"notebooks/a.ipynb", "shop.charts"} <= set(before.files)
    write(**{"notebooks/a.ipynb": notebook("from shop import charts", "an output")})
    assert code_of(files=("notebooks/a.ipynb",)).digest == before.digest
    write(**{"notebooks/a.ipynb": notebook("from shop import charts\n1")})
    assert code_of(files=("notebooks/a.ipynb",)).digest != before.digest


def test_reads_says_so_on_the_function_itself() -> None:
    @reads("notebooks/a.ipynb")
    def render() -> int:
        return 1

    assert render() == 1
    assert render.__reads__ == ("notebooks/a.ipynb",)  # type: ignore[attr-defined]


def test_what_it_imports_from_elsewhere(write: Write, code_of: Find) -> None:
    shop(write, **{"src/shop/nodes.py": "import numpy.linalg\nimport os, json\nfrom shop import sums\n"})
    assert code_of().packages == {"numpy"}


def test_the_names_that_it_reads(write: Write, code_of: Find) -> None:
    model = {"src/shop/clients/__init__.py": "class Client:\n    def f(self): return self.brand\n"}
    nodes = {"src/shop/nodes.py": "import shop.clients\ndef f(client): return client.target\n"}
    shop(write, **model, **nodes)
    names = code_of(mute=("shop.clients",)).names
    assert "target" in names
    assert "brand" not in names
    write(**{"src/shop/nodes.py": "def f(client): return client.model_dump()\n"})
    assert "*" in code_of().names


def test_what_stands_aside_does_not_count(write: Write, code_of: Find) -> None:
    shop(write, **{"src/shop/nodes.py": "import shop.sums\n"})
    assert "shop.sums" not in code_of(aside=("shop.sums",)).files


def test_wrapped_functions_are_unwrapped(write: Write, tmp_path: Path) -> None:
    shop(write)

    def bill() -> None:
        """Stands for a node's function."""

    bill.__module__ = "shop.nodes"

    @wraps(bill)
    def outer() -> None:
        bill()

    outer.__module__ = "elsewhere"
    sources = Sources(tmp_path, {"shop": tmp_path / "src" / "shop"})
    assert sources.code_of(partial(outer)).files == sources.code_of(bill).files


def test_a_file_that_is_no_python_is_taken_as_bytes(write: Write, code_of: Find) -> None:
    shop(write, **{"src/shop/nodes.py": "def f(:\n"})
    before = code_of().digest
    write(**{"src/shop/nodes.py": "def g(:\n"})
    assert code_of().digest != before


def test_what_was_read_once_is_not_read_again(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(write)
    roots = {"shop": tmp_path / "src" / "shop"}

    def bill() -> None:
        """Stands for a node's function."""

    bill.__module__ = "shop.nodes"
    first = Sources(tmp_path, roots)
    digest = first.code_of(bill).digest
    assert first.is_changed
    kept = json.loads(json.dumps(first.remembered()))

    monkeypatch.setattr("workbench.fingerprints.code.scan", lambda path, module: pytest.fail(f"{path} read again"))
    second = Sources(tmp_path, roots)
    second.remember(kept | {"broken": "entry", "shop.sums": kept["shop.sums"]})
    assert second.code_of(bill).digest == digest
    assert not second.is_changed
    monkeypatch.undo()
    write(**{"src/shop/sums.py": "def total(x): return 0\n"})
    third = Sources(tmp_path, roots)
    third.remember(kept)
    assert third.code_of(bill).digest != digest
