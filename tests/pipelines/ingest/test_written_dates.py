"""Dates as spreadsheets and other countries write them: the values decide, or nobody does."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.ingest.checking import check_table, kept, quarantined
from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.schemas.casting import cast
from workbench.schemas.infer import infer


@pytest.mark.parametrize(
    ("values", "order", "kind", "written", "why"),
    [
        (["31.12.2024", "01.02.2024"], None, "date", "%d.%m.%Y", "no other order fits 1 of"),
        (["12/31/2024", "1/2/2024", None, " "], None, "date", "%m/%d/%Y", "no other order fits 1 of"),
        (["31-12-2024"], "month", "date", "%d-%m-%Y", "no other order fits 1 of"),
        (["2024/12/31"], None, "date", "%Y/%m/%d", "every value is written so"),
        (["31/12/2024 14:05"], None, "timestamp", "%d/%m/%Y %H:%M", "no other order"),
        (["12/31/2024, 2:05:07 PM"], None, "timestamp", "%m/%d/%Y, %I:%M:%S %p", "no other order"),
        (["31.12.2024 14:05:01.25"], None, "timestamp", "%d.%m.%Y %H:%M:%S.%f", "no other order"),
        (["31 Dec 2024", "1 May 2024"], None, "date", "%d %b %Y", "every value"),
        (["3 May 2024"], None, "date", "%d %b %Y", "every value"),
        (["December 31, 2024"], None, "date", "%B %d, %Y", "every value"),
        (["01/02/2024", "03/04/2024"], None, "string", None, 'fits "%d/%m/%Y" and "%m/%d/%Y": say which'),
        (["01/02/2024", "03/04/2024"], "day", "date", "%d/%m/%Y", "as given"),
        (["01/02/2024", "03/04/2024"], "month", "date", "%m/%d/%Y", "as given"),
        (["31.12.24", "30.11.24"], None, "string", None, "say which"),
        (["31.12.24", "30.11.24"], "day", "date", "%d.%m.%y", "as given"),
        (["31.12.2024", "12.31.2024", "13.1.2024"], None, "string", None, "nearly dates: 1 of 3 values do not fit"),
        (["31.12.2024", "30.12.2024", "soon"], None, "string", None, "1 of 3 values do not fit %d.%m.%Y"),
        (["31.02.2024"], None, "string", None, ""),
        (["1.2.3", "4.5.6"], None, "string", None, ""),
        (["192.168.1.1"], None, "string", None, ""),
        (["a", "b", "31.12.2024"], None, "string", None, ""),
    ],
)
def test_the_format(table_of, values, order, kind, written, why):
    found = infer(table_of({"x": values}), ("x",), "acme", "orders", order)
    spec = found.schema.columns["x"]
    assert (spec.type, spec.format) == (kind, written)
    assert why in found.dates.get("x", "")


@pytest.mark.parametrize(
    ("written", "text", "value"),
    [
        ("%d.%m.%Y", " 31.12.2024 ", datetime(2024, 12, 31)),
        ("%d.%m.%Y", "1.2.2024", datetime(2024, 2, 1)),
        ("%d.%m.%Y", "29.02.2023", None),
        ("%d.%m.%Y", "12/31/2024", None),
        ("%d.%m.%Y", "31.12.24", None),  # strptime reads the year 24
        ("%d.%m.%Y", "31.12.2024 10:00", None),
        ("%d.%m.%Y", "2024-12-31", None),
        ("%d.%m.%y", "31.12.24", datetime(2024, 12, 31)),
        ("%d/%m/%Y %H:%M", "31/12/2024 24:00", None),
        ("%d/%m/%Y %H:%M", "31/12/2024 14:05", datetime(2024, 12, 31, 14, 5)),
        ("%m/%d/%Y %I:%M %p", "12/31/2024 12:05 am", datetime(2024, 12, 31, 0, 5)),
        ("%m/%d/%Y %I:%M %p", "12/31/2024 13:05 PM", None),
        ("%d %b %Y", "31 dec 2024", datetime(2024, 12, 31)),
        ("%d %b %Y", "31 Dez 2024", None),
        ("%Y%m%d", "20241231", datetime(2024, 12, 31)),
        ("100%% %d.%m.%Y", "100% 31.12.2024", datetime(2024, 12, 31)),
        ("%d'%m'%Y", "31'12'2024", datetime(2024, 12, 31)),
    ],
)
def test_a_value(table_of, written, text, value):
    spec = ColumnSchema(type="timestamp", format=written, nullable=True)
    column = table_of({"x": [text]})["x"]
    assert column.as_table().select(x=cast(column, spec)).to_pyarrow()["x"].to_pylist() == [value]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"type": "string", "format": "%d.%m.%Y"}, "only a date or a timestamp has a format"),
        ({"type": "date", "format": "%d.%m"}, "has to say a year once"),
        ({"type": "date", "format": "%d.%b.%m.%Y"}, "has to say a month once"),
        ({"type": "date", "format": "dd.mm.yyyy"}, "has to say a year once"),
        ({"type": "date", "format": "%d.%m.%Y %H:%M"}, "give the column the type timestamp"),
        ({"type": "timestamp", "format": "%d.%m.%Y %z"}, "holds %z; there are %Y"),
        ({"type": "timestamp", "format": "%d.%m.%Y %I:%M"}, "or as %I with %p"),
        ({"type": "timestamp", "format": "%d.%m.%Y :%M"}, "minutes without an hour"),
        ({"type": "date", "format": "%d.%m.%Y%"}, "in the middle of a directive"),
    ],
)
def test_a_format_that_says_no_day(spec, said):
    with pytest.raises(ValidationError, match=said):
        ColumnSchema.model_validate(spec)


def test_what_does_not_fit_goes_to_quarantine_with_the_reason(table_of):
    schema = TableSchema(columns={"sold": ColumnSchema(type="date", format="%d.%m.%Y", min=date(2024, 1, 1))})
    checked = check_table(table_of({"sold": ["31.12.2024", "12.31.2024", "", "31.12.2023"]}), schema)
    assert kept(checked).to_pyarrow()["sold"].to_pylist() == [date(2024, 12, 31)]
    assert quarantined(checked).to_pyarrow().to_pylist() == [
        {"sold": "12.31.2024", "_reasons": ["sold is not a date written %d.%m.%Y"]},
        {"sold": "", "_reasons": ["sold is missing"]},
        {"sold": "31.12.2023", "_reasons": ["sold is below 2024-01-01"]},
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.dates(date(1000, 1, 1)), min_size=1, max_size=12),
    written=st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%B %d, %Y"]),
)
def test_no_date_is_ever_read_as_another(table_of, days, written):
    rows = table_of({"x": [day.strftime(written) for day in days]})
    spec = infer(rows, ("x",), "acme", "orders").schema.columns["x"]
    if spec.type == "string":
        assert all(day.day <= 12 for day in days), "only where the values do not tell"
    else:
        assert rows.select(x=cast(rows["x"], spec)).to_pyarrow()["x"].to_pylist() == days
