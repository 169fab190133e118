"""Why a request is not answered: a status, a sentence, and where in the request."""

from __future__ import annotations

from typing import Any

__all__ = ["Refusal"]


class Refusal(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: one sentence; never a value of the request.
        field: the column, or the key of the body, that it is about.
        row: counted from 0.
        retry_after: seconds after which it is worth another try.
        reason: one word for the metrics.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        field: str | None = None,
        row: int | None = None,
        retry_after: int | None = None,
        reason: str = "invalid",
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field, self.row = status, message, field, row
        self.retry_after, self.reason = retry_after, reason

    def body(self) -> dict[str, Any]:
        """``error`` as the Open Inference Protocol has it, and where."""
        where = {"field": self.field, "row": self.row}
        return {"error": self.message, **{key: value for key, value in where.items() if value is not None}}
