"""An issuer's public keys (RFC 7517), fetched when they are needed, and again when they are rotated.

A token may name any key, so names that are unknown must not be a way to have us ask the issuer as often as somebody
likes: keys are fetched at most once in ``refetch_seconds``, whatever came of it. Keys that have grown old are fetched
anew while the old ones still count; when the issuer cannot be reached for long, they stop to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt

from workbench.clients.serving import Auth
from workbench.serving.refusals import Refusal

__all__ = ["Keys", "fetch", "parsed_keys"]

logger = logging.getLogger(__name__)

SECONDS = 5.0
"""For the issuer to answer."""

LARGEST = 256 * 1024
"""Bytes of a set of keys."""

TOO_OLD = 6
"""Keys count for so many times ``keep_seconds`` after they were fetched."""

_KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}


class _NoRedirects(HTTPRedirectHandler):
    """The configuration says where the keys are, and nobody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Not followed; the answer is then an error."""
        return


class Keys:
    """The keys, by name.

    Args:
        auth: where they are, and how often to ask.
        get: fetches bytes; blocking.
        clock: seconds.
    """

    def __init__(
        self, auth: Auth, get: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._auth, self._get, self._clock = auth, get or fetch, clock
        self._keys: dict[tuple[str, str], Any] = {}
        self._asked = self._fetched = float("-inf")
        self._under_way: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> Any | None:
        """The key of that name for that algorithm; None if the issuer has none.

        Raises:
            Refusal: 503, keys were never had, or are too old.
        """
        age = self._clock() - self._fetched
        if age > TOO_OLD * self._auth.keep_seconds:
            self._keys.clear()
        key = self._keys.get((kid, algorithm))
        if key is None or age > self._auth.keep_seconds:
            refresh = self._refresh()
            if key is None and refresh is not None:
                await asyncio.shield(refresh)
                key = self._keys.get((kid, algorithm))
        if key is None and not self._keys:
            raise Refusal(503, "the issuer's keys cannot be had", retry_after=5, reason="no_keys")
        return key

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one, or None if it is too early for one."""
        if self._under_way is not None and not self._under_way.done():
            return self._under_way
        now = self._clock()
        if now - self._asked < self._auth.refetch_seconds:
            return None
        self._asked = now
        self._under_way = asyncio.get_running_loop().create_task(self._fetch())
        return self._under_way

    async def _fetch(self) -> None:
        try:
            content = await asyncio.get_running_loop().run_in_executor(None, self._get, self._auth.jwks_url)
            keys = parsed_keys(content, self._auth.algorithms)
        except (OSError, ValueError, URLError) as error:
            logger.warning("the issuer's keys cannot be had (%s)", type(error).__name__)
            return
        if not keys:
            logger.warning("the issuer's keys are none that could be used; the old ones stay")
            return
        self._keys, self._fetched = keys, self._clock()


def fetch(url: str) -> bytes:
    """The answer of an address, which has to be 200, small and quick; redirects are not followed."""
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "workbench-serving"})  # noqa: S310 - https, or loopback
    with build_opener(_NoRedirects).open(request, timeout=SECONDS) as answer:
        content: bytes = answer.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("too large")
    return content


def parsed_keys(content: bytes, algorithms: tuple[str, ...]) -> dict[tuple[str, str], Any]:
    """The public keys for signatures in a set, by name and algorithm; what is of another kind is left out.

    Raises:
        ValueError: it is no set of keys.
    """
    document = json.loads(content)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("no set of keys")  # noqa: TRY004 - as json's own
    found = {}
    for entry in document["keys"][:100]:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
            continue
        for algorithm in algorithms:
            if entry.get("kty") == _KEY_TYPES[algorithm] and entry.get("alg", algorithm) == algorithm:
                key = _public_key(entry, algorithm)
                if key is not None:
                    found[entry["kid"], algorithm] = key
    return found


def _public_key(entry: dict[str, Any], algorithm: str) -> Any | None:
    public: dict[str, Any] = {name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in entry}
    if algorithm == "ES256" and public.get("crv") != "P-256":
        return None
    try:
        key = jwt.PyJWK(public, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if algorithm == "RS256" and key.key_size < 2048 else key
