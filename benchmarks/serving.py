"""A registered model behind `kedro serve`'s server and behind `mlflow models serve`: requests a second, and p99.

    python -m benchmarks.serving [--project DIR] [--client clinic] [--seconds 6] [--rounds 3] [--connections 64]
                                 [--workers 2]

Both serve the same version out of the same registry, in a process each, and get the same bytes from the same load
generator: a process of its own, raw sockets on uvloop, each connection kept open and asking again once it is answered.
A request is one row in MLflow's form (`dataframe_records` at `/invocations`), which both understand. They are measured
one after the other, in turns, never at once, with the other one asleep; a figure is the median of the rounds. Without
--project, a project is made and the client's pipelines run in it. Bars: at least 8 times the requests a second; a p99
of at most a quarter. With --workers, this server runs once more with so many processes, and is compared with itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FASTER, SHORTER = 8, 0.25


@dataclass(frozen=True)
class Measured:
    """One round."""

    requests: float
    p50: float
    p99: float
    failed: int


class Connection(asyncio.Protocol):
    """Asks, waits for the whole answer, notes how long it took, and asks again."""

    def __init__(self, request: bytes, ends: float, from_when: float) -> None:
        self.request, self.ends, self.from_when = request, ends, from_when
        self.seconds: list[float] = []
        self.failed = 0
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the request."""
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """An answer has a Content-Length, and comes alone."""
        self.buffer += data
        head, gap, body = self.buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        now = time.perf_counter()
        if now >= self.ends:
            self.transport.close()
            return
        if self.began >= self.from_when:
            self.seconds.append(now - self.began)
            self.failed += not head.startswith(b"HTTP/1.1 200")
        self.buffer = b""
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        """The end, or a failure."""
        self.failed += error is not None or time.perf_counter() < self.ends
        self.done.set_result(None)


