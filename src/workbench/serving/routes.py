"""Which address does what.

Open Inference Protocol, version 2, over REST
(https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md); Vertex AI's
container contract; MLflow's ``/invocations``, ``/ping`` and ``/version``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version as package_version
from typing import Any

from workbench.serving.forms import FORMS, Answer
from workbench.serving.http import Reply, Request, json_reply
from workbench.serving.metrics import CONTENT_TYPE
from workbench.serving.parsing import parse
from workbench.serving.refusals import Refusal
from workbench.serving.service import Service
from workbench.serving.tracing import Traced
from workbench.serving.versions import Version

__all__ = ["Routes"]

Handler = Callable[[Request, str, Traced | None], Awaitable[Reply]]

_MODELS = "/v2/models/"


class Routes:
    """Finds the handler of a request."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._model = service.options.model
        get: dict[str, Handler] = {
            "/v2": self._server,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/v2/health/status": self._status,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
            "/ping": self._ready,
            "/version": self._version,
            service.options.health_route: self._ready,
        }
        post: dict[str, Handler] = {
            "/invocations": self._asking("invocations"),
            service.options.predict_route: self._asking("predict"),
        }
        self._fixed: dict[tuple[str, str], tuple[str, Handler]] = {}
        for path, handler in get.items():
            self._fixed["GET", path] = self._fixed["HEAD", path] = (path, handler)
        for path, handler in post.items():
            self._fixed["POST", path] = (path, handler)
        self._fixed["POST", f"{_MODELS}{self._model}/infer"] = ("/v2/models/{name}/infer", self._asking("infer"))

    def find(self, request: Request) -> tuple[str, Handler]:
        """The route's name, for metrics and traces, and what answers."""
        found = self._fixed.get((request.method, request.path))
        if found is not None:
            return found
        if request.path.startswith(_MODELS):
            return self._of_model(request)
        known = [method for method, path in self._fixed if path == request.path and method != "HEAD"]
        return "unknown", _refusing(405, f"this address takes {known[0]}") if known else _refusing(404, "not found")

    def _of_model(self, request: Request) -> tuple[str, Handler]:
        """``/v2/models/{name}[/versions/{version}][/ready|/infer]``."""
        name, *rest = request.path.removeprefix(_MODELS).split("/")
        route, version = "/v2/models/{name}", None
        if rest[:1] == ["versions"] and len(rest) > 1:
            version, rest = rest[1], rest[2:]
            route += "/versions/{version}"
        known = self._service.roster.named(version) if version is not None else None
        if name != self._model or (version is not None and self._service.roster.current and known is None):
            return "unknown", _refusing(404, "there is no such model or version")
        action = rest[0] if len(rest) == 1 else ""
        if rest and action not in {"ready", "infer"}:
            return "unknown", _refusing(404, "not found")
        wanted = "POST" if action == "infer" else "GET"
        if request.method != wanted and not (wanted == "GET" and request.method == "HEAD"):
            return "unknown", _refusing(405, f"this address takes {wanted}")
        if action == "infer":
            return f"{route}/infer", self._asking("infer", version)
        if action == "ready":
            return f"{route}/ready", self._model_ready
        return route, self._describing(version)

    # What is asked of the model

    def _asking(self, form_name: str, wanted: str | None = None) -> Handler:
        form, service = FORMS[form_name], self._service
        bodies, batcher, depth = service.bodies, service.batcher, service.limits.depth

        async def ask(request: Request, request_id: str, traced: Traced | None) -> Reply:
            await self._allowed(request)
            body = await bodies.read(request)
            try:
                version = self._answering(wanted)
                asked = parse(body, form, version.contract, depth=depth)
                future = batcher.submit(version, asked.rows)
            finally:
                bodies.release(len(body))
            if traced is None:
                predicted = await future
            else:
                with traced.predict(version.name, asked.rows.num_rows):
                    predicted = await future
            if asked.rows.texts[0] and (unknown := version.contract.unknown(asked.rows)):
                service.metrics.unknown(version.name, unknown)
            if service.log is not None:
                service.log.note(request_id, version, asked.rows, predicted)
            answer = Answer(self._model, version.name, request_id, asked, predicted)
            return json_reply(
                form.answer(answer), 200, (b"x-model-version", version.name.encode()), version=version.name
            )

        return ask

    def _answering(self, wanted: str | None) -> Version:
        """The version that is asked for, or whose turn it is."""
        roster = self._service.roster
        version = roster.next() if wanted is None else roster.named(wanted)
        if version is not None:
            return version
        if roster.current is None:
            raise Refusal(503, "the model is being loaded", retry_after=1, reason="loading")
        raise Refusal(404, "there is no such model or version", reason="not_found")

    async def _allowed(self, request: Request) -> None:
        if self._service.guard is not None:
            await self._service.guard.check(request.headers.get(b"authorization"))

    # What is told of the server

    async def _server(self, *_: Any) -> Reply:
        return json_reply({"name": "workbench", "version": package_version("smithright-workbench"), "extensions": []})

    async def _version(self, *_: Any) -> Reply:
        return json_reply({"version": package_version("smithright-workbench")})

    async def _live(self, *_: Any) -> Reply:
        return json_reply({"live": True})

    async def _ready(self, *_: Any) -> Reply:
        ready = self._service.ready
        return json_reply({"ready": ready}, 200 if ready else 503)

    async def _model_ready(self, *_: Any) -> Reply:
        ready = self._service.ready
        return json_reply({"name": self._model, "ready": ready}, 200 if ready else 503)

    async def _status(self, request: Request, *_: Any) -> Reply:
        await self._allowed_to_look(request)
        return json_reply(self._service.status())

    async def _metrics(self, request: Request, *_: Any) -> Reply:
        await self._allowed_to_look(request)
        self._service.metrics.shares(self._service.shares)
        return Reply(200, self._service.metrics.exposed(), CONTENT_TYPE.encode())

    async def _allowed_to_look(self, request: Request) -> None:
        auth = self._service.options.serving.auth
        if auth is not None and auth.metrics:
            await self._allowed(request)

    async def _openapi(self, *_: Any) -> Reply:
        from workbench.serving.openapi import document

        return json_reply(document(self._service.options, self._some_version()))

    def _describing(self, wanted: str | None) -> Handler:
        async def describe(*_: Any) -> Reply:
            from workbench.serving.openapi import metadata

            version = self._some_version() if wanted is None else self._answering(wanted)
            current = self._service.roster.current
            return json_reply(metadata(self._model, list(current.versions) if current else [], version))

        return describe

    def _some_version(self) -> Version:
        """The version with the largest share: what a request most likely meets."""
        current = self._service.roster.current
        if current is None:
            raise Refusal(503, "the model is being loaded", retry_after=1, reason="loading")
        shares = current.traffic.traffic
        return current.versions[max(shares, key=lambda name: shares[name])]


def _refusing(status: int, message: str) -> Handler:
    async def refuse(*_: Any) -> Reply:
        raise Refusal(status, message, reason="not_found" if status == 404 else "method")

    return refuse
