"""Tagged cells become a recipe that keeps the house's rules; what cannot is named, with the reason; nothing is run."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.cli.notebook import notebook as group
from workbench.errors import ConfigurationError, UnknownClient
from workbench.notebook.promote import Promotion, plan, promote
from workbench.notebook.promote.describe import docstring, prose

ROOT = Path(__file__).parents[2]
RECIPES = Path("src", "pipelines", "prepare", "recipes")
TESTS = Path("tests", "pipelines", "prepare", "recipes")
HERE = Path("notebooks", "explore", "idea.ipynb")
NAMES = RECIPES / "__init__.py"

Planned = Callable[..., Promotion]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """What a promotion looks at: the configuration and the recipes."""
    folder = tmp_path / "small"
    for name in ("conf", RECIPES):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / HERE).parent.mkdir(parents=True)
    return folder


@pytest.fixture
def planned(small: Path) -> Planned:
    return partial(plan_cells, small)


def plan_cells(project: Path, *cells: str | tuple[str], client: str = "clinic", recipe: str = "idea") -> Promotion:
    """Plan a promotion of cells: a text is a tagged cell, ``(text,)`` an untagged one, and "# …" is markdown."""
    made = [nbformat.v4.new_code_cell(f"%client {client}")] if client else []
    for cell in cells:
        if isinstance(cell, tuple):
            made.append(nbformat.v4.new_code_cell(cell[0]))
        elif cell.startswith("#"):
            made.append(nbformat.v4.new_markdown_cell(cell))
        else:
            made.append(nbformat.v4.new_code_cell(cell, metadata={"tags": ["recipe"]}))
    nbformat.write(nbformat.v4.new_notebook(cells=made), project / HERE)
    return plan(project, HERE, recipe)


def module(promotion: Promotion) -> str:
    return promotion.new[RECIPES / f"{promotion.recipe}.py"]


def reasons(promotion: Promotion) -> dict[str, str]:
    return {one.what: one.why for one in promotion.left_out}


FEATURES = "def features(primary):\n    return primary"


def test_functions_are_taken_as_they_are_and_imports_gathered(planned: Planned) -> None:
    promotion = planned(
        "# Rounder nuclei\n\nText of the notebook.",
        ("import ibis\nfrom math import pi\nimport pandas as pd",),
        "## The idea\n\nHow round it is. See [a page](https://example.com) and `_`.",
        "LEAST = 0.1  # of an area\n\n\n# one row a sample\ndef join(tables):\n    return tables['samples']",
        "## Features\n\nThe outline against the area.",
        "def features(primary):\n    # a circle has 1\n    return primary.mutate(round=_ratio(ibis._.mean_area, pi))\n\n\n"
        "def _ratio(area, by):\n    return area / by / LEAST",
    )
    text = module(promotion)
    assert promotion.left_out == ()
    assert not any("ruff" in remark for remark in promotion.remarks)
    tree = ast.parse(text)
    assert ast.get_docstring(tree) == (
        "Clinic: rounder nuclei.\n\nHow round it is. See a page and ``_``.\n\nFrom ``notebooks/explore/idea.ipynb``."
    )
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert list(functions) == ["join", "features", "_ratio"]
    assert ast.get_docstring(functions["features"]) == "The outline against the area."
    assert "def join(tables: Mapping[str, ir.Table]) -> ir.Table:" in text
    assert "def _ratio(area: Any, by: Any) -> Any:" in text
    assert "    # a circle has 1\n" in text
    assert "# one row a sample\n" in text
    assert "LEAST = 0.1  # of an area\n" in text
    assert 'TABLES = ("samples",)\n' in text
    assert "\nfrom math import pi\n" in text
    assert "pandas" not in text
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in imports if getattr(node, "module", None) == "ibis"], "naming a recipe imports Ibis"
    assert "    import ibis\n" in text


def test_loose_statements_become_join_and_features(planned: Planned) -> None:
    promotion = planned(
        ("tables = catalog.load('raw')",),
        "from ibis import _\nsamples = tables['samples']\nprimary = samples.filter(_.mean_area > 0)",
        "low = 3\nidea = primary.mutate(\n    ratio=_.mean_area / low,\n)\nidea = idea.drop('mean_area')",
    )
    text = module(promotion)
    assert promotion.left_out == ()
    functions = {node.name: ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert functions["join"].endswith("samples = tables['samples']\n    return samples.filter(_.mean_area > 0)")
    assert "low = 3\n    idea = primary.mutate(ratio=_.mean_area / low)\n    return idea.drop" in functions["features"]


def test_a_primary_table_that_is_made_again_stays_so(planned: Planned) -> None:
    text = module(planned("primary = primary.limit(9)\nidea = primary.mutate(a=1)"))
    assert "primary = primary.limit(9)\n    return primary.mutate(a=1)" in text


@pytest.mark.parametrize(
    ("cell", "what", "why"),
    [
        ("print('x')", "print('x')", "prints"),
        ("%timeit 3", "%timeit 3", "is not Python: only IPython understands it"),
        ("!ls", "!ls", "is not Python: only IPython understands it"),
        ("%%sql\nSELECT 1", "%%sql", "is not Python: only IPython understands it"),
        ("a = !ls", "not Python", "is not Python: only IPython understands it"),
        ("import matplotlib.pyplot as plt\nplt.plot([1])", "plt.plot([1])", "shows something with `plot`"),
        ("features(primary).head()", "features(primary).head()", "shows something: a recipe gives back what it makes"),
        ("n = primary.count().execute()", None, "fetches rows with `execute`: the pipeline runs an expression"),
        ("primary.to_parquet('x')", None, "writes with `to_parquet`: the pipeline saves what a recipe makes"),
        ("def f():\n    return open('x')", "def f():", "opens a file"),
        ("def f():\n    import os\n    return os.environ", "def f():", "imports os: a recipe may import ibis"),
        (
            "import pandas as pd\ndef f(x):\n    return pd.concat(x)",
            "def f(x):",
            "uses pandas: a recipe's rows stay in",
        ),
        ("def f():\n    global G\n    G = 1", "def f():", "changes a name outside of its function"),
        ("def f(x):\n    x['a'] = 1\n    return x", "def f(x):", "changes 'x', which it was given"),
        ("def f():\n    return catalog.load('raw')", "def f():", "uses 'catalog', which is there in notebooks only"),
        (
            "def f():\n    return elsewhere",
            "def f():",
            "uses 'elsewhere', which code cell 2 makes, and that is not tagged",
        ),
        ("def f():\n    return nowhere", "def f():", "uses 'nowhere', which the notebook makes nowhere"),
        ("def f():\n    return primary", "def f():", "uses 'primary' without being given it"),
        ("low = 3\ndef f():\n    return low", "def f():", "uses 'low', which is no function and no constant"),
        ("ALL = primary.count()", "ALL = primary.count()", "uses 'primary' without being given it"),
        (
            "import ibis\nDAY = ibis.interval(days=1)",
            "DAY = ibis.interval(days=1)",
            "would import ibis when the recipe",
        ),
        ("for x in (1, 2):\n    y = x", "for x in (1, 2):", "is a statement at the top of a cell"),
        ("class A:\n    pass", "class A:", "is a class: a recipe is functions"),
        ("from math import *", "from math import *", "imports whatever is there: name what it needs"),
        ("both = primary.union(tables['samples'])", None, "needs the tables and what was made of them at once"),
        ("trial = primary.limit(3)", "trial = primary.limit(3)", "is a trial beside `features`"),
        ("x = 3", "x = 3", "is used by nothing in the recipe"),
    ],
)
def test_what_it_cannot_turn_it_names(planned: Planned, cell: str, what: str | None, why: str) -> None:
    promotion = planned(("elsewhere = 3",), FEATURES, cell)
    (one,) = [one for one in promotion.left_out if one.cell == 4 and one.why.startswith(why)]
    assert what is None or one.what == what
    text = module(promotion)
    compile(text, "recipe", "exec")
    assert not any("ruff" in remark for remark in promotion.remarks), promotion.remarks
    assert "def f(" not in text


def test_what_needs_something_left_out_is_left_out_too(planned: Planned) -> None:
    promotion = planned(FEATURES, "def a():\n    print(1)\n\ndef b():\n    return a()\n\ndef c():\n    return b()")
    assert reasons(promotion)["def b():"] == "needs 'a', which was left out"
    assert reasons(promotion)["def c():"] == "needs 'b', which was left out"
    assert [one.line for one in promotion.left_out] == [2, 4, 7], "in the order of the notebook"


def test_what_is_made_again_is_taken_once(planned: Planned) -> None:
    promotion = planned("A = 1\ndef features(primary):\n    return primary.limit(1)", "A = 2\n" + FEATURES)
    assert [one.why for one in promotion.left_out] == ["is made again in code cell 3"] * 2
    assert "A = 2" in module(promotion)
    assert "limit" not in module(promotion)


def test_annotations_are_kept_and_cost_nothing(planned: Planned) -> None:
    typed = "import ibis\nfrom datetime import date\n\ndef features(primary: ibis.Table, day: date | None = None) -> ibis.Table:\n"
    promotion = planned(typed + "    return primary")
    assert not any("ruff" in remark for remark in promotion.remarks), promotion.remarks
    assert "\n    import ibis\n" in module(promotion).partition("if TYPE_CHECKING:")[2].partition("__all__")[0]


@example(["ends with \\\\"])
@example(['"""', "- a \\\\"])
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=80), max_size=4))
def test_any_text_makes_a_docstring(paragraphs: list[str]) -> None:
    (statement,) = ast.parse(docstring(prose("\n\n".join(paragraphs)), "Otherwise.")).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)


