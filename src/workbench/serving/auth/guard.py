"""JSON Web Tokens, held against one issuer's keys and claims.

RFC 7519 (claims), RFC 7515 section 4.1.11 (``crit``), RFC 8725 ("JWT best current practices": algorithms are ours to
choose, never the token's, section 3.1; audience, section 3.9). Clerk, "Manual JWT verification": ``azp`` is the origin
of the page, and a session with ``sts`` of ``pending`` is none yet. A token's header may name keys or addresses
(``jwk``, ``jku``, ``x5u``, ``x5c``); none of them is looked at.
"""

from __future__ import annotations

from typing import Any

import jwt

from workbench.clients.serving import Auth
from workbench.serving.auth.keys import Keys
from workbench.serving.refusals import Refusal

__all__ = ["Guard"]

LONGEST = 8192
"""Characters of a token."""

_SAID: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is of the future"),
    (jwt.InvalidIssuerError, "the token is of another issuer"),
    (jwt.InvalidAudienceError, "the token is for somebody else (aud)"),
    (jwt.MissingRequiredClaimError, "the token lacks a claim"),
    (jwt.InvalidSignatureError, "the token's signature is wrong"),
)


class Guard:
    """Lets through who has a token that counts."""

    def __init__(self, auth: Auth, keys: Keys | None = None) -> None:
        self._auth = auth
        self._keys = keys or Keys(auth)

    async def check(self, authorization: bytes | None) -> dict[str, Any]:
        """The claims of a token that counts.

        Args:
            authorization: the header, or None.

        Raises:
            Refusal: 401, there is none, or it does not count; 503, the issuer's keys cannot be had.
        """
        token = _bearer(authorization)
        kid, algorithm = self._of_header(token)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise _refused("the token is signed by a key that the issuer does not have")
        claims = self._verified(token, key, algorithm)
        if self._auth.azp and claims.get("azp") not in self._auth.azp:
            raise _refused("the token is for somebody else (azp)")
        if not all(isinstance(claims[name], (int, float)) for name in ("exp", "iat")):
            raise _refused("the token does not count")  # PyJWT takes a text for a number, RFC 7519 does not (section 2)
        if claims["exp"] - claims["iat"] > self._auth.longest_seconds:
            raise _refused("the token is good for too long")
        if claims.get("sts") == "pending":
            raise _refused("the session is not signed in yet")
        return claims

    def _of_header(self, token: str) -> tuple[str, str]:
        """The key's name and the algorithm, if they are ones that we take."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise _refused("the token cannot be read") from error
        if "crit" in header:
            # What it names must be understood (RFC 7515, 4.1.11), and we know no extension.
            raise _refused("the token asks for an extension that is unknown (crit)")
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self._auth.algorithms:
            raise _refused(f"the token's algorithm is none of {', '.join(self._auth.algorithms)}")
        if type(kid) is not str or not 0 < len(kid) <= 256:
            raise _refused("the token does not name its key (kid)")
        return kid, algorithm

    def _verified(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        auth = self._auth
        required = ["exp", "iat", "iss", *(["aud"] if auth.audience else [])]
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=auth.issuer,
                audience=list(auth.audience) or None,
                leeway=auth.leeway_seconds,
                options={"require": required, "verify_aud": bool(auth.audience)},
            )
        except (
            jwt.InvalidTokenError,
            jwt.InvalidKeyError,
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            said = next((text for kind, text in _SAID if isinstance(error, kind)), "the token does not count")
            raise _refused(said) from error
        return claims


def _bearer(authorization: bytes | None) -> str:
    if authorization is None:
        raise _refused("a token is needed: `Authorization: Bearer …`")
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() != b"bearer" or not 0 < len(token.strip()) <= LONGEST or not token.isascii():
        raise _refused("the header Authorization holds no bearer token")
    return token.strip().decode("ascii")


def _refused(message: str) -> Refusal:
    return Refusal(401, message, reason="token")
