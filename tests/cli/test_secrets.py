"""``kedro client secret …``: no value in an argument, on the screen or in an answer."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from workbench.cli.client import client
from workbench.secrets import redaction, secrets_of
from workbench.secrets.mapping import close_secrets

CANARY = "canary-5e01-of-the-prompt"
CLIENT = """\
id: alpha
title: Alpha
owner: fleet@smithright.example
sources: {samples: {kind: sklearn, dataset: breast_cancer}}
key: [sample_id]
target: malignant
task: binary
metric: {name: roc_auc}
"""


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "conf" / "clients" / "alpha").mkdir(parents=True)
    (folder / "conf" / "clients" / "alpha" / "client.yml").write_text(CLIENT)
    (folder / "conf" / "base" / "secrets.yml").write_text(f"kind: file\nkey: file\nkeys: {tmp_path}/keys\n")
    yield folder
    close_secrets()
    redaction.forget()


@pytest.fixture
def secret(project):
    def run(*arguments: str, typed: str | None = None, code: int = 0) -> Result:
        done = CliRunner().invoke(
            client, ["secret", *arguments], input=typed, obj=SimpleNamespace(project_path=project)
        )
        assert done.exit_code == code, done.output
        assert "canary" not in done.output
        return done

    return run


def test_set_list_check_rotate_remove(secret, project) -> None:
    assert "none yet in" in secret("list", "alpha").output
    assert "nothing in it yet" in secret("check", "alpha").output
    secret("set", "alpha", "SMTP_PASSWORD", typed=f"{CANARY}\n")
    assert secrets_of(project, "alpha")["SMTP_PASSWORD"] == CANARY
    assert secret("list", "alpha").output == "SMTP_PASSWORD\n"
    listed = json.loads(secret("list", "alpha", "--json").output)
    assert listed == [{"name": "SMTP_PASSWORD", "where": f"{project}/.workbench/secrets/alpha.secrets, SMTP_PASSWORD"}]
    assert json.loads(secret("check", "alpha", "--json").output)[0]["ok"]
    secret("rotate", "alpha")
    assert secrets_of(project, "alpha")["SMTP_PASSWORD"] == CANARY
    secret("remove", "alpha", "SMTP_PASSWORD")
    assert "there is no secret SMTP_PASSWORD" in secret("remove", "alpha", "SMTP_PASSWORD", code=1).output


def test_a_key_of_several_lines_comes_as_it_is(secret, project) -> None:
    key = "-----BEGIN KEY-----\ncanary-line-one\n\ncanary-line-two\n-----END KEY-----"
    secret("set", "alpha", "SSH_KEY", typed=f"{key}\n")
    assert secrets_of(project, "alpha")["SSH_KEY"] == key


def test_dry_run_changes_nothing(secret, project) -> None:
    assert "would write" in secret("set", "alpha", "A", "--dry-run", typed="not read").output
    secret("set", "alpha", "A", typed=CANARY)
    before = (project / ".workbench" / "secrets" / "alpha.secrets").read_bytes()
    assert "would encrypt" in secret("rotate", "alpha", "--dry-run").output
    assert "would remove" in secret("remove", "alpha", "A", "--dry-run").output
    assert "nothing is there" in secret("remove", "alpha", "B", "--dry-run").output
    assert (project / ".workbench" / "secrets" / "alpha.secrets").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("set", "alpha", "A"), "short", "a secret has 8 characters or more"),
        (("set", "alpha", "A"), "", "a secret has 8 characters or more"),
        (("set", "alpha", "A"), "with\0a nul in it", "and no NUL"),
        (("set", "alpha", "lower"), CANARY, "that is no name of a secret"),
        (("set", "beta", "A"), CANARY, "client 'beta' is not in the registry"),
        (("list", "../alpha"), None, "is not a client id"),
    ],
)
def test_what_is_refused(secret, arguments, typed, said) -> None:
    assert said in secret(*arguments, typed=typed, code=1).output


def test_a_value_is_no_argument(secret) -> None:
    done = secret("set", "alpha", "A", "a-value-here", code=2)
    assert "unexpected extra argument" in done.output


def test_the_environment_cannot_be_set(secret, project) -> None:
    (project / "conf" / "base" / "secrets.yml").write_text("kind: environment\n")
    said = secret("set", "alpha", "A", typed=CANARY, code=1).output
    assert "Next: set ALPHA__A for the process that needs it, or choose `kind: file` or `kind: vault`" in said


def test_check_exits_with_1_if_it_does_not_answer(secret, project) -> None:
    secret("set", "alpha", "A", typed=CANARY)
    for key in (project.parent / "keys").iterdir():
        key.unlink()
    assert "there is no key" in secret("check", "alpha", code=1).output


def test_what_is_typed_is_not_shown(project) -> None:
    """On a terminal, it is asked for twice and echoed never."""
    script = (
        "import sys; from pathlib import Path; from types import SimpleNamespace; from workbench.cli.client import client;"
        "client(['secret', 'set', 'alpha', 'A'], obj=SimpleNamespace(project_path=Path(sys.argv[1])))"
    )
    ours, theirs = pty.openpty()
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(project)], stdin=theirs, stdout=theirs, stderr=theirs, env=environ,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        screen = b""
        try:
            while select.select([ours], [], [], 20)[0]:
                said = os.read(ours, 1000)
                screen += said
                if said.endswith(b": "):
                    os.write(ours, f"{CANARY}\n".encode())
        except OSError:
            pass  # Linux says EIO when the other side is closed
        process.kill()
    os.close(ours)
    assert screen.count(b": ") == 2, screen
    assert b"canary" not in screen
    assert "✓".encode() in screen
    assert secrets_of(project, "alpha")["A"] == CANARY