def test_without_features_it_says_what_was_left_out(planned: Planned) -> None:
    with pytest.raises(ConfigurationError, match="make no `features`") as caught:
        planned("def features(primary):\n    print(primary)\n    return primary")
    assert "code cell 2, line 2: `def features(primary):` prints" in str(caught.value)


def test_join_is_kept_if_no_cell_makes_it(planned: Planned, small: Path) -> None:
    skyways = module(planned(FEATURES, client="skyways"))
    assert "TABLES = skyways.TABLES\nEXCLUDED = skyways.EXCLUDED\n" in skyways
    assert "return skyways.join(tables)" in skyways
    settings = small / "conf" / "clients" / "clinic" / "client.yml"
    settings.write_text(settings.read_text().replace("recipe: clinic", "recipe: auto"))
    promotion = planned(FEATURES)
    assert 'return tables["samples"]' in module(promotion)
    assert any("EXCLUDED is empty" in remark for remark in promotion.remarks)
    many = small / "conf" / "clients" / "skyways" / "client.yml"
    many.write_text(many.read_text().replace("recipe: skyways", "recipe: auto"))
    with pytest.raises(ConfigurationError, match="there are 5 tables to be joined"):
        planned(FEATURES, client="skyways")


def test_a_table_must_be_the_clients(planned: Planned) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'samples'"):
        planned("def join(tables):\n    return tables['sample']\n" + FEATURES)


