"""What is proposed for a table, and why; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError, UnknownClient, WorkbenchError
from workbench.onboarding.look import new_names
from workbench.onboarding.propose import Wishes, propose
from workbench.onboarding.write import as_diff, texts_of, write


def proposed(project: Path, given: Path, target: str, **wishes: Any) -> Any:
    return propose(project, "acme", given, Wishes(target, **wishes))[0]


def test_loans(tmp_path: Path, write_csv: Callable[..., Path], loans: Any) -> None:
    made = proposed(tmp_path, write_csv("Loans.csv", loans, delimiter=";"), "Paid?")
    assert made.target == "paid"
    assert made.key.value == ("loan_id",)
    assert (made.time.value, made.task.value, made.metric.value) == ("applied_on", "binary", "roc_auc")
    assert made.personal == {
        "customer_name": "by its name", "Contact": "most values look like an e-mail address",
        "birth_date": "by its name",
    }  # fmt: skip
    income = made.look.columns["income_k"]
    assert (income.spec.type, income.missing) == ("float64", 20)
    assert made.source["rename"]["income_k"] == "Income (k€)"


def test_the_files_are_a_client_and_hold_no_value_of_a_person(
    tmp_path: Path, write_csv: Callable[..., Path], loans: Any
) -> None:
    made, origin = propose(tmp_path, "acme", write_csv("loans.csv", loans), Wishes("Paid?"))
    texts = texts_of(made)
    write(tmp_path, made, origin, texts)
    registry = ClientRegistry(tmp_path)
    client, schema = registry.load("acme"), registry.schema("acme")
    assert client.split.by == "time"
    assert schema is not None
    assert schema.tables["loans"].columns["income_k"].nullable
    everything = "".join(texts.values())
    assert "Müller" not in everything
    assert "@example.org" not in everything
    assert "1950-01-01" not in everything, "not even the smallest date of birth"
    diff = as_diff("acme", texts)
    assert "+++ conf/clients/acme/client.yml" in diff
    assert all(line.startswith(("+", "-", "@")) for line in diff.splitlines())


def test_the_table_with_the_target_is_taken(tmp_path: Path, write_csv: Callable[..., Path], loans: Any) -> None:
    write_csv("regions.csv", {"Region": ["Nord"], "Area": [3]})
    made = proposed(tmp_path, write_csv("loans.csv", loans).parent, "Paid?")
    assert (made.table, made.others) == ("loans", ("regions",))
    assert "regions" in texts_of(made)["client.yml"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 50, "binary"),
        (["a", "b", "c", "d"] * 25, "multiclass"),
        ([1, 2, 3, 4, 5] * 20, "multiclass"),
        (list(range(100)), "regression"),
        ([f"{value / 7:.3f}" for value in range(100)], "regression"),
    ],
)
def test_the_task(tmp_path: Path, write_csv: Callable[..., Path], values: list[Any], task: str) -> None:
    path = write_csv("t.csv", {"id": [f"x{row}" for row in range(100)], "y": values})
    assert proposed(tmp_path, path, "y").task.value == task


@pytest.mark.parametrize(
    ("columns", "wishes", "said"),
    [
        ({"a": [1, 1], "y": [0, 1]}, {}, "no column identifies a row"),
        ({"id": [1, 2], "y": [1, 1]}, {}, "target 'y': has one value only"),
        ({"id": [1, 2], "y": ["", ""]}, {}, "target 'y': has no value"),
        ({"id": list(range(9)), "y": [f"text {n}" for n in range(9)]}, {}, "neither a number nor a class"),
        ({"id": [1, 2], "late": [0, 1]}, {}, "no table has a column 'y'"),
        ({"id": [1, 2], "y": [0, 1]}, {"key": ("ids",)}, "no column 'ids' .* did you mean 'id'"),
        ({"id": [1, 2], "y": [0, 1]}, {"time_column": "when"}, "no column 'when'"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, write_csv: Callable[..., Path], columns: dict[str, list[Any]], wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        proposed(tmp_path, write_csv("t.csv", columns), "y", **wishes)
    assert not (tmp_path / "conf").exists()


@pytest.mark.parametrize("client", ["../etc", "Acme", "a", "con/fig", "аcme"])
def test_an_id_that_is_none(tmp_path: Path, write_csv: Callable[..., Path], client: str) -> None:
    with pytest.raises(UnknownClient, match="is not a client id"):
        propose(tmp_path, client, write_csv("t.csv", {"id": [1]}), Wishes("id"))


def test_a_client_that_is_there(tmp_path: Path, write_csv: Callable[..., Path]) -> None:
    (tmp_path / "conf" / "clients" / "acme").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="there is such a client already"):
        propose(tmp_path, "acme", write_csv("t.csv", {"id": [1]}), Wishes("id"))


def test_columns_whose_names_are_words_of_yaml(tmp_path: Path, write_csv: Callable[..., Path]) -> None:
    words = ["no", "On", "null", "true", "y"]
    columns = {"row_id": [f"k{n}" for n in range(60)]} | {word: [n % 2 for n in range(60)] for word in words}
    made = proposed(tmp_path, write_csv("off.csv", columns), "no")
    assert list(made.look.columns) == ["row_id", *words]
    assert 'target: "no"' in texts_of(made)["client.yml"]


names = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=',;"|'), min_size=1, max_size=12),
    min_size=1, max_size=8, unique_by=str.casefold,
)  # fmt: skip


@given(names)
def test_new_names_are_identifiers_and_differ(columns: list[str]) -> None:
    renamed = new_names(columns)
    kept = [name for name in columns if name not in renamed.values()]
    after = [*kept, *renamed]
    assert all(name.isidentifier() and name.isascii() for name in after)
    assert len({name.casefold() for name in after}) == len(columns)


@given(names=names)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_of_a_column_breaks_the_files(tmp_path: Path, write_csv: Callable[..., Path], names: list[str]) -> None:
    columns: dict[str, list[Any]] = {f"{name}": [f"v{n % 3}" for n in range(60)] for name in names}
    columns |= {"row_id": [f"k{n}" for n in range(60)], "target": [n % 2 for n in range(60)]}
    try:
        made = proposed(tmp_path, write_csv("t.csv", columns), "target")
    except WorkbenchError as error:
        assert "column" in str(error), error  # a name that no raw table can have, said in a sentence
        return
    texts = texts_of(made)
    assert set(made.look.columns) >= {"row_id", "target"}
    assert texts["schema.yml"].count("{type:") == len(made.look.columns)


def test_dates_of_a_spreadsheet_are_dates_and_say_why(tmp_path: Path, write_csv: Callable[..., Path]) -> None:
    rows = range(60)
    columns = {
        "id": [f"x{row}" for row in rows],
        "Sold on": [f"{1 + row % 28:02}.{1 + row % 12:02}.2024" for row in rows],
        "Due": [f"{1 + row % 12}/{1 + row % 9}/2024" for row in rows],
        "Birth date": [f"{13 + row % 9}/0{1 + row % 9}/1970" for row in rows],
        "y": [row % 2 for row in rows],
    }
    path = write_csv("orders.csv", columns)
    made, origin = propose(tmp_path, "acme", path, Wishes("y"))
    texts = texts_of(made)
    assert made.time.value == "sold_on"
    assert 'sold_on: {type: date, format: "%d.%m.%Y"} #' in texts["schema.yml"]
    assert 'Due: {type: string} # 36 different, every value fits "%d/%m/%Y" and "%m/%d/%Y"' in texts["schema.yml"]
    assert 'birth_date: {type: date, format: "%d/%m/%Y"}' in texts["schema.yml"]
    assert "1970" not in texts["schema.yml"], "not even the smallest date of birth"
    write(tmp_path, made, origin, texts)
    schema = ClientRegistry(tmp_path).schema("acme")
    assert schema is not None
    assert schema.tables["orders"].columns["sold_on"].format == "%d.%m.%Y"
    told, _ = propose(tmp_path, "acme_2", path, Wishes("y", date_order="month"))
    assert told.look.columns["Due"].spec.format == "%m/%d/%Y"
    assert told.look.columns["sold_on"].spec.format == "%d.%m.%Y", "what the values say is not overruled"


def test_a_key_of_several_columns_that_repeats(tmp_path: Path, write_csv: Callable[..., Path]) -> None:
    columns = {"Order": [1, 1, 2, 2], "Line No": [1, 2, 1, 1], "y": [0, 1, 0, 1]}
    path = write_csv("lines.csv", columns)
    said = "key columns Order, line_no together have 3 different values in 4 rows"
    with pytest.raises(ConfigurationError, match=said):
        proposed(tmp_path, path, "y", key=("Order", "Line No"))
    columns["Line No"][3] = 2
    made = proposed(tmp_path, write_csv("lines.csv", columns), "y", key=("Order", "line_no"))
    assert made.key.value == ("Order", "line_no")
