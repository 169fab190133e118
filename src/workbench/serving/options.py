"""What a server is started with: flags, and the variables that Vertex AI gives a container.

Google Cloud, Vertex AI, "Custom container requirements for prediction", section "Environment variables available in the
container": ``AIP_HTTP_PORT``, ``AIP_HEALTH_ROUTE``, ``AIP_PREDICT_ROUTE``, ``AIP_STORAGE_URI`` and others. None of them
names the model or its version; ``WORKBENCH_MODEL_NAME`` and ``WORKBENCH_MODEL_VERSION`` do (``containerSpec.env``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from workbench.clients.serving import Serving
from workbench.errors import ConfigurationError
from workbench.serving.traffic import Traffic, one_version

__all__ = ["Options", "Worker", "read_serving", "source_of"]

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ROUTE = re.compile(r"/[A-Za-z0-9/_.:@-]{0,300}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Worker:
    """What one of several workers is told.

    Attributes:
        place: which it is, from 0.
        socket: the descriptor of its listening socket.
        board: that of the memory that all share; see :mod:`workbench.serving.board`.
    """

    place: int
    socket: int
    board: int

    @classmethod
    def parsed(cls, text: str) -> Worker:
        """Of ``0,3,4``.

        Raises:
            ConfigurationError: it is something else.
        """
        if not re.fullmatch(r"\d{1,5}(,\d{1,5}){2}", text):
            raise ConfigurationError("--worker is not for people", hint="give --workers, and nothing of this kind")
        return cls(*(int(part) for part in text.split(",")))


@dataclass(frozen=True)
class Options:
    """All that a server has to know.

    Attributes:
        model: its name in addresses: the client's id.
        source: the traffic file, or what is served for good.
        serving: the section of ``client.yml``.
        host: address to listen on.
        port: 0 takes a free one.
        health_route: a further address for readiness, ``AIP_HEALTH_ROUTE``.
        predict_route: a further address for Vertex AI's form, ``AIP_PREDICT_ROUTE``.
        log_path: where the prediction log goes; None: nowhere.
        left_out: columns that are never logged.
        ready_file: a file that is written once the address is known: ``{"host", "port", "pid"}``.
        threads: of torch, for one batch.
        parent: the process without which this one has no purpose.
        workers: processes that serve.
        worker: which of them this is; None: the only one, or the one that starts them.
    """

    model: str
    source: Path | Traffic
    serving: Serving = field(default_factory=Serving)
    host: str = "127.0.0.1"
    port: int = 8080
    health_route: str = "/health"
    predict_route: str = "/predict"
    log_path: Path | None = None
    left_out: tuple[str, ...] = ()
    ready_file: Path | None = None
    threads: int = 1
    parent: int | None = None
    workers: int = 1
    worker: Worker | None = None

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.model):
            raise ConfigurationError(f"'{self.model[:60]}' cannot be a model's name", hint="give --name")
        for route in (self.health_route, self.predict_route):
            if not _ROUTE.fullmatch(route):
                raise ConfigurationError(f"'{route[:60]}' is no route", hint="it begins with a slash")


def read_serving(text: str, where: str) -> Serving:
    """The section ``serving:`` as JSON.

    Raises:
        ConfigurationError: it is not what it should be.
    """
    try:
        return Serving.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{place}: {first['msg']}", where=where) from error
    except ValueError as error:
        raise ConfigurationError("is not JSON", where=where) from error


def source_of(
    traffic: Path | None, artifact: str | None, sha256: str | None, environ: Mapping[str, str]
) -> Path | Traffic:
    """What is to be served, by flags before variables.

    Raises:
        ConfigurationError: nothing is named, or two things are.
    """
    if traffic is not None and artifact is not None:
        raise ConfigurationError("--traffic and --artifact both say what is served", hint="give one of them")
    if traffic is not None:
        return traffic
    place = artifact or environ.get("AIP_STORAGE_URI")
    if not place:
        raise ConfigurationError(
            "there is nothing to serve",
            tried="--traffic, --artifact, AIP_STORAGE_URI",
            hint="`python -m workbench.serving --artifact PATH`",
        )
    digest = sha256 or environ.get("WORKBENCH_MODEL_SHA256") or None
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ConfigurationError("the model's sha256 has to be 64 hexadecimal digits")
    version = environ.get("WORKBENCH_MODEL_VERSION") or "1"
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(f"'{version[:60]}' cannot be a version's name")
    return one_version(version, place, digest)
