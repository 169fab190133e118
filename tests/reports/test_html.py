"""The pieces that cells are built from escape what they are given."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.reports.html import Cell, Html, callout, facts, joined, paragraph, steps, table, tag, tiles

HOSTILE = "<script>alert('x')</script>&\""


@settings(deadline=None)
@given(st.text())
def test_text_is_escaped_everywhere(text) -> None:
    marked = f"<i>{text}"
    pieces = [
        tag("p", marked, title=marked),
        joined(marked),
        paragraph(marked),
        table([marked], [[marked], [Cell(marked, note=marked)]], caption=marked),
        tiles((marked, marked, marked)),
        callout("bad", marked, marked),
        facts({marked: marked}),
        steps([(marked, marked, marked)]),
    ]
    for piece in pieces:
        assert "<i>" not in piece


def test_an_attribute_cannot_be_left() -> None:
    assert tag("p", title=HOSTILE) == ('<p title="&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;"></p>')


def test_markup_goes_in_as_it_is_but_text_made_of_it_does_not() -> None:
    bold = tag("b", "x")
    assert paragraph(bold, " y") == "<p><b>x</b> y</p>"
    assert paragraph(f"{bold}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>", "an f-string is text again"
    assert Html("<b>")._repr_html_() == "<b>"


def test_a_table_aligns_numbers_and_marks_cells() -> None:
    html = table(["name", "n"], [["a", Cell(1, "best", "of 2")], ["b", None]], numbers=[1])
    assert '<th class="num" scope="col">n</th>' in html
    assert '<td>a</td><td class="num best">1<small>of 2</small></td>' in html
    assert '<td class="num"></td>' in html


def test_facts_without_a_value_are_left_out() -> None:
    assert facts({"a": "", "b": None, "c": 0}) == '<dl class="facts"><div><dt>c</dt><dd>0</dd></div></dl>'
    assert facts({"a": "", "b": None}) == "", "an empty list would leave a gap"


def test_a_date_is_set_so_that_it_stays_on_one_line_of_its_tile() -> None:
    html = tiles(("Rows", "1,234,567", ""), ("Newest", "27 Dec 1998", ""))
    assert '<div class="number">1,234,567</div>' in html
    assert '<div class="number long">27 Dec 1998</div>' in html
