"""Cloud Storage's JSON API: as much of it as uploading, listing, reading and removing files takes.

https://cloud.google.com/storage/docs/json_api/v1/objects · https://cloud.google.com/storage/docs/performing-resumable-uploads
· https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from double_service import Answer, Request, route
from google_crc32c import Checksum
from google_token_double import GoogleTokens

__all__ = ["GcsDouble", "Kept"]

UPLOAD = r"/(?:resumable/)?upload/storage/v1/b/(?P<bucket>[^/]+)/o"
OBJECT = r"/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>.+)"


@dataclass
class Kept:
    """An object."""

    content: bytes
    generation: int
    metadata: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"

    @property
    def crc32c(self) -> str:
        return base64.b64encode(Checksum(self.content).digest()).decode()

    def resource(self, bucket: str, name: str) -> dict[str, Any]:
        """https://cloud.google.com/storage/docs/json_api/v1/objects#resource-representations"""
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{self.generation}",
            "name": name,
            "bucket": bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.content_type,
            "size": str(len(self.content)),
            "crc32c": self.crc32c,
            "md5Hash": base64.b64encode(hashlib.md5(self.content, usedforsecurity=False).digest()).decode(),
            "metadata": self.metadata,
        }


@dataclass
class _Session:
    """A resumable upload that was begun."""

    resource: dict[str, Any]
    precondition: str | None
    content: bytes = b""


class GcsDouble(GoogleTokens):
    """One bucket.

    Attributes:
        bucket: its name.
        objects: by name.
        corrupt: a regular part of names whose content is damaged on arrival, once each.
        uploads: how many times each name was written.
    """

    def __init__(self, bucket: str = "acme-models") -> None:
        super().__init__()
        self.bucket = bucket
        self.objects: dict[str, Kept] = {}
        self.generations = 1_700_000_000_000_000
        self.sessions: dict[str, _Session] = {}
        self.corrupt: list[str] = []
        self.uploads: dict[str, int] = {}

    # ---- reading

    @route("GET", r"/storage/v1/b/(?P<bucket>[^/]+)/o")
    def list_objects(self, request: Request, bucket: str) -> Any:
        self._known(bucket)
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        items, prefixes = [], []
        for name, kept in sorted(self.objects.items()):
            if not name.startswith(prefix):
                continue
            below, cut, _ = name.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
            if cut:
                prefixes.append(f"{prefix}{below}{delimiter}")
            else:
                items.append(kept.resource(bucket, name))
        # Two a page, so that whoever reads just the first page is found out.
        start = int(request.query.get("pageToken") or 0)
        page: dict[str, Any] = {"kind": "storage#objects", "items": items[start : start + 2]}
        if start == 0 and prefixes:
            page["prefixes"] = sorted(set(prefixes))
        if start + 2 < len(items):
            page["nextPageToken"] = str(start + 2)
        return page

    @route("GET", rf"(?:/download)?{OBJECT}")
    def get_object(self, request: Request, bucket: str, name: str) -> Any:
        kept = self._of(bucket, name)
        self._precondition(request.query.get("ifGenerationMatch"), kept)
        if request.query.get("alt") != "media":
            return kept.resource(bucket, name)
        headers = {
            "Content-Type": kept.content_type,
            "X-Goog-Hash": f"crc32c={kept.crc32c}",
            "X-Goog-Generation": str(kept.generation),
        }
        return Answer(200, kept.content, headers)

    @route("DELETE", OBJECT)
    def delete_object(self, request: Request, bucket: str, name: str) -> Any:
        kept = self._of(bucket, name)
        self._precondition(request.query.get("ifGenerationMatch"), kept)
        del self.objects[name]
        return Answer(204)

    # ---- writing

    @route("POST", UPLOAD)
    def begin_upload(self, request: Request, bucket: str) -> Any:
        self._known(bucket)
        kind = request.query.get("uploadType")
        if kind == "multipart":
            resource, content = _parts(request)
            return self._write(resource, content, request.query.get("ifGenerationMatch"))
        if kind != "resumable":
            return self.error(400, f"uploadType {kind} is not supported")
        resource = json.loads(request.body or b"{}")
        self._precondition(request.query.get("ifGenerationMatch"), self.objects.get(resource["name"]))
        identifier = f"u{len(self.sessions) + 1}"
        self.sessions[identifier] = _Session(resource, request.query.get("ifGenerationMatch"))
        address = f"{self.address}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={identifier}"
        return Answer(200, None, {"Location": address, "X-GUploader-UploadID": identifier})

    @route("PUT", UPLOAD)
    def chunk(self, request: Request, bucket: str) -> Any:
        session = self.sessions.get(request.query.get("upload_id", ""))
        if session is None:
            return self.error(404, "No such upload session")
        where = request.headers["content-range"].removeprefix("bytes ")
        span, _, total = where.partition("/")
        if span != "*":
            start = int(span.partition("-")[0])
            if start != len(session.content):
                return self.error(400, "Invalid content range")
            session.content += request.body
        if total == "*" or len(session.content) < int(total):
            headers = {"Range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
            return Answer(308, None, headers)
        del self.sessions[request.query["upload_id"]]
        sent = request.headers.get("x-goog-hash", "")
        if sent.startswith("crc32c="):
            session.resource["crc32c"] = sent.removeprefix("crc32c=")
        return self._write(session.resource, session.content, session.precondition)

    def _write(self, resource: dict[str, Any], content: bytes, precondition: str | None) -> Any:
        name = resource["name"]
        self._precondition(precondition, self.objects.get(name))
        damaged = next((part for part in self.corrupt if part in name), None)
        if damaged is not None:
            self.corrupt.remove(damaged)
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.generations += 1
        kept = Kept(
            content, self.generations, resource.get("metadata", {}), resource.get("contentType", "application/json")
        )
        if "crc32c" in resource and resource["crc32c"] != kept.crc32c:
            return self.error(
                400, f'Provided CRC32C "{resource["crc32c"]}" doesn\'t match calculated CRC32C "{kept.crc32c}".'
            )
        self.objects[name] = kept
        self.uploads[name] = self.uploads.get(name, 0) + 1
        return kept.resource(self.bucket, name)

    def _known(self, bucket: str) -> None:
        if bucket != self.bucket:
            raise self.error(404, "The specified bucket does not exist.")

    def _of(self, bucket: str, name: str) -> Kept:
        self._known(bucket)
        if name not in self.objects:
            raise self.error(404, f"No such object: {bucket}/{name}")
        return self.objects[name]

    def _precondition(self, wanted: str | None, kept: Kept | None) -> None:
        if wanted is not None and int(wanted) != (kept.generation if kept else 0):
            raise self.error(
                412, "At least one of the pre-conditions you specified did not hold.", "FAILED_PRECONDITION"
            )


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """The two parts of a multipart upload: the object's resource, and its content."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    _, first, second, _ = request.body.split(b"--" + boundary)
    # RFC 2046 ends lines with CRLF; Google takes gcsfs' bare LF too.
    end = b"\r\n" if second.startswith(b"\r\n") else b"\n"
    resource, content = (part.partition(2 * end)[2].removesuffix(end) for part in (first, second))
    return json.loads(resource), content
