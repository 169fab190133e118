"""A double of HashiCorp Vault on loopback, after its documented HTTP API.

https://developer.hashicorp.com/vault/api-docs: tokens, AppRole, Kubernetes, Google Cloud, KV version 2, the database
engine's `creds`, leases, health, policies, and the errors 400, 403, 404, 412, 429, 503. It keeps what the documentation
promises and this project relies on; nothing of Vault's own code is in it.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEFAULT_POLICY = {
    # https://developer.hashicorp.com/vault/docs/concepts/policies#default-policy
    "auth/token/lookup-self": {"read"},
    "auth/token/renew-self": {"update"},
    "auth/token/revoke-self": {"update"},
    "sys/leases/renew": {"update"},
    "sys/leases/lookup": {"update"},
}
CAPABILITY = {
    "GET": {"read"},
    "LIST": {"list"},
    "POST": {"create", "update"},
    "PUT": {"create", "update"},
    "DELETE": {"delete"},
}


class Answer(Exception):
    """What a handler answers instead of 200."""

    def __init__(
        self, status: int, *errors: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> None:
        self.status, self.headers = status, headers or {}
        self.body = json.dumps({"errors": list(errors)}).encode() if body is None else body
        super().__init__(status)


class VaultDouble:
    """The state of one Vault, and its server.

    Attributes:
        policies: by name: path (`*` at its end, `+` for a part) to capabilities.
        requests: method and path of each request, in order.
        next_answers: given out before anything is looked at, one a request.
        database: called with ("create" | "drop", username, password).
    """

    def __init__(self) -> None:
        self.policies: dict[str, dict[str, set[str]]] = {"default": DEFAULT_POLICY}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.kv: dict[str, list[str | None]] = {}
        self.app_roles: dict[str, dict[str, Any]] = {}
        self.roles: dict[str, dict[str, Any]] = {}
        self.database_roles: dict[str, dict[str, float]] = {}
        self.leases: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.next_answers: list[Answer] = []
        self.sealed = self.is_down = False
        self.database: Callable[[str, str, str], None] = lambda *_: None
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Go down; connections that are open are closed at the next request."""
        if self.is_down:
            return
        self.is_down = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What an operator does

    def token(self, *policies: str, ttl: float = 3600, max_ttl: float = 7200, value: str | None = None) -> str:
        value = value or f"hvs.{uuid.uuid4().hex}"
        now = time.monotonic()
        self.tokens[value] = {
            "policies": ["default", *policies], "ttl": ttl, "ends": now + ttl, "last": now + max_ttl, "leases": []
        }  # fmt: skip
        return value

    def app_role(self, *policies: str, ttl: float = 3600, max_ttl: float = 7200) -> tuple[str, str]:
        role, secret = str(uuid.uuid4()), str(uuid.uuid4())
        self.app_roles[role] = {"secret": secret, "policies": policies, "ttl": ttl, "max_ttl": max_ttl}
        return role, secret

    def revoke_token(self, value: str) -> None:
        with self._lock:
            token = self.tokens.pop(value, None)
            for lease in token["leases"] if token else ():
                self.revoke_lease(lease)

    def revoke_lease(self, lease: str) -> None:
        with self._lock:
            found = self.leases.pop(lease, None)
            if found:
                self.database("drop", found["username"], "")

    def expire(self) -> None:
        """Vault's own expiration manager."""
        with self._lock:
            now = time.monotonic()
            for lease in [name for name, one in self.leases.items() if one["ends"] <= now]:
                self.revoke_lease(lease)
            for token in [value for value, one in self.tokens.items() if one["ends"] <= now]:
                self.revoke_token(token)

    # What a client asks

    def answer(self, method: str, path: str, body: dict[str, Any], token_value: str) -> dict[str, Any] | None:
        self.expire()
        if self.next_answers:
            raise self.next_answers.pop(0)
        if path.startswith("sys/health"):
            if self.sealed:
                raise Answer(503, body=json.dumps({"initialized": True, "sealed": True}).encode())
            return {"initialized": True, "sealed": False, "standby": False}
        if self.sealed:
            raise Answer(503, "Vault is sealed")
        if login := re.fullmatch(r"auth/([\w-]+)/login", path):
            return self._log_in(login[1], body)
        token = self.tokens.get(token_value)
        if token is None or not self._may(token, method, path):
            raise Answer(403, "1 error occurred:\n\t* permission denied\n\n")
        return self._serve(method, path, body, token_value, token)

    def _serve(self, method: str, path: str, body: dict[str, Any], value: str, token: dict[str, Any]) -> Any:
        if path == "auth/token/lookup-self":
            return {
                "data": {"ttl": int(token["ends"] - time.monotonic()), "renewable": True, "policies": token["policies"]}
            }
        if path == "auth/token/renew-self":
            now = time.monotonic()
            wanted = float(str(body.get("increment", token["ttl"])).rstrip("s"))
            token["ends"] = min(now + wanted, token["last"])
            return {"auth": {"client_token": value, "lease_duration": token["ends"] - now, "renewable": True}}
        if path == "auth/token/revoke-self":
            self.revoke_token(value)
            return None
        if path.startswith("sys/leases/"):
            return self._lease(path, body)
        if creds := re.fullmatch(r"database/creds/([\w.-]+)", path):
            return self._create(creds[1], token)
        if kv := re.fullmatch(r"secret/(data|metadata)/(.+)", path):
            return self._kv(method, kv[1], kv[2].rstrip("/"), body)
        raise Answer(404, f'no handler for route "{path}". route entry not found.')

    def _kv(self, method: str, part: str, path: str, body: dict[str, Any]) -> Any:
        versions = self.kv.get(path, [])
        if part == "data" and method == "GET":
            if not versions:
                raise Answer(404)
            data = {"data": json.loads(versions[-1]) if versions[-1] else None, "metadata": {"version": len(versions)}}
            if versions[-1] is None:
                raise Answer(404, body=json.dumps({"data": data}).encode())
            return {"data": data}
        if part == "data" and method in {"POST", "PUT"}:
            self.kv.setdefault(path, []).append(json.dumps(body["data"]))
            return {"data": {"version": len(self.kv[path])}}
        if part == "metadata" and method == "LIST":
            below = {key.removeprefix(f"{path}/") for key in self.kv if key.startswith(f"{path}/")}
            if not below:
                raise Answer(404)
            return {"data": {"keys": sorted({re.sub(r"/.*", "/", key) for key in below})}}
        if part == "metadata" and method == "DELETE":
            self.kv.pop(path, None)
            return None
        raise Answer(405, "unsupported operation")

    def _create(self, role: str, token: dict[str, Any]) -> Any:
        terms = self.database_roles.get(role)
        if terms is None:
            raise Answer(400, f"unknown role: {role}")
        username, password = f"v-{role}-{uuid.uuid4().hex[:12]}", f"canary-{uuid.uuid4().hex}"
        lease = f"database/creds/{role}/{uuid.uuid4().hex[:24]}"
        now = time.monotonic()
        self.leases[lease] = {"username": username, "ends": now + terms["ttl"], "last": now + terms["max_ttl"]}
        token["leases"].append(lease)
        self.database("create", username, password)
        return {
            "lease_id": lease, "renewable": True, "lease_duration": terms["ttl"],
            "data": {"username": username, "password": password},
        }  # fmt: skip

    def _lease(self, path: str, body: dict[str, Any]) -> Any:
        lease = self.leases.get(body["lease_id"])
        if path == "sys/leases/revoke":
            self.revoke_lease(body["lease_id"])
            return None
        if lease is None:
            raise Answer(400, "lease not found")
        now = time.monotonic()
        lease["ends"] = min(now + float(body.get("increment") or 0), lease["last"])
        return {"lease_id": body["lease_id"], "renewable": True, "lease_duration": lease["ends"] - now}

    def _log_in(self, mount: str, body: dict[str, Any]) -> Any:
        if mount == "approle":
            role = self.app_roles.get(body.get("role_id", ""))
            if role is None or role["secret"] != body.get("secret_id"):
                raise Answer(400, "invalid role or secret ID")
        else:
            role = self.roles.get(f"{mount}/{body.get('role')}")
            if role is None or role["jwt"] != body.get("jwt"):
                raise Answer(403, "permission denied")
        value = self.token(*role["policies"], ttl=role.get("ttl", 3600), max_ttl=role.get("max_ttl", 7200))
        return {"auth": {"client_token": value, "lease_duration": role.get("ttl", 3600), "renewable": True}}

    def _may(self, token: dict[str, Any], method: str, path: str) -> bool:
        """The most specific rule decides, as in Vault; here, the longest."""
        rules = [
            (len(pattern), capabilities)
            for name in token["policies"]
            for pattern, capabilities in self.policies.get(name, {}).items()
            if re.fullmatch(_expression(pattern), path) or re.fullmatch(_expression(pattern), f"{path}/")
        ]
        return bool(rules) and bool(CAPABILITY[method] & max(rules, key=lambda rule: rule[0])[1])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet; else each answer waits for an acknowledgement

            def log_message(self, *_: object) -> None:
                pass

            def _any(self) -> None:
                if double.is_down:
                    self.close_connection = True
                    return
                path = self.path.removeprefix("/v1/").partition("?")[0]
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                with double._lock:
                    double.requests.append((self.command, path))
                    double.headers.append(dict(self.headers))
                    try:
                        found = double.answer(self.command, path, body, self.headers.get("X-Vault-Token", ""))
                        status, headers, content = (
                            (204, {}, b"") if found is None else (200, {}, json.dumps(found).encode())
                        )
                    except Answer as answer:
                        status, headers, content = answer.status, answer.headers, answer.body
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_LIST = _any  # noqa: N815

        return Handler


def _expression(pattern: str) -> str:
    escaped = re.escape(pattern).replace(r"\+", "[^/]+")
    return escaped.removesuffix(r"\*") + ".*" if pattern.endswith("*") else escaped
