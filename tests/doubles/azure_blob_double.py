"""Azure's Blob Storage, as much of it as block blobs that are written and read with a shared access signature take.

- Put Blob: https://learn.microsoft.com/rest/api/storageservices/put-blob
- Get Blob: https://learn.microsoft.com/rest/api/storageservices/get-blob
- errors: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
- signatures for a folder (``sr=d``, ``sdd``): https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from double_service import Answer, Request, Service, route

__all__ = ["AzureBlobDouble"]

BLOB = r"/(?P<container>[a-z0-9-]+)/(?P<name>.+)"


class AzureBlobDouble(Service):
    """One container.

    Attributes:
        blobs: by name.
        signatures: by what stands under ``sig``, the folder that it is for.
    """

    def __init__(self, container: str = "unity") -> None:
        super().__init__()
        self.container = container
        self.blobs: dict[str, bytes] = {}
        self.signatures: dict[str, str] = {}

    def sign(self, folder: str, seconds: float) -> str:
        """A user-delegation signature for a folder and all below it."""
        signature = f"canary-{secrets.token_hex(12)}+/="
        self.signatures[signature] = folder
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        given = {"sv": "2023-11-03", "sr": "d", "sdd": folder.count("/") + 1, "sp": "rcwl", "sig": signature}
        return urlencode({**given, "se": until.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def error(self, status: int, message: str, code: str = "InvalidInput") -> Answer:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Answer(status, body.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code})

    def authorise(self, request: Request) -> None:
        folder = self.signatures.get(request.query.get("sig", ""))
        until = request.query.get("se", "")
        path = request.path.removeprefix(f"/{self.container}/")
        if (
            folder is None
            or until < datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            or "authorization" in request.headers
        ):
            raise self.error(403, f"Signature not valid in {request.query.get('sig')}", "AuthenticationFailed")
        if not path.startswith(f"{folder}/"):
            raise self.error(403, "This request is not authorized", "AuthorizationPermissionMismatch")

    @route("PUT", BLOB)
    def put_blob(self, request: Request, container: str, name: str) -> Any:
        if container != self.container:
            return self.error(404, "no such container", "ContainerNotFound")
        if request.headers.get("x-ms-blob-type") != "BlockBlob" or "x-ms-version" not in request.headers:
            return self.error(400, "a header is missing", "MissingRequiredHeader")
        if request.headers.get("if-none-match") == "*" and name in self.blobs:
            return self.error(409, "it is there", "BlobAlreadyExists")
        self.blobs[name] = request.body
        return Answer(201, b"", {"ETag": '"0x1"', "Last-Modified": "Mon, 30 Nov 2026 06:00:00 GMT"})

    @route("GET", BLOB)
    def get_blob(self, request: Request, container: str, name: str) -> Any:
        if container != self.container or name not in self.blobs:
            return self.error(404, "it is not there", "BlobNotFound")
        content, span = self.blobs[name], re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("x-ms-range", ""))
        headers = {"ETag": '"0x1"', "x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        if span is None:
            return Answer(200, content, headers)
        start, end = int(span[1]), min(int(span[2]), len(content) - 1)
        if start >= len(content):
            return self.error(416, "nothing is there", "InvalidRange")
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return Answer(206, content[start : end + 1], headers)
