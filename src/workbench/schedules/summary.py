"""The few sentences of a report that go into a message."""

from __future__ import annotations

__all__ = ["summary_of"]

SENTENCES, LONGEST = 4, 400


def summary_of(page: str) -> list[str]:
    """The page's lead, and what its first section says in paragraphs; at most four, as plain text.

    Args:
        page: the HTML of a report, as :func:`workbench.reports.page.page` makes it; may be empty.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    first = soup.find("section")
    found = soup.select("header p.lead, header ~ p.lead") + (first.find_all("p") if first else [])
    texts = (" ".join(paragraph.get_text(" ", strip=True).split()) for paragraph in found)
    sentences = [text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …" for text in texts if text]
    return list(dict.fromkeys(sentences))[:SENTENCES]