async def generate(port: int, request: bytes, connections: int, seconds: float, warm_up: float) -> Measured:
    """Load for some seconds, after some to get warm."""
    loop = asyncio.get_running_loop()
    begins = time.perf_counter() + warm_up
    made = [
        await loop.create_connection(lambda: Connection(request, begins + seconds, begins), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    took = sorted(one for _, protocol in made for one in protocol.seconds)
    failed = sum(protocol.failed for _, protocol in made)
    return Measured(len(took) / seconds, took[len(took) // 2], took[int(len(took) * 0.99)], failed)


def measured(port: int, request: Path, options: argparse.Namespace) -> Measured:
    """A round, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serving", "--load", str(port), "--request", str(request)]
    command += ["--seconds", str(options.seconds), "--connections", str(options.connections)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Measured(**json.loads(done.stdout))


@contextlib.contextmanager
def server(command: list[str], port: int, health: str, log: Path, environ: dict[str, str]) -> Iterator[int]:
    """A server, from when it is healthy; gives its pid."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environ, start_new_session=True, cwd=ROOT)
    try:
        ends = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=2):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > ends:
                    sys.exit(f"{command[2]} did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def made_project(folder: Path, client: str) -> Path:
    """A project in which the client has a champion."""
    for name in ("conf", "notebooks", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml"):
        shutil.copy(ROOT / name, folder / name)
    print(f"kedro run --env clients/{client} …", flush=True)
    command = [sys.executable, "-m", "kedro", "run", "--env", f"clients/{client}"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "src"}
    )
    if done.returncode:
        sys.exit(f"kedro run failed:\n{done.stderr[-2000:]}")
    return folder


def request_of(port: int, example: dict[str, Any]) -> bytes:
    """The bytes that both get."""
    body = json.dumps({"dataframe_records": example["instances"]}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer_of(port: int, request: bytes) -> Any:
    """What one answers, as parsed JSON."""
    body = request.partition(b"\r\n\r\n")[2]
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, help="a project whose client has a champion")
    parser.add_argument("--client", default="clinic")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1, help="measure so many processes of this server, too")
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--request", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        import uvloop

        work = generate(options.load, options.request.read_bytes(), options.connections, options.seconds, 2.0)
        print(json.dumps(uvloop.run(work).__dict__))
        return
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as temporary:
        compare(options, Path(temporary))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Serve by both, measure in turns, print."""
    from workbench.registry.store import tracking_uri
    from workbench.targets.release import release_of

    project = options.project or made_project(folder / "project", options.client)
    release = release_of(project.resolve(), options.client)
    ours, theirs, several = free_port(), free_port(), free_port()
    environ = os.environ | {
        "MLFLOW_TRACKING_URI": tracking_uri(project.resolve()),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(ROOT / "src"),
        # On few processors, threads of one computation take them from each other; without this MLflow is slower yet.
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # MLflow starts `uvicorn` by its name
    }
    ours_command = [sys.executable, "-m", "workbench.serving", "--name", options.client]
    ours_command += ["--artifact", str(release.artifact), "--sha256", release.sha256]
    ours_command += ["--prediction-log", str(folder / "predictions.jsonl"), "--port"]
    mlflow_command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    mlflow_command += ["-m", f"models:/{options.client}/{release.version}", "-h", "127.0.0.1", "-p", str(theirs)]
    with contextlib.ExitStack() as stack:

        def started(command: list[str], port: int, health: str, log: str) -> tuple[int, int]:
            return port, stack.enter_context(server(command, port, health, folder / log, environ))

        ready = "/v2/health/ready"
        contenders = {
            "workbench": started([*ours_command, str(ours)], ours, ready, "ours.log"),
            "mlflow": started(mlflow_command, theirs, "/ping", "mlflow.log"),
        }
        if options.workers > 1:
            command = [*ours_command, str(several), "--workers", str(options.workers)]
            contenders[f"{options.workers} workers"] = started(command, several, ready, "several.log")
        found: dict[str, list[Measured]] = {name: [] for name in contenders}
        with urllib.request.urlopen(f"http://127.0.0.1:{ours}/openapi.json", timeout=10) as answer:
            paths = json.load(answer)["paths"]
        content = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]
        request = folder / "request"
        request.write_bytes(request_of(ours, content["schema"]["example"]))
        agree(answer_of(ours, request.read_bytes()), answer_of(theirs, request.read_bytes()))
        for _ in range(options.rounds):
            for name, (port, _) in contenders.items():
                others = [pid for other, (_, pid) in contenders.items() if other != name]
                tell(others, signal.SIGSTOP)
                found[name].append(measured(port, request, options))
                tell(others, signal.SIGCONT)
                load = os.getloadavg()[0]
                one = found[name][-1]
                print(f"  {name:10} {one.requests:8.0f} /s  p99 {one.p99 * 1000:7.1f} ms  load {load:.1f}", flush=True)
    table(found, options)


def tell(pids: list[int], number: signal.Signals) -> None:
    """A signal to servers and all that they have started."""
    import psutil

    for pid in pids:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            one.send_signal(number)


def agree(ours: Any, theirs: Any) -> None:
    """Both must say the same of the row."""
    for mine, other in zip(ours["predictions"], theirs["predictions"], strict=True):
        if mine["prediction"] != other["prediction"] or abs(mine["probability"] - other["probability"]) > 1e-5:
            sys.exit(f"the two do not agree: {ours} and {theirs}")


def table(found: dict[str, list[Measured]], options: argparse.Namespace) -> None:
    """Medians, ratios and bars."""
    middle = {
        name: {field: statistics.median(getattr(one, field) for one in rounds) for field in ("requests", "p50", "p99")}
        for name, rounds in found.items()
    }
    print(f"\n{options.connections} connections, one row a request, {options.rounds} rounds of {options.seconds:g} s")
    print(f"{'':12}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'failed':>8}")
    for name, one in middle.items():
        failed = sum(each.failed for each in found[name])
        print(f"{name:12}{one['requests']:12.0f}{one['p50'] * 1000:10.2f}{one['p99'] * 1000:10.2f}{failed:8}")
    faster = middle["workbench"]["requests"] / middle["mlflow"]["requests"]
    shorter = middle["workbench"]["p99"] / middle["mlflow"]["p99"]
    print(f"requests/s   {faster:6.1f} times  (bar: at least {FASTER})     {'met' if faster >= FASTER else 'MISSED'}")
    if options.workers > 1:
        more = middle[f"{options.workers} workers"]["requests"] / middle["workbench"]["requests"]
        print(f"{options.workers} workers    {more:6.2f} times the requests/s of one")
    print(f"p99          {shorter:6.3f} of it (bar: at most {SHORTER})   {'met' if shorter <= SHORTER else 'MISSED'}")


if __name__ == "__main__":
    main()
