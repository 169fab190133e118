"""How BigQuery's REST API answers: errors with the reason that libraries decide by, pages, and who may ask.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigquery_refusals import Refused
from bigquery_store import Store
from double_service import Answer, Request
from google_token_double import GoogleTokens

__all__ = ["PROJECT", "BigqueryAnswers"]

PROJECT = r"/bigquery/v2/projects/(?P<project>[^/]+)"
STATUS = {
    "accessDenied": 403,
    "duplicate": 409,
    "internalError": 500,
    "invalid": 400,
    "invalidQuery": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
}
"""https://cloud.google.com/bigquery/docs/error-messages#errortable"""


class BigqueryAnswers(GoogleTokens):
    """One project.

    Attributes:
        project: its id; that of another is refused.
        store: what there is.
    """

    def __init__(self, project: str) -> None:
        super().__init__()
        self.project, self.store = project, Store(project)

    def stop(self) -> None:
        super().stop()
        self.store.close()

    def refused(self, refused: Refused) -> Answer:
        """As Google writes errors in JSON, with the reason that libraries decide by."""
        status = STATUS.get(refused.reason, 400)
        problem = {"message": str(refused), "domain": "global", "reason": refused.reason}
        return Answer(status, {"error": {"code": status, "message": str(refused), "errors": [problem]}})

    def _seen(self, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except Refused as refused:
            raise self.refused(refused) from refused

    def _mine(self, project: str) -> None:
        if project != self.project:
            raise self.refused(
                Refused(f"Access Denied: Project {project}: User does not have permission", "accessDenied")
            )

    def _page(self, request: Request, word: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Two a page, so that whoever reads just the first is found out."""
        start = int(request.query.get("pageToken") or 0)
        page: dict[str, Any] = {word: items[start : start + 2], "totalItems": len(items)}
        if start + 2 < len(items):
            page["nextPageToken"] = str(start + 2)
        return page
