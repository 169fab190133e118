"""What the ledger keeps of an error: one sentence, short, and nobody's secret."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.errors import Transient, WorkbenchError
from workbench.fleet.run import ErrorKind
from workbench.secrets.redaction import redact_text

__all__ = ["kind_of", "sentence_of"]

MAX_CHARACTERS = 400


def sentence_of(error: BaseException, node: str = "") -> str:
    """One sentence about an error.

    The workbench's own errors never hold a secret or a row's values, and say it themselves, also when Kedro wrapped
    them. Of all others only the kind is kept, because their words can hold anything: an address with its password, a
    patient's name. The words are in the log of the run.

    Args:
        error: what ended the run.
        node: the node in which it was raised, if that is known.
    """
    known = next((one for one in _causes(error) if isinstance(one, WorkbenchError)), None)
    where = f"node {node}: " if node else ""
    text = redact_text(str(known)) if known is not None else f"{where}{type(error).__name__}; its log has the details"
    # A control character could move the cursor of the terminal that shows it.
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def kind_of(error: BaseException) -> ErrorKind:
    """Whether it may pass; the first of the workbench's own errors decides, since only they are told apart."""
    known = next((one for one in _causes(error) if isinstance(one, WorkbenchError)), None)
    return "transient" if isinstance(known, Transient) else "terminal"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
