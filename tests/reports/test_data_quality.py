"""The sections of the data quality report say what ``ingest`` found, and nothing of a person."""

from __future__ import annotations

import copy
import re

import pytest

from workbench.clients import Schema
from workbench.reports import data_quality


def column(kind="int64", null_share=0.0, distinct=9, low=1, high=5, mean=None):
    return {"type": kind, "null_share": null_share, "distinct": distinct, "min": low, "max": high, "mean": mean}


SUMMARY = {
    "client": "acme",
    "tables": {
        "orders": {
            "source": {"kind": "csv", "files": [{"name": "orders.csv", "bytes": 9, "sha256": "a" * 64}]},
            "read": 1000,
            "kept": 999,
            "quarantined": 1,
            "quarantined_share": 0.001,
            "reasons": {"id is missing": 1},
            "columns": {
                "id": column(distinct=999, low=1, high=123456, mean=2013.0),
                "year": column(low=2013, high=2013, distinct=1),
                "person": column("string", low=None, high=None),
                "note": column("string", null_share=0.9, low="<a>", high="z" * 80),
                "day": column("date", low="2024-01-01", high="2024-05-06"),
                "until": column("date", low="2024-01-01", high="9999-12-31"),
                "seen": column("timestamp", low="2024-01-01T00:00:00", high="2024-06-07T08:09:10+02:00"),
            },
        },
        "regions": {
            "source": {"kind": "tpch", "files": []},
            "read": 5,
            "kept": 5,
            "quarantined": 0,
            "quarantined_share": 0.0,
            "reasons": {},
            "columns": {"name": column("string", low="a", high="b")},
        },
    },
}
SCHEMA = Schema.model_validate(
    {
        "tables": {
            "orders": {"description": "One order.", "columns": {"id": {"type": "int64", "description": "Its number."}}}
        }
    }
)


@pytest.fixture
def summary():
    return copy.deepcopy(SUMMARY)


@pytest.fixture
def client(acme):
    return acme.model_copy(update={"personal": ("person",)})


def test_the_overview_counts_over_all_tables(client, summary) -> None:
    html = data_quality.overview(client, summary)
    assert "Some rows were refused, within what is allowed" in html
    assert "Here at most 1 % of a table may be refused." in html
    numbers = re.findall(r'<div class="number">(.*?)</div>', html)
    assert numbers == ["1,005", "1", "1", "7 Jun 2024"], "9999-12-31 stands for no end, and is not the newest"


def test_the_banner_is_good_only_when_every_row_is(client, summary) -> None:
    summary["tables"]["orders"] |= {"quarantined": 0, "quarantined_share": 0.0, "kept": 1000, "reasons": {}}
    assert "All 1,005 rows are good" in data_quality.overview(client, summary)
    summary["tables"]["orders"] |= {"quarantined": 500, "quarantined_share": 0.5, "kept": 500}
    html = data_quality.overview(client, summary)
    assert 'class="callout bad"' in html
    assert "orders: at most 1 % of a table may be refused, and more was." in html


def test_a_table_without_a_row_is_bad(client, summary) -> None:
    summary["tables"]["regions"] |= {"read": 0, "kept": 0}
    assert "Too many rows were refused" in data_quality.overview(client, summary)


def test_tables_show_their_description_or_that_nothing_was_checked(summary) -> None:
    html = data_quality.table_overview(summary, SCHEMA)
    assert "orders<small>One order.</small>" in html
    assert "regions<small>no schema: nothing was checked</small>" in html
    assert '<td class="num bad">1</td>' in html
    assert "no schema" in data_quality.table_overview(summary, None)


def test_reasons_are_counted_and_cut(summary) -> None:
    assert "id is missing" in data_quality.refused(summary)
    summary["tables"]["orders"]["reasons"] = {f"reason {i}": 50 - i for i in range(12)}
    html = data_quality.refused(summary)
    assert "reason 9" in html
    assert "reason 10" not in html
    assert "The 10 commonest of 12 reasons." in html
    summary["tables"]["orders"]["reasons"] = {}
    assert "No row was refused." in data_quality.refused(summary)