@pytest.mark.parametrize("function", ["features(primary, other)", "features()", "features(primary, *, other)"])
def test_a_function_of_a_recipe_takes_one_argument(planned: Planned, function: str) -> None:
    with pytest.raises(ConfigurationError, match="`features` must take one argument"):
        planned(f"def {function}:\n    return 1")


@pytest.mark.parametrize("recipe", ["clinic", "auto", "../up", "A", "class", "", "a-b", "x.y"])
def test_a_name_is_free_and_a_slug(planned: Planned, recipe: str) -> None:
    with pytest.raises(ConfigurationError, match="is there already|is not a name"):
        planned(FEATURES, recipe=recipe)


def test_a_notebook_that_will_not_do(planned: Planned, small: Path) -> None:
    with pytest.raises(ConfigurationError, match="opens no client"):
        planned(FEATURES, client="")
    with pytest.raises(UnknownClient):
        planned(FEATURES, client="clinik")
    with pytest.raises(ConfigurationError, match="no cell is tagged"):
        planned((FEATURES,))
    with pytest.raises(ConfigurationError, match="no such notebook"):
        plan(small, Path("notebooks/explore/none.ipynb"))
    with pytest.raises(ConfigurationError, match="outside of the project"):
        plan(small, Path("../../etc/passwd"))


