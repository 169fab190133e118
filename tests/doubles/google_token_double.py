"""Google's token service, and a service account that it knows.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest: a JWT that is signed with the account's
key is exchanged for a token that lives an hour.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from double_service import Answer, Request, Service, route

__all__ = ["ACCOUNT", "GoogleTokens", "key_file"]

ACCOUNT = "deployer@acme-1.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""Always this one, wherever the service is."""

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(address: str) -> str:
    """What ``gcloud iam service-accounts keys create`` writes, with the token service's address."""
    pem = _KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme-1",
            "private_key_id": "k1",
            "private_key": pem.decode(),
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": f"{address}/token",
        }
    )


class GoogleTokens(Service):
    """Gives tokens, and refuses requests without one that is good.

    Attributes:
        tokens: those that are good.
        is_revoked: whether the account has lost its right: tokens are still given, and not taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        self.given = 0
        self.is_revoked = False

    @route("POST", "/token")
    def token(self, request: Request) -> Any:
        form = parse_qs(request.body.decode())
        if form.get("grant_type") != [GRANT]:
            return Answer(400, {"error": "unsupported_grant_type"})
        try:
            claims = jwt.decode(form["assertion"][0], _KEY.public_key(), algorithms=["RS256"], audience=AUDIENCE)
        except (jwt.InvalidTokenError, KeyError) as error:
            return Answer(400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {error}"})
        if claims["iss"] != ACCOUNT or not re.search(
            r"cloud-platform|devstorage\.(read_write|full_control)", claims["scope"]
        ):
            return Answer(400, {"error": "invalid_grant", "error_description": "Invalid issuer or scope."})
        self.given += 1
        token = f"ya29.double-{self.given}"
        self.tokens.add(token)
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def authorise(self, request: Request) -> None:
        if request.path == "/token":
            return
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens or self.is_revoked:
            raise self.error(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential.",
            )

    def error(self, status: int, message: str, code: str = "", details: list[dict[str, Any]] | None = None) -> Answer:
        """As google.rpc.Status is written in JSON: https://cloud.google.com/apis/design/errors#http_mapping."""
        body: dict[str, Any] = {"code": status, "message": message, "status": code or _CODES.get(status, "UNKNOWN")}
        if details:
            body["details"] = details
        return Answer(status, {"error": body})


_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
