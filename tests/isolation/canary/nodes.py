import os
import random
import tempfile
import time
from pathlib import Path

from workbench.clients import Client


def pause(client: str) -> None:
    """Long enough for the other client's nodes to come in between, by chance."""
    time.sleep(random.Random(f"{os.environ['CANARY_SEED']}{client}{time.monotonic_ns()}").uniform(0, 0.03))


def read(client: Client, word: str) -> tuple[str, str]:
    """The client's rows and its parameter; into the log, a temporary file and a table too."""
    rows = Path("incoming", client.id, "rows.csv").read_text()
    print(f"read {client.id}: {rows} {word} {client.title}")
    Path(tempfile.mkdtemp(prefix=f"{client.id}-"), "rows").write_text(rows)
    pause(client.id)
    return rows, word


def look(client: Client, rows: str) -> dict[str, object]:
    """All that this process could tell of any client."""
    pause(client.id)
    own = [os.environ.get(f"{name}__PASSWORD") for name in (client.id.upper(),)]
    return {"environ": Path("/proc/self/environ").read_bytes().decode(errors="replace"), "environment": dict(os.environ),
            "has_own": own != [None], "files": sorted(map(str, Path(tempfile.gettempdir(), f"{client.id}").parent.glob(f"{client.id}-*")))}  # fmt: skip


def report(client: Client, rows: str, word: str) -> str:
    """A page with all of the client's words, and a model of its own in the registry."""
    pause(client.id)
    from mlflow.exceptions import MlflowException

    from workbench.registry.store import open_store

    api = open_store(Path.cwd()).api
    try:
        api.create_registered_model(client.id, description=f"{client.title} {word}")
    except MlflowException:
        api.update_registered_model(client.id, description=f"{client.title} {word}")
    return f"<h1>{client.title}</h1><p>{rows}</p><p>{word}</p>"