def test_what_is_missing(summary) -> None:
    html = data_quality.missing(summary)
    assert "Missing: orders.note 90 %" in html
    summary["tables"]["orders"]["columns"]["note"]["null_share"] = 0.0
    assert "Nothing: every column has a value" in data_quality.missing(summary)
    summary["tables"]["orders"]["columns"] = {f"c{i}": column(null_share=0.1) for i in range(30)}
    assert "The 25 emptiest of 30 columns" in data_quality.missing(summary)


def test_freshness_is_in_utc(summary) -> None:
    html = data_quality.freshness(summary)
    assert "The newest value is of 7 June 2024, in orders.seen." in html
    summary["tables"]["orders"]["columns"] = {"id": column()}
    assert "No table has a column with dates" in data_quality.freshness(summary)


def test_a_letter_of_a_text_is_not_taken_for_that_between_a_date_and_a_time(client, summary) -> None:
    columns = summary["tables"]["orders"]["columns"]
    columns["segment"] = column("string", low="AUTOMOBILE", high="Toys")
    columns["at"] = column("timestamp", low="2024-03-05T00:00:00", high="2024-03-05T06:30:00")
    columns["balance"] = column("float64", low=-999.5, high=9999.96)
    html = data_quality.column_tables(client, summary, SCHEMA)
    for told in (
        "AUTOMOBILE to Toys",
        "5 Mar 2024 to 5 Mar 2024, 06:30<",
        "to 10,000<",
        "1 Jan 2024 to 7 Jun 2024, 06:09<",
    ):
        assert told in html.replace("\N{NO-BREAK SPACE}", " "), told


def test_a_range_of_whole_numbers_has_no_zeros_at_its_end(client, summary) -> None:
    summary["tables"]["orders"]["columns"]["size"] = column("float64", low=1.0, high=50.0) | {"mean": 25.5}
    assert "1 to 50<small>mean 25.5<" in data_quality.column_tables(client, summary, SCHEMA)


def test_an_estimate_is_called_one(client, summary) -> None:
    summary["tables"] = {
        name: one | {"kept": 1000 if name == "orders" else 10**6} for name, one in summary["tables"].items()
    }
    assert re.findall(r"<h3>(\w+)</h3>|>(Distinct[^<]*)<", data_quality.column_tables(client, summary, SCHEMA)) == [
        ("orders", ""),
        ("", "Distinct"),
        ("regions", ""),
        ("", "Distinct, about"),
    ]


def test_columns_show_their_range_but_never_that_of_a_personal_one(client, summary) -> None:
    summary["tables"]["orders"]["columns"]["person"] |= {"min": "Ada", "max": "Zoe"}
    html = data_quality.column_tables(client, summary, SCHEMA)
    assert "Ada" not in html
    assert "Zoe" not in html
    assert "personal: not shown" in html
    assert "id<small>Its number.</small>" in html
    assert "1 to 123,456<small>mean 2013</small>" in html
    assert "<td>2013</td>" in html, "a year has no thousands"
    assert f"&lt;a&gt; to {'z' * 23}…" in html


def test_next_steps(client, summary) -> None:
    html = data_quality.next_steps(client, summary, SCHEMA)
    titles = re.findall(r"<li><b>(.*?)\. </b>", html)
    assert titles == [
        "Look at the refused rows of orders",
        "Write a schema",
        "Ask whether one value is all there is",
        "Ask why so much is missing",
        "Bring in new rows when there are some",
    ]
    assert "data/acme/02_intermediate/quarantine/orders.parquet" in html
    assert "Nothing was checked in regions." in html
    assert "These columns never vary: orders.year." in html


def test_sources_carry_their_digest(client, summary) -> None:
    html = data_quality.sources(summary)
    assert "<td>orders</td><td>csv</td><td>orders.csv</td><td><code>aaaaaaaaaaaaaaaa</code></td>" in html
    summary["tables"]["orders"]["source"]["files"] = []
    assert "from no file" in data_quality.sources(summary)
    assert "2 tables were" in data_quality.lead(client, summary)
    del summary["tables"]["orders"]
    assert "One table was" in data_quality.lead(client, summary)
