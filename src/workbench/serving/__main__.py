"""``python -m workbench.serving``: what a container is started with. Neither Kedro nor MLflow is imported."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import ConfigurationError, Transient, WorkbenchError
from workbench.serving.options import Options, Worker, read_serving, source_of

__all__ = ["main", "parsed"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the exit code is 0 after a stop that was asked for, 1 or 75 (may pass) after an error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("uvicorn.error", "opentelemetry", "google", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        options = parsed(arguments, os.environ)
        if options.workers > 1 and options.worker is None:
            from workbench.serving.workers import Workers

            given = list(sys.argv[1:] if arguments is None else arguments)
            return Workers(options, [*_program(), *given]).run()
        from workbench.serving.server import serve

        serve(options)
    except WorkbenchError as error:
        sys.stderr.write(f"Error: {error}\n")
        return os.EX_TEMPFAIL if isinstance(error, Transient) else 1
    except KeyboardInterrupt:
        return 130
    return 0


def parsed(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> Options:
    """Flags, then variables, then what is usual.

    Raises:
        ConfigurationError: they make no sense.
    """
    given = _parser().parse_args(arguments)
    if given.settings is not None:
        try:
            serving = read_serving(given.settings.read_text(encoding="utf-8"), f"file {given.settings}")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("cannot be read", where=f"file {given.settings}") from error
    else:
        serving = read_serving(environ.get("WORKBENCH_SERVING") or "{}", "variable WORKBENCH_SERVING")
    return Options(
        model=given.name or environ.get("WORKBENCH_MODEL_NAME") or "model",
        source=source_of(given.traffic, given.artifact, given.sha256, environ),
        serving=serving,
        host=given.host,
        port=_port(given.port, environ, serving.port),
        health_route=environ.get("AIP_HEALTH_ROUTE") or "/health",
        predict_route=environ.get("AIP_PREDICT_ROUTE") or "/predict",
        log_path=given.prediction_log,
        left_out=tuple(given.leave_out),
        ready_file=given.ready_file,
        threads=given.threads,
        parent=given.with_parent,
        workers=given.workers or serving.workers,
        worker=Worker.parsed(given.worker) if given.worker else None,
    )


def _program() -> list[str]:
    """How this program was begun: by its name as a module, or by a file that calls it."""
    main_module = sys.modules["__main__"]
    if main_module.__spec__ is not None:
        return ["-m", main_module.__spec__.name.removesuffix(".__main__")]
    return [str(main_module.__file__)]


def _port(given: int | None, environ: Mapping[str, str], usual: int) -> int:
    if given is not None:
        return given
    text = environ.get("AIP_HTTP_PORT")
    if text is None:
        return usual
    if not text.isdigit() or int(text) > 65_535:
        raise ConfigurationError("AIP_HTTP_PORT is not a port's number")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("from 1 to 64")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workbench.serving", description="Serve a model over HTTP.")
    add = parser.add_argument
    add("--artifact", help="the model's folder: a path, file:// or gs://  [env: AIP_STORAGE_URI]")
    add("--sha256", help="what that folder's digest has to be  [env: WORKBENCH_MODEL_SHA256]")
    add("--traffic", type=Path, help="a file with versions and their shares, in place of --artifact")
    add("--name", help="the model's name in addresses  [env: WORKBENCH_MODEL_NAME]")
    add("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 in a container (default: %(default)s)")
    add("--port", type=int, help="port; 0 takes a free one  [env: AIP_HTTP_PORT]")
    add("--settings", type=Path, help="a JSON file with the section `serving` of client.yml  [env: WORKBENCH_SERVING]")
    add("--prediction-log", type=Path, help="the file that predictions are written to")
    add("--leave-out", action="append", default=[], metavar="COLUMN", help="a column that is never logged; repeatable")
    add("--ready-file", type=Path, help='a file that is written when the port is known: {"host", "port", "pid"}')
    add(
        "--with-parent",
        nargs="?",
        type=int,
        const=os.getppid(),
        metavar="PID",
        help="end when the process that started this one has ended; its id tells also of an end before this is read",
    )
    add("--workers", type=_workers, help="processes that serve  [default: `workers` of the settings]")
    add("--worker", help=argparse.SUPPRESS)
    add("--threads", type=int, default=1, help="threads of one batch (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
