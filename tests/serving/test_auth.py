"""Tokens that do not count are refused (faults 85 and 86), and an issuer's keys may be rotated."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from workbench.clients.serving import Auth, Serving
from workbench.serving.app import App
from workbench.serving.auth import Guard
from workbench.serving.auth.keys import Keys, fetch, parsed_keys
from workbench.serving.options import Options
from workbench.serving.refusals import Refusal
from workbench.serving.service import Service
from workbench.serving.traffic import one_version

ISSUER = "https://clerk.smithright.example"
NOW = int(time.time())
"""When the module was read: hours may pass before a test runs, so that tokens are good for long."""


class Issuer:
    """Somebody who gives tokens, and publishes keys on loopback."""

    def __init__(self) -> None:
        self.rsa = {"first": rsa.generate_private_key(65537, 2048)}
        self.ec = {"curve": ec.generate_private_key(ec.SECP256R1())}
        self.asked = 0
        self.status, self.redirect = 200, ""
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                content = json.dumps(issuer.document()).encode()
                self.send_response(302 if issuer.redirect else issuer.status)
                if issuer.redirect:
                    self.send_header("Location", issuer.redirect)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/.well-known/jwks.json"

    def document(self) -> dict[str, Any]:
        keys = [public(jwt.algorithms.RSAAlgorithm, key, kid, "RS256") for kid, key in self.rsa.items()]
        keys += [public(jwt.algorithms.ECAlgorithm, key, kid, "ES256") for kid, key in self.ec.items()]
        # What must not be taken for a key that verifies: a shared secret, and a key to encrypt with.
        keys.append({"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "alg": "HS256"})
        keys.append(public(jwt.algorithms.RSAAlgorithm, self.rsa["first"], "for-encryption", "RS256") | {"use": "enc"})
        return {"keys": keys}

    def token(self, kid: str = "first", algorithm: str = "RS256", *, header: Any = None, **claims: Any) -> str:
        usual = {
            "iss": ISSUER,
            "aud": "tiny",
            "azp": "https://app.example",
            "sub": "user_1",
            "iat": NOW,
            "exp": NOW + 50_000,
        }
        content = {key: value for key, value in (usual | claims).items() if value is not None}
        key = self.rsa.get(kid) or self.ec.get(kid) or self.rsa["first"]
        return jwt.encode(content, key, algorithm, {"kid": kid, **(header or {})})

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def public(kind: Any, key: Any, kid: str, algorithm: str) -> dict[str, Any]:
    return json.loads(kind.to_jwk(key.public_key())) | {"kid": kid, "alg": algorithm, "use": "sig"}


@pytest.fixture
def issuer(shared: Issuer) -> Issuer:
    """As it was at the beginning; RSA keys take a tenth of a second to make."""
    shared.asked, shared.status, shared.redirect = 0, 200, ""
    shared.rsa = {"first": shared.rsa["first"]}
    return shared


@pytest.fixture(scope="module")
def shared() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


def settings(issuer: Issuer, **changes: Any) -> Auth:
    given = {"issuer": ISSUER, "jwks_url": issuer.url, "audience": ("tiny",), "azp": ("https://app.example",)}
    return Auth(**(given | changes))


def claims_of(auth: Auth, token: str) -> dict[str, Any]:
    return asyncio.run(Guard(auth).check(b"Bearer " + token.encode()))


def refusal_of(auth: Auth, token: str | bytes) -> Refusal:
    header = token if isinstance(token, bytes) else b"Bearer " + token.encode()
    with pytest.raises(Refusal) as caught:
        asyncio.run(Guard(auth).check(header))
    assert "user_1" not in caught.value.message
    return caught.value


def test_tokens_that_count(issuer: Issuer) -> None:
    assert claims_of(settings(issuer), issuer.token())["sub"] == "user_1"
    assert claims_of(settings(issuer), issuer.token("curve", "ES256"))["sub"] == "user_1"
    assert claims_of(settings(issuer), issuer.token(aud=["other", "tiny"]))["sub"] == "user_1"
    # Clerk's sessions have no audience; `azp` says for which page they are.
    assert claims_of(settings(issuer, audience=()), issuer.token(aud=None))["azp"] == "https://app.example"
    # Who names no pages lets in whoever the issuer does.
    assert claims_of(settings(issuer, azp=()), issuer.token(azp=None))["sub"] == "user_1"
    # Clocks may be some seconds apart.
    assert claims_of(settings(issuer), issuer.token(iat=int(time.time()) + 2))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": NOW - 60}, "expired"),
        ({"exp": None}, "lacks a claim"),
        ({"iat": None}, "lacks a claim"),
        ({"iss": None}, "another issuer|lacks a claim"),
        ({"aud": None}, "lacks a claim"),
        ({"iat": NOW + 40_000}, "of the future"),
        ({"nbf": NOW + 40_000}, "of the future"),
        ({"aud": "tiny2"}, "aud"),
        ({"aud": ["a", "b"]}, "aud"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"azp": "https://evil.example"}, "azp"),
        ({"azp": None}, "azp"),
        ({"azp": ["https://app.example"]}, "azp"),
        ({"sts": "pending"}, "not signed in"),
        ({"exp": "tomorrow"}, "does not count"),
        ({"exp": 10**400}, "too long"),
        ({"exp": float("inf")}, "does not count"),
        ({"iat": [NOW]}, "does not count"),
        ({"iat": str(NOW)}, "does not count"),
        ({"exp": str(NOW + 50_000)}, "does not count"),
        ({"exp": NOW + 90_000}, "too long"),
    ],
)
def test_claims_that_do_not_fit_are_refused(issuer: Issuer, claims: Any, said: str) -> None:
    import re

    refusal = refusal_of(settings(issuer), issuer.token(**claims))
    assert (refusal.status, bool(re.search(said, refusal.message))) == (401, True), refusal.message


def forged(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    def part(content: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).rstrip(b'=').decode()}"


CLAIMS = {"iss": ISSUER, "aud": "tiny", "azp": "https://app.example", "iat": NOW, "exp": NOW + 50_000}


def test_forged_tokens_are_refused(issuer: Issuer) -> None:
    pem = (
        issuer.rsa["first"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def with_public_key(content: bytes) -> bytes:
        return hmac.new(pem, content, hashlib.sha256).digest()

    stranger = rsa.generate_private_key(65537, 2048)
    tokens = {
        "none": forged({"alg": "none", "kid": "first"}, CLAIMS, lambda _: b""),
        "None": forged({"alg": "None", "kid": "first"}, CLAIMS, lambda _: b""),
        "HS256 with the public key": forged({"alg": "HS256", "kid": "first"}, CLAIMS, with_public_key),
        "HS256 with the published secret": jwt.encode(CLAIMS, b"s" * 32, "HS256", {"kid": "shared"}),
        "RS512": issuer.token(algorithm="RS512"),
        "a list of algorithms": forged({"alg": ["RS256"], "kid": "first"}, CLAIMS, lambda _: b"x"),
        "another's key under our name": jwt.encode(CLAIMS, stranger, "RS256", {"kid": "first"}),
        "its own key in the header": jwt.encode(
            CLAIMS, stranger, "RS256", {"kid": "x", "jwk": public(jwt.algorithms.RSAAlgorithm, stranger, "x", "RS256")}
        ),
        "an address of keys in the header": jwt.encode(
            CLAIMS, stranger, "RS256", {"kid": "x", "jku": "https://evil.example/jwks.json"}
        ),
        "a key to encrypt with": issuer.token("for-encryption"),
        "ES256 with the name of an RSA key": jwt.encode(CLAIMS, issuer.ec["curve"], "ES256", {"kid": "first"}),
        "no name of a key": jwt.encode(CLAIMS, issuer.rsa["first"], "RS256"),
        "a name of a key without end": issuer.token("x" * 300),
        "a changed claim": issuer.token()[:-4] + "AAAA",
        "nonsense": "a.b.c",
        "one part": "abc",
        "too long": "a" * 9000,
        "nested without end": base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode() + ".e30.e30",
    }
    said = {
        "its own key in the header": "a key that the issuer does not have",
        "no name of a key": "does not name its key",
        "a name of a key without end": "does not name its key",
        "too long": "holds no bearer token",
        "RS512": "algorithm is none",
    }
    for name, token in tokens.items():
        refusal = refusal_of(settings(issuer), token)
        assert refusal.status == 401, name
        assert said.get(name, "") in refusal.message, name
    for header in (b"", b"Bearer", b"Bearer ", b"Basic dXNlcjpwYXNz", b"Bearer \xff.\xff.\xff", b"bearer a b"):
        refusal = refusal_of(settings(issuer), header)
        assert (refusal.status, "holds no bearer token" in refusal.message) == (401, header != b"bearer a b"), header
    with pytest.raises(Refusal, match="a token is needed"):
        asyncio.run(Guard(settings(issuer)).check(None))


@pytest.mark.parametrize("critical", [["b64"], ["exp"], ["x-own"], [], "b64"])
def test_a_token_with_critical_extensions_is_refused(issuer: Issuer, critical: Any) -> None:
    """Fault 86: PyJWT before 2.13 took them (CVE-2026-32597)."""
    header = {"alg": "RS256", "kid": "first", "crit": critical, "b64": True, "x-own": 1, "exp": 1}
    key = issuer.rsa["first"]

    def sign(content: bytes) -> bytes:
        return jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(content, key)

    refusal = refusal_of(settings(issuer), forged(header, CLAIMS, sign))
    # Of the others PyJWT itself says no; `b64` it knows, and would read what it signs otherwise.
    assert (refusal.status, "unknown (crit)" in refusal.message) == (401, critical == ["b64"])
    del header["crit"]
    assert claims_of(settings(issuer), forged(header, CLAIMS, sign))


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}'])
def test_what_is_no_set_of_keys_is_none(content: bytes) -> None:
    with pytest.raises(ValueError, match="no set of keys"):
        parsed_keys(content, ("RS256",))


def test_which_keys_of_a_set_count(issuer: Issuer) -> None:
    """Those for signatures, by the algorithms that we take, and strong enough; what else is there is left out."""
    good = public(jwt.algorithms.RSAAlgorithm, issuer.rsa["first"], "good", "RS256")
    curve = public(jwt.algorithms.ECAlgorithm, issuer.ec["curve"], "curve", "ES256")
    weak = public(jwt.algorithms.RSAAlgorithm, rsa.generate_private_key(65537, 1024), "weak", "RS256")
    other = public(jwt.algorithms.ECAlgorithm, ec.generate_private_key(ec.SECP384R1()), "other curve", "ES256")
    plain = {name: good[name] for name in ("kty", "n", "e")}
    keys = [
        good,
        curve,
        weak,
        other,
        plain | {"kid": "says no more"},
        good | {"kid": "for RS512", "alg": "RS512"},
        good | {"kid": "for encryption", "use": "enc"},
        good | {"kid": 7},
        good | {"kid": "broken", "n": "!"},
        curve | {"kid": "off the curve", "x": curve["y"]},
        "nonsense",
    ]
    found = parsed_keys(json.dumps({"keys": keys}).encode(), ("RS256", "ES256"))
    assert set(found) == {("good", "RS256"), ("curve", "ES256"), ("says no more", "RS256")}
    assert set(parsed_keys(json.dumps({"keys": keys}).encode(), ("ES256",))) == {("curve", "ES256")}
    many = json.dumps({"keys": [curve | {"kid": str(number)} for number in range(110)]}).encode()
    assert len(parsed_keys(many, ("ES256",))) == 100


def test_a_set_of_keys_without_end_is_not_read(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.serving.auth.keys.LARGEST", 100)
    with pytest.raises(ValueError, match="too large"):
        fetch(issuer.url)
    assert refusal_of(settings(issuer), issuer.token()).status == 503


def test_keys_are_fetched_once_and_again_for_a_new_one(issuer: Issuer) -> None:
    clock = [1000.0]
    auth = settings(issuer, refetch_seconds=30, keep_seconds=600)

    async def scenario() -> None:
        guard = Guard(auth, Keys(auth, clock=lambda: clock[0]))

        async def status(token: str) -> int:
            try:
                await guard.check(b"Bearer " + token.encode())
            except Refusal as refusal:
                return refusal.status
            return 200

        # Twenty at once, one fetch.
        assert await asyncio.gather(*(status(issuer.token()) for _ in range(20))) == [200] * 20
        assert issuer.asked == 1
        # A new key within the interval is not known yet, and names that are made up do not make us ask.
        issuer.rsa["second"] = rsa.generate_private_key(65537, 2048)
        assert [await status(issuer.token(kid)) for kid in ("second", "x", "y", "z")] == [401] * 4
        assert issuer.asked == 1
        clock[0] += 31
        assert await status(issuer.token("second")) == 200
        assert await status(issuer.token("first")) == 200
        assert issuer.asked == 2
        # The old key is withdrawn: once keys are old, they are fetched anew, and the old one counts no more.
        old = issuer.token("first")
        issuer.rsa = {"second": issuer.rsa["second"]}
        issuer_first = rsa.generate_private_key(65537, 2048)
        issuer.rsa["first"] = issuer_first
        clock[0] += 601
        assert await status(old) == 200  # this one has started the fetch
        for _ in range(100):
            if issuer.asked == 3:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert await status(old) == 401
        # The issuer is away: keys count on for a while, then nobody can be let in.
        issuer.status = 500
        clock[0] += 700
        assert await status(issuer.token("second")) == 200
        await asyncio.sleep(0.1)
        clock[0] += 6 * 600
        assert await status(issuer.token("second")) == 503

    first = issuer.rsa["first"]
    try:
        asyncio.run(scenario())
    finally:
        issuer.rsa = {"first": first}


def test_keys_that_cannot_be_had_let_nobody_in(issuer: Issuer) -> None:
    issuer.status = 500
    assert refusal_of(settings(issuer), issuer.token()).status == 503
    issuer.status, issuer.redirect = 200, issuer.url + "?again"
    assert refusal_of(settings(issuer), issuer.token()).status == 503
    assert issuer.asked == 2  # the redirect was not followed


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks_url": "http://clerk.example/jwks.json"},
        {"jwks_url": "https://user:pass@clerk.example/jwks.json"},
        {"jwks_url": "file:///etc/passwd"},
        {"algorithms": ("HS256",)},
        {"algorithms": ("none",)},
        {"algorithms": ()},
        {"audience": (), "azp": ()},
    ],
)
def test_a_configuration_that_would_let_others_in_is_refused(issuer: Issuer, changes: Any) -> None:
    with pytest.raises(ValidationError):
        settings(issuer, **changes)


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_open_and_what_is_not(issuer: Issuer, saved: Any, row: Any, closed: bool) -> None:
    serving = Serving(auth=settings(issuer, metrics=closed), batching={"rows": 4})
    source = one_version("3", str(saved["3"].folder), saved["3"].sha256)

    async def scenario() -> dict[str, int]:
        service = Service(Options(model="tiny", source=source, serving=serving))
        app = App(service)
        await service.keeper.load_first()
        found = {}
        body = json.dumps({"instances": [row]}).encode()
        for name, path, sent in (
            ("live", "/v2/health/live", b""),
            ("ready", "/v2/health/ready", b""),
            ("metrics", "/metrics", b""),
            ("status", "/v2/health/status", b""),
            ("predict", "/predict", body),
            ("infer", "/v2/models/tiny/infer", body),
            ("invocations", "/invocations", body),
        ):
            found[name] = await asked(app, path, sent, b"")
        found["predict with a token"] = await asked(app, "/predict", body, b"Bearer " + issuer.token().encode())
        await service.stop()
        return found

    looked = 401 if closed else 200
    assert asyncio.run(scenario()) == {
        "live": 200, "ready": 200, "metrics": looked, "status": looked,
        "predict": 401, "infer": 401, "invocations": 401, "predict with a token": 200,
    }  # fmt: skip


async def asked(app: App, path: str, body: bytes, token: bytes) -> int:
    """Ask the application by ASGI."""
    headers = [(b"authorization", token)] if token else []
    scope = {"type": "http", "method": "POST" if body else "GET", "path": path, "headers": headers}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] == 401:
        assert dict(sent[0]["headers"])[b"www-authenticate"].startswith(b"Bearer")
    return int(sent[0]["status"])
