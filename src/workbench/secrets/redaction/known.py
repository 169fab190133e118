"""What this process knows of secrets, so that it can be looked for in everything that it writes.

Known are the values that were fetched by :func:`workbench.secrets.secrets_of`, Kedro's credentials, and the variables
of the environment whose names sound like a secret or begin with the client's name.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from workbench.secrets.redaction.forms import SHORTEST, forms_of
from workbench.secrets.redaction.patterns import REDACTED, sounds_secret

__all__ = ["Secrets", "forget", "known_secrets", "remember", "remember_credentials"]

FOLDERS = frozenset({"PWD", "OLDPWD"})
"""They sound like passwords, and are the shell's working folders."""

SHORT = 4
"""Characters of the shortest value that is taken out, as a word of its own; anything would hold a shorter one."""

LONG_FORM = 100
"""Characters; see :meth:`Secrets.beginning_in`."""

_fetched: dict[str, str] = {}
_credentials: dict[str, str] = {}


def remember(name: str, value: str) -> None:
    """Keep a value in mind for as long as the process lives; an older one of the name stays a secret too."""
    if value and value not in _fetched.values():
        older = sum(known == name or known.startswith(f"{name} (") for known in _fetched)
        _fetched[f"{name} ({older + 1})" if older else name] = value


def remember_credentials(credentials: Mapping[str, Any]) -> None:
    """Keep Kedro's credentials in mind; those of another client are forgotten."""
    _credentials.clear()
    _credentials.update(_leaves("credentials", credentials))


def forget() -> None:
    """Keep nothing in mind but what the environment says; for a process that turns to another client, and for tests."""
    _fetched.clear()
    _credentials.clear()


def known_secrets() -> Secrets:
    """The secrets of this process, as of now."""
    sounding = {
        f"environment variable {name}": value
        for name in os.environ  # their names alone: to decode every value takes three quarters of all this
        if sounds_secret(name) and name not in FOLDERS and len(value := os.environ.get(name, "")) >= SHORTEST
    }
    return _secrets(tuple((sounding | _fetched | _credentials).items()))


@lru_cache(maxsize=2)
def _secrets(named: tuple[tuple[str, str], ...]) -> Secrets:
    """Asked for at every line of a log, and seldom another than before."""
    return Secrets(dict(named))


class Secrets:
    """Values that may be in no file.

    Args:
        values: what a person calls it, to the value; the value is never in a message.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._forms = {name: forms_of(value) for name, value in values.items()}
        # The longest first, so that no rest is left: a form may be the beginning of another, also of another secret's.
        every = {form for forms in self._forms.values() for form in forms}
        self.forms: tuple[str, ...] = tuple(sorted(every, key=lambda form: (-len(form), form)))
        self._words = [value for value in values.values() if SHORT <= len(value) < SHORTEST]

    def __repr__(self) -> str:
        return f"Secrets({len(self._forms)} hidden)"

    def beginning_in(self, text: str) -> int:
        """How many characters at the end of a text are the beginning of a secret, and not the whole of it."""
        begins, long_forms = self._beginnings
        longest = max((n for n in range(1, min(LONG_FORM, len(text) + 1)) if text[-n:] in begins), default=0)
        for form in long_forms:
            for length in range(min(len(form) - 1, len(text)), longest, -1):
                if text.endswith(form[:length]):
                    longest = length
                    break
        return longest

    @cached_property
    def _beginnings(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Every beginning of the short forms, to look one up; of the long ones they would be too many."""
        begins = {form[:n] for form in self.forms for n in range(1, min(len(form), LONG_FORM))}
        return frozenset(begins), tuple(form for form in self.forms if len(form) > LONG_FORM)

    def found_in(self, text: str) -> tuple[str, int] | None:
        """The name of a secret that the text holds, and where; as it is, escaped, or in base64, in pictures too."""
        for name, forms in self._forms.items():
            places = [at for form in forms if (at := text.find(form)) >= 0]
            if places:
                return name, min(places)
        for picture in re.finditer(r"base64,([A-Za-z0-9+/]+={0,2})", text) if self._forms else ():
            inside = base64.b64decode(picture[1] + "==").decode("utf-8", "replace")
            for name, forms in self._forms.items():
                if any(form in inside for form in forms):
                    return name, picture.start()
        return None

    def scrubbed(self, text: str) -> str:
        """The text with each secret replaced; a value of less than eight characters only where it is a word."""
        for form in self.forms:
            if form in text:
                text = text.replace(form, REDACTED)
        for word in self._words:
            if word in text:
                text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", REDACTED, text)
        return text


def _leaves(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{place}.{key}", item)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _leaves(f"{place}.{position}", item)
    elif isinstance(value, str):
        yield place, value