def test_nothing_is_run(planned: Planned, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    touch = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    planned(
        (touch,),
        f"{touch}\nX = {touch}\n@{touch}\ndef a(b={touch}):\n    return b\n{FEATURES}",
        f"def b(c: {touch}) -> {touch}:\n    return c",
    )
    assert not canary.exists()


def test_all_is_written_or_nothing(planned: Planned, small: Path) -> None:
    promotion = planned(FEATURES)
    before = (small / NAMES).read_text()
    (small / TESTS).mkdir(parents=True)
    (small / TESTS / "test_idea.py").write_text("a person's work")
    with pytest.raises(ConfigurationError, match="is there already"):
        promote(small, promotion)
    assert not (small / RECIPES / "idea.py").exists()
    assert (small / NAMES).read_text() == before
    assert (small / TESTS / "test_idea.py").read_text() == "a person's work"


def test_a_client_without_a_schema_gets_no_test(planned: Planned, small: Path) -> None:
    (small / "conf" / "clients" / "clinic" / "schema.yml").unlink()
    promotion = planned(FEATURES)
    assert list(promotion.new) == [RECIPES / "idea.py"]
    assert any("has no schema.yml" in remark for remark in promotion.remarks)


def run_tests(project: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_the_shipped_notebook_by_command_and_its_test_passes(project: Path) -> None:
    def command(*arguments: str) -> str:
        path = "notebooks/explore/03_from_notebook_to_pipeline.ipynb"
        options = ("promote", str(project / path), "--recipe", "clinic_shape", *arguments)
        done = CliRunner().invoke(group, options, obj=SimpleNamespace(project_path=project))
        assert done.exit_code == 0, done.output
        return done.output

    before = (project / NAMES).read_text()
    shown = json.loads(command("--dry-run", "--json"))
    assert shown["left_out"] == shown["remarks"] == []
    assert '+NAMES = ("auto", "clinic", "clinic_shape", "skyways", "tradewinds")' in shown["diff"]
    assert "+++ b/src/pipelines/prepare/recipes/clinic_shape.py" in command("--dry-run")
    assert (project / NAMES).read_text() == before
    assert "✓ tests/pipelines/prepare/recipes/test_clinic_shape.py" in command()
    again = CliRunner().invoke(
        group,
        ["promote", str(project / "notebooks/explore/03_from_notebook_to_pipeline.ipynb"), "--recipe", "clinic_shape"],
        obj=SimpleNamespace(project_path=project),
    )
    assert again.exit_code == 1
    assert "is there already" in again.output
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check"], ["format", "--check"]):
        made = [str(RECIPES / "clinic_shape.py"), str(NAMES), str(TESTS)]
        done = subprocess.run([*ruff, *words, *made], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    good = run_tests(project, str(TESTS))
    assert "3 passed" in good.stdout, good.stdout


@pytest.mark.slow
def test_the_test_finds_what_a_recipe_must_not_do(project: Path) -> None:
    leak = "def features(primary):\n    return primary.mutate(told=primary.malignant * 2)"
    promote(project, plan_cells(project, leak, recipe="leak"))
    # Of a flight's own outcome nothing is a feature: an idea on the primary table brings it back.
    promote(project, plan_cells(project, FEATURES, client="skyways", recipe="outcome"))
    twice = "def features(primary):\n    return primary.union(primary)"
    promote(project, plan_cells(project, twice, recipe="twice"))
    done = run_tests(project, str(TESTS))
    failed = {line.split("::")[1].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert "test_leak.py::test_no_feature_tells_the_target" in done.stdout
    assert "test_outcome.py::test_it_has_one_row_a_key" in done.stdout
    assert "test_twice.py::test_it_has_one_row_a_key" in done.stdout
    assert len(failed) == 2, done.stdout
