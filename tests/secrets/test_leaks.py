"""The leak scan: three clients, whose secrets are in the environment, a file and Vault, do all that one should not.

They print, log and warn with the secret in many forms, hand it to a report, and end with an error that says it. Then
every file that was left is searched, and everything that was shown.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import nbformat
import pytest

from workbench.fleet.ledger import Ledger
from workbench.secrets import secrets_of

TINY = Path(__file__).parents[1] / "fleet" / "tiny_project"
CANARIES = {client: f"cAnary/9f3+{client}=7e d1" for client in ("alpha", "beta", "gamma")}

SETTINGS = """

from workbench.hooks.secrets import SecretHooks
from workbench.hooks.tracking import TrackingHooks

HOOKS = (*HOOKS, TrackingHooks(), SecretHooks())
"""

PIPELINES = """
from kedro.pipeline import Pipeline, node

from tiny.careless import fail, render_summary, use


def register_pipelines() -> dict[str, Pipeline]:
    leak = Pipeline([
        node(use, "params:client", "seen", name="use"),
        node(render_summary, ["seen", "params:client"], "place", name="render_summary"),
        node(fail, ["place", "params:client"], "verdict", name="fail"),
    ])
    return {"leak": leak, "__default__": leak}
"""

CARELESS = '''
"""What a careless node does."""

import base64
import logging
import sys
import threading
import warnings
from pathlib import Path
from urllib.parse import quote

from workbench.clients import ClientRegistry
from workbench.errors import DataError, ReportError
from workbench.reports import Limits, render
from workbench.secrets import secrets_of

logger = logging.getLogger("kedro.careless")


def use(client: str) -> dict:
    secrets = secrets_of(Path.cwd(), client)
    key = secrets["API_KEY"]
    print(secrets, key, {"x": [key]}, repr(key))
    sys.stdout.write(key[:7])
    sys.stdout.flush()
    sys.stdout.write(key[7:] + chr(10))
    sys.stderr.write(base64.b64encode(f"me:{key}".encode()).decode() + chr(10))
    logger.warning("plain %s, nested %r, address %s", key, {"x": (key,)}, f"postgresql://me:{quote(key, safe='')}@db/x")
    warnings.warn(f"careful with {key}", stacklevel=1)
    thread = threading.Thread(target=lambda: {}[key])
    thread.start()
    thread.join()
    return {"length": len(key)}


def render_summary(seen: dict, client: str) -> str:
    key = secrets_of(Path.cwd(), client)["API_KEY"]
    one = ClientRegistry(Path.cwd()).load(client)
    Path(f"data/{client}/08_reporting").mkdir(parents=True, exist_ok=True)
    try:
        render(Path.cwd(), "summary", client=one, inputs={"record": {"note": f"<{key}>"}}, limits=Limits(60))
    except ReportError as error:
        print(error)
        return f"refused: {'secret' in str(error)}"
    return "rendered"


def fail(place: str, client: str) -> dict:
    key = secrets_of(Path.cwd(), client)["API_KEY"]
    try:
        {}[key]
    except KeyError as error:
        if client == "gamma":
            raise DataError(f"the service does not take {key!r}", where="client gamma") from error
        raise ValueError(f"cannot log in at https://me:{quote(key, safe='')}@service.example with {key}") from error
'''


def forms(value: str) -> list[bytes]:
    """Written down anew, so that the scan does not believe what it checks. Of base64, what no neighbour changes."""
    coded = [base64.b64encode(b"." * n + value.encode() + b"...")[4 if n else 0 : -8] for n in range(3)]
    texts = [value, repr(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value), value[:14], value[-10:]]
    return [text.encode() for text in texts] + coded + [value.encode().hex().encode()]


def leaks(folder: Path, *shown: str) -> list[str]:
    """Where a canary stands."""
    sought = {client: forms(value) for client, value in CANARIES.items()}
    texts = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    texts |= {f"shown {number}": text.encode() for number, text in enumerate(shown)}
    return [
        f"{client}'s, as {form[:30]!r}, in {where}"
        for where, content in texts.items()
        for client, ways in sought.items()
        for form in ways
        if form in content
    ]


@pytest.fixture
def project(tmp_path, vault) -> Path:
    """The tiny project of the fleet's tests, with an MLflow store, secrets of three kinds, and careless nodes."""
    folder = Path(shutil.copytree(TINY, tmp_path / "tiny"))
    source = folder / "src" / "tiny"
    (source / "careless.py").write_text(CARELESS)
    (source / "pipeline_registry.py").write_text(PIPELINES)
    with (source / "settings.py").open("a") as stream:
        stream.write(SETTINGS)
    (folder / "conf" / "base" / "parameters.yml").write_text("client: ${globals:client}\n")
    clients = folder / "conf" / "clients"
    (clients / "beta" / "secrets.yml").write_text(f"kind: file\nkey: file\nkeys: {tmp_path}/keys\n")
    (clients / "gamma" / "secrets.yml").write_text(
        f"kind: vault\naddress: {vault.address}\nauth: {{method: approle}}\n"
    )
    code = nbformat.v4.new_code_cell
    cells = [
        nbformat.v4.new_markdown_cell("# Summary"),
        code('client: str = ""\ninputs: str = ""', metadata={"tags": ["parameters"]}),
        code(
            "from workbench.notebook import report_inputs\nprint(report_inputs(client, inputs).load('record')['note'])"
        ),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    (folder / "notebooks" / "reports").mkdir(parents=True)
    nbformat.write(notebook, folder / "notebooks" / "reports" / "summary.ipynb")
    return folder


@pytest.fixture
def environ(tmp_path, vault, project) -> dict[str, str]:
    """What the operator's process has: the secrets of alpha, and what opens Vault for gamma."""
    secrets_of(project, "beta").put("API_KEY", CANARIES["beta"])
    vault.policies["gamma"] = {
        "secret/data/clients/gamma/*": {"read"},
        "secret/metadata/clients/gamma/*": {"list"},
    }
    vault.kv["clients/gamma/API_KEY"] = [f'{{"value": "{CANARIES["gamma"]}"}}']
    role, secret_id = vault.app_role("gamma")
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    return os.environ | {
        "ALPHA__API_KEY": CANARIES["alpha"],
        "GAMMA__VAULT_ROLE_ID": role,
        "GAMMA__VAULT_SECRET_ID": secret_id,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]),
    }


