"""What is wrong with a primary table is said before anything is trained on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from pipelines.prepare.survey import MAX_CLASSES, MIN_FOLD_ROWS, survey
from workbench.clients import Client
from workbench.errors import DataError

N = 300
START = datetime(2024, 1, 1)
BINARY = [n % 3 == 0 for n in range(N)]


def rows(**changes: Any) -> dict[str, Any]:
    columns = {
        "id": list(range(N)),
        "at": [START + timedelta(hours=n) for n in range(N)],
        "x": [float(n % 10) for n in range(N)],
        "y": BINARY,
    }
    return {name: values for name, values in (columns | changes).items() if values is not None}


def refused(
    make_client: Callable[..., Client], table: Callable[..., ir.Table], columns: dict[str, Any], **client: Any
) -> str:
    with pytest.raises(DataError) as caught:
        survey(make_client(**client), table(columns))
    return str(caught.value)


BY_TIME = {"time_column": "at", "split": {"by": "time"}}


@pytest.mark.parametrize(
    ("columns", "client", "words"),
    [
        (rows(y=None), {}, "column y: is named in client.yml but is not in the table"),
        (rows(y=None, Y_=BINARY), {"target": "Y"}, "Next: did you mean 'Y_'?"),
        (rows(id=None), {}, "column id: is named in client.yml"),
        (rows(), {"segments": ["region"]}, "column region: is named in client.yml"),
        (rows(), {"protected": ["sex"]}, "column sex: is named in client.yml"),
        (rows(fold=[1] * N), {}, "column fold: has the name of the column that tells the fold"),
        (rows(at=["2024"] * N), BY_TIME, "column at: orders the rows in time but is string"),
        (rows(y=["a"] * N), {"task": "regression"}, "column y: is string, not a number"),
        (rows(y=[START] * N), {}, "column y: is timestamp(6), which has no classes"),
        (rows(y=pa.nulls(N, pa.float64())), {"task": "regression"}, "column y: has no value at all"),
        (rows(y=[float("nan")] * N), {"task": "regression"}, "column y: has no value at all"),
        (rows(y=[1] * N), {}, "column y: has one value only, so there is nothing to predict"),
        (rows(y=["a", "b", "c"] * 100), {}, "column y: has more than 2 different values, too many for task binary"),
        (rows(y=list(range(N))), {"task": "multiclass"}, f"has more than {MAX_CLASSES} different values"),
        (rows(id=[None, *range(1, N)]), {}, "column id: has no value in 1 of 300 rows"),
        (rows(at=[None] * 7 + rows()["at"][7:]), BY_TIME, "column at: has no value in 7 of 300 rows"),
        (rows(at=[START] * N), BY_TIME, f"leaves 0 rows for validation, and at least {MIN_FOLD_ROWS} are needed"),
        (rows(y=[n < 100 for n in range(N)]), BY_TIME, "has one value only among the 45 validation rows"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_wrong(
    make_client: Callable[..., Client],
    table: Callable[..., ir.Table],
    columns: dict[str, Any],
    client: dict[str, Any],
    words: str,
) -> None:
    message = refused(make_client, table, columns, **client)
    assert words in message
    assert message.startswith("client acme, table primary")
    assert "Next: " in message


def test_a_key_that_repeats_names_client_table_columns_and_counts(
    make_client: Callable[..., Client], table: Callable[..., ir.Table]
) -> None:
    columns = rows(id=[*range(N - 3), 5, 5, 7], part=["a"] * N)
    assert refused(make_client, table, columns, key=["id", "part"]) == (
        "client acme, table primary: key (id, part) is not unique: 2 values stand in 5 rows. "
        "Next: name more key columns in client.yml, or look for a join that repeats rows"
    )


def test_no_rows(make_client: Callable[..., Client], table: Callable[..., ir.Table]) -> None:
    empty = table(rows()).filter(False)
    with pytest.raises(DataError, match="table primary: has no rows"):
        survey(make_client(), empty)


@pytest.mark.parametrize("count", [30, 99])
def test_too_few_rows(make_client: Callable[..., Client], table: Callable[..., ir.Table], count: int) -> None:
    columns = {name: values[:count] for name, values in rows().items()}
    assert f"at least {MIN_FOLD_ROWS} are needed" in refused(make_client, table, columns)


def test_messages_hold_no_values(make_client: Callable[..., Client], table: Callable[..., ir.Table]) -> None:
    assert "secret" not in refused(make_client, table, rows(y=["secret", "b", "c"] * 100))


def test_rows_without_a_label_are_counted_and_do_not_move_the_cuts(
    make_client: Callable[..., Client], table: Callable[..., ir.Table]
) -> None:
    label = [None if n >= 200 else n % 3 == 0 for n in range(N)]
    found = survey(make_client(**BY_TIME), table(rows(y=label)))
    assert found.unlabelled == 100
    assert found.rows == {"train": 140, "validation": 30, "test": 30}


@pytest.mark.parametrize(
    ("label", "names", "positive"),
    [
        ([n % 2 for n in range(N)], None, 1),
        (BINARY, None, 1),
        ([float(n % 2) for n in range(N)], None, 1.0),
        ([n % 2 + 1 for n in range(N)], ("1", "2"), 2),
        (["no", "yes"] * 150, ("no", "yes"), "yes"),
    ],
)
def test_the_positive_class_is_the_greater(
    make_client: Callable[..., Client],
    table: Callable[..., ir.Table],
    label: list[Any],
    names: tuple[str, ...] | None,
    positive: Any,
) -> None:
    found = survey(make_client(), table(rows(y=label)))
    assert (found.classes.names, found.classes.positive) == (names, positive)


def test_classes_of_a_multiclass_label_are_sorted(
    make_client: Callable[..., Client], table: Callable[..., ir.Table]
) -> None:
    found = survey(make_client(task="multiclass"), table(rows(y=["b", "c", "a"] * 100)))
    assert found.classes.names == ("a", "b", "c")
