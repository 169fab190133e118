import faulthandler
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from workbench.errors import DataError, Unreachable

SECRET = "hunter2"


def arrive() -> str:
    """Where this process works; the first thing that a run leaves."""
    return str(Path.cwd())


def act(place: str, what: str) -> dict[str, object]:
    """Do what a client's parameter says, then say what is in this process's environment."""
    (Path(os.environ.get("TINY_PIDS", place)) / f"{os.getpid()}.pid").touch()
    print(f"acting: {what}")
    print(f"child of {os.getppid()}")
    ACTS[what]()
    return {"place": place, "environment": dict(os.environ), "arguments": sys.argv}


def judge() -> tuple[dict[str, object], dict[str, object]]:
    """A verdict and an evaluation, as the pipelines `register` and `evaluate` write them."""
    return (
        {"version": 8, "promote": False, "champion_version": 7, "metric": "roc_auc", "reasons": ["no better"]},
        {"primary": "roc_auc", "models": {"network": {"roc_auc": {"value": 0.875, "low": 0.8, "high": 0.9}}}},
    )


def write_numbers(size: int) -> dict[str, object]:
    """So many numbers that writing them takes a while."""
    return {"numbers": list(range(size))}


def write_lines(numbers: dict[str, list[int]]) -> str:
    """The same as text."""
    return "\n".join(f"{number:012d}" for number in numbers["numbers"])


def write_folder(numbers: dict[str, list[int]], lines: str) -> dict[str, object]:
    """Five files that change as one."""
    return {f"part_{part}": numbers["numbers"][part::5] for part in range(5)} | {"lines": lines[:1000]}


def add_up(folder: dict[str, list[int]]) -> dict[str, object]:
    """What the folder comes to."""
    return {"sum": sum(sum(rows) for name, rows in folder.items() if name != "lines")}


def _refuse() -> None:
    raise DataError("column 'dep_time' is missing", where="client alpha, table flights", hint="rename it")


def _raise() -> None:
    raise ValueError(f"cannot connect to postgresql://me:{SECRET}@db.example/x\nwith more")


def _hang() -> None:
    """As native code does which never comes back to Python: no handler runs."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    time.sleep(600)


def _segfault() -> None:
    faulthandler._sigsegv()


def _leave_orphan() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["TINY_PIDS"], f"{child.pid}.pid").touch()
    os.abort()


def _wait() -> None:
    while not Path("go").exists():
        time.sleep(0.02)


def _leave() -> None:
    sys.exit(3)


def _lose_network(times: int) -> None:
    """A server that answers only after so many tries; the tries are counted on disk, as each is another process."""
    (client,) = (word.partition("=")[2] for word in sys.argv if word.startswith("--client="))
    tried = Path(f"tried-{client}")
    count = int(tried.read_text()) if tried.exists() else 0
    tried.write_text(str(count + 1))
    if count < times:
        raise Unreachable("the warehouse does not answer", where=f"client {client}")


def _eat() -> None:
    """More and more memory, as a join that went wrong; not all that there is, should nobody stop it."""
    eaten = []
    while len(eaten) < 60:
        eaten.append(bytearray(os.urandom(1 << 20)) * 16)
        time.sleep(0.02)
    time.sleep(600)


ACTS = {
    "nothing": lambda: None,
    "sleep": lambda: time.sleep(0.7),
    "wait": _wait,
    "sleep long": lambda: time.sleep(600),
    "raise": _raise,
    "refuse": _refuse,
    "hang": _hang,
    "segfault": _segfault,
    "abort": os.abort,
    "lose the network": lambda: _lose_network(99),
    "lose the network once": lambda: _lose_network(1),
    "eat": _eat,
    "be killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "leave an orphan": _leave_orphan,
    "leave": _leave,
}