def kedro(project: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project, env=environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.integration
def test_no_secret_of_a_worker_is_in_any_file_or_on_any_screen(project, environ, tmp_path) -> None:
    done = fleet(project, environ, "alpha")
    assert "ValueError: cannot log in" in log(project, "alpha")
    found = leaks(tmp_path, done.stdout, done.stderr)
    assert not found, "\n".join(found)


@pytest.mark.integration
@pytest.mark.slow
def test_nor_is_one_of_three_clients_with_three_kinds_of_places(project, environ, tmp_path, vault) -> None:
    done = fleet(project, environ, *CANARIES)
    alone = kedro(project, environ, "run", "--pipeline", "leak", "--env", "clients/gamma")
    assert "the service does not take '[redacted]'" in alone.stdout + alone.stderr
    (last, first) = Ledger.of(project).history("gamma")
    assert last.error == first.error == "client gamma: the service does not take '[redacted]'"
    found = leaks(tmp_path, done.stdout, done.stderr, alone.stdout, alone.stderr)
    assert not found, "\n".join(found)
    assert vault.tokens == {}, "every token was given back, also by runs that failed"


def fleet(project: Path, environ: dict[str, str], *clients: str) -> subprocess.CompletedProcess[str]:
    """Run them, and see that they did do all that they should not."""
    options = ("--pipeline", "leak", "--clients", ",".join(clients), "--workers", "2", "--continue-on-error")
    done = kedro(project, environ, "fleet", "run", *options)
    assert Ledger.of(project).history(clients[0]), done.stdout + done.stderr
    for client in clients:
        text = log(project, client)
        assert "[redacted]" in text, f"{client} never came to say it:\n{text}\n{done.stdout}{done.stderr}"
        assert "Exception in thread" in text
        assert "careful with [redacted]" in text
        assert (project / "data" / client / "place.txt").read_text() == "refused: True", "the report was refused"
        assert Ledger.of(project).history(client)[0].state == "failed"
    assert list(project.rglob("mlflow.db")), "the runs were tracked"
    return done


def log(project: Path, client: str) -> str:
    """The log of the client's run by the fleet."""
    number = min(run.number for run in Ledger.of(project).history(client))
    return (project / ".workbench" / "logs" / f"{number}.log").read_text()


def test_the_scan_finds_what_it_looks_for(tmp_path) -> None:
    value = CANARIES["alpha"]
    for number, text in enumerate([value, quote(value), f"x{base64.b64encode(f'me:{value}!'.encode()).decode()}x"]):
        (tmp_path / "deep").mkdir(exist_ok=True)
        path = tmp_path / "deep" / f"{number}.bin"
        path.write_bytes(b"\0\xff" + text.encode() + b"\n")
        assert leaks(tmp_path), text
        path.unlink()
    assert not leaks(tmp_path, "nothing")
    assert leaks(tmp_path, value)
