"""What is searched for, in all the ways in which it may be written."""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Iterable
from functools import cached_property

__all__ = ["Needle"]

SHORTEST, SHORTEST_NUMBER = 4, 6


class Needle:
    """A client's id or a person's key, as a whole word.

    Args:
        texts: its forms.
        word: characters that belong to a word, as a character class; beside one of them there is no hit, so that
            ``acme`` is not found in ``acme_2``, nor 123456 in 0.123456.
    """

    def __init__(self, texts: Iterable[str], word: str = "A-Za-z0-9_") -> None:
        self.texts, self._word = tuple(texts), word

    @property
    def is_distinctive(self) -> bool:
        """Whether a hit in a free text means anything: 7 stands in every file."""
        return all(
            len(text) >= (SHORTEST_NUMBER if re.fullmatch(r"[\d.+-]*", text) else SHORTEST) for text in self.texts
        )

    @property
    def is_number(self) -> bool:
        """Whether it can stand in a column of integers."""
        return any(re.fullmatch(r"-?\d{1,18}", text) for text in self.texts)

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """For bytes: in UTF-8, with JSON's, HTML's and URLs' escapes, and in UTF-16."""
        written = {form for text in self.texts for form in _forms(text)}
        plain = b"|".join(re.escape(form.encode()) for form in sorted(written))
        wide = b"|".join(re.escape(text.encode("utf-16-le")) for text in self.texts)
        word = self._word.encode()
        return re.compile(
            b"(?<![" + word + b"])(?:" + plain + b")(?![" + word + b"])|(?<![" + word + b"]\x00)(?:" + wide + b")"
            b"(?![" + word + b"]\x00)"
        )

    @cached_property
    def re2(self) -> str:
        """The same for the engine, whose patterns have no look-around; for values, which are not escaped."""
        quoted = "|".join("\\Q" + text.replace("\\E", "\\E\\\\E\\Q") + "\\E" for text in self.texts)
        return f"(?s)(^|[^{self._word}])({quoted})($|[^{self._word}])"


def _forms(text: str) -> set[str]:
    quoted = urllib.parse.quote(text, safe="")
    return {text, json.dumps(text)[1:-1], html.escape(text), html.escape(text, quote=False), quoted}
