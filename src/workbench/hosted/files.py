"""Files at the service: each content is there once, whole, and ready before a job names it.

A file's name holds its digest, so that a file which is there already is known again. Calls: ``POST /files``,
``GET /files``, ``GET /files/{id}``, ``DELETE /files/{id}``
(https://developers.openai.com/api/reference/resources/files, https://learn.microsoft.com/rest/api/azureopenai/files).
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Literal

from workbench.errors import ModelError, Transient
from workbench.hosted.ledger import Making, make_once
from workbench.hosted.session import Session
from workbench.targets.azure_openai.translate import NotThere
from workbench.targets.book import Book

if TYPE_CHECKING:
    from openai.types import FileObject

__all__ = ["KIND", "ensure_file", "file_name", "find", "remove"]

_LOG = logging.getLogger(__name__)

KIND = "file"
PURPOSE: Literal["fine-tune"] = "fine-tune"
BROKEN = frozenset({"error", "failed", "deleted", "deleting", "canceled", "cancelled"})
READY = frozenset({"processed", "succeeded"})
WAIT_SECONDS = 1800.0
MOST_LISTED = 10_000


def file_name(client: str, content: bytes) -> str:
    """``<client>-<digest>.jsonl``."""
    return f"{client}-{hashlib.sha256(content).hexdigest()[:16]}.jsonl"


def ensure_file(session: Session, book: Book, content: bytes) -> str:
    """The id of the file with this content, uploaded if it is not there, and processed.

    A half-finished one of the same name (fewer bytes, or an error) is removed first.

    Raises:
        ModelError: the service cannot process it.
        Transient: it takes longer than half an hour.
    """
    name = file_name(session.client, content)
    making = Making(
        find=lambda: find(session, name, len(content)),
        make=lambda: _upload(session, name, content),
        settle=session.hosted.settle_seconds,
        scale=session.scale,
    )
    facts = {"bytes": len(content), "endpoint": session.account.endpoint}
    for _ in range(2):
        file_id = make_once(book, KIND, name, making, facts)
        try:
            found = _wait(session, file_id)
        except NotThere:  # somebody removed it, or it has expired
            found = None
        if found is not None and found.status not in BROKEN and found.bytes == len(content):
            return file_id
        _LOG.warning("file %s is not whole at the service; it is uploaded again", name)
        if found is not None:
            remove(session, file_id)
        book.note(KIND, name, "gone")
    detail = "" if found is None else f" (status {found.status}, {found.bytes:,} of {len(content):,} bytes)"
    raise ModelError(f"file {name} is not taken by the service{detail}", where=session.where, hint="look at it there")


def find(session: Session, name: str, size: int) -> str | None:
    """The id of a file of that name that is whole, or not yet known not to be. Asked once."""
    from openai.pagination import SyncCursorPage

    after: str | None = None
    for _ in range(MOST_LISTED // 100):
        page = session.once(
            lambda api, after=after: api.files.list(  # type: ignore[misc]
                purpose=PURPOSE, limit=100, order="desc", **({"after": after} if after else {})
            ),
            SyncCursorPage,
        )
        for one in page.data:
            if one.filename == name and one.status not in BROKEN and (one.status not in READY or one.bytes == size):
                return str(one.id)
        if not page.has_more or not page.data:
            return None
        after = page.data[-1].id
    return None


def _upload(session: Session, name: str, content: bytes) -> str:
    from openai.types import FileObject

    _LOG.info("uploading %s (%s bytes) to %s", name, f"{len(content):,}", session.account.endpoint)
    made = session.once(
        lambda api: api.files.create(file=(name, content, "application/jsonl"), purpose=PURPOSE), FileObject
    )
    return made.id


def _wait(session: Session, file_id: str) -> FileObject:
    """The file once it is processed, or broken."""
    from openai.types import FileObject

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = session.call(lambda api: api.files.retrieve(file_id), FileObject)
        if found.status in READY or found.status in BROKEN:
            return found
        if time.monotonic() > deadline:
            raise Transient(
                f"file {file_id} is still {found.status}", where=session.where, hint="run the same command again later"
            )
        time.sleep(min(session.hosted.poll_seconds, 5.0))


def remove(session: Session, file_id: str) -> None:
    """Remove a file at the service; one that is not there is no error."""
    from contextlib import suppress

    with suppress(NotThere):
        session.call(lambda api: api.files.delete(file_id))
