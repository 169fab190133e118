"""The encrypted file: nothing in plain on the disk, a key that others cannot read, and no moment at which all is lost."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from workbench.errors import ConfigurationError, SecretError
from workbench.secrets import secrets_of
from workbench.secrets.keys import write_private

CANARY = "canary-9d7e-of-the-file"


class MemoryKeyring(KeyringBackend):
    """A keyring as `keyring` documents one: https://keyring.readthedocs.io/en/latest/#write-your-own-backend."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service, username):
        if self.is_locked:
            raise KeyringLocked("canary-in-the-keyrings-own-words")
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        del self.entries[service, username]


@pytest.fixture
def keys(tmp_path) -> Path:
    return tmp_path / "home" / "keys"


@pytest.fixture
def project(configure, keys) -> Path:
    """Keys in files, as on a machine without a keyring."""
    return configure(f"kind: file\nkey: file\nkeys: {keys}\n")


@pytest.fixture
def memory_keyring():
    before, backend = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_set_is_there_and_nowhere_in_plain(project, tmp_path) -> None:
    alpha = secrets_of(project, "alpha")
    assert list(alpha) == []
    alpha.put("SMTP_PASSWORD", CANARY)
    alpha.put("OTHER", "ü and\nmore lines")
    assert secrets_of(project, "alpha")["SMTP_PASSWORD"] == CANARY
    assert alpha["OTHER"] == "ü and\nmore lines"
    assert list(alpha) == ["OTHER", "SMTP_PASSWORD"]
    for path, content in files_below(tmp_path).items():
        assert CANARY.encode() not in content, path
        assert b"SMTP_PASSWORD" not in content, f"{path}: the names are nobody's business either"


def test_files_and_keys_are_their_owners_and_the_key_lies_outside(project, keys) -> None:
    secrets_of(project, "alpha").put("A", CANARY)
    written = [project / ".workbench" / "secrets" / "alpha.secrets", *keys.iterdir()]
    assert len(written) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


def test_a_client_has_a_key_of_its_own_which_reads_no_others_file(project, keys) -> None:
    for client in ("alpha", "beta"):
        secrets_of(project, client).put("A", f"{CANARY}-{client}")
    assert len(list(keys.iterdir())) == 2
    folder = project / ".workbench" / "secrets"
    shutil.copy(folder / "beta.secrets", folder / "alpha.secrets")
    with pytest.raises(SecretError, match="not the client's file"):
        secrets_of(project, "alpha")["A"]
    # Also when somebody changes the name that stands in it.
    name = next(path.stem for path in keys.iterdir() if path.name.startswith("alpha-"))
    token = (folder / "beta.secrets").read_text().splitlines()[1]
    (folder / "alpha.secrets").write_text(f"{name}\n{token}\n")
    with pytest.raises(SecretError, match="the key does not fit"):
        secrets_of(project, "alpha")["A"]


@pytest.mark.parametrize("line", ["../../etc/passwd", "alpha-../../x", "", "alpha-0123456789ab/../x"])
def test_the_name_in_a_file_is_no_path(project, line) -> None:
    secrets_of(project, "alpha").put("A", CANARY)
    path = project / ".workbench" / "secrets" / "alpha.secrets"
    path.write_text(f"{line}\n{path.read_text().splitlines()[1]}\n")
    with pytest.raises(SecretError, match="not the client's file"):
        secrets_of(project, "alpha")["A"]


def test_a_key_that_others_can_read_is_refused(project, keys) -> None:
    alpha = secrets_of(project, "alpha")
    alpha.put("A", CANARY)
    (key,) = keys.iterdir()
    key.chmod(0o640)
    with pytest.raises(SecretError, match=r"can be read by others than you.*chmod 600"):
        alpha["A"]
    key.chmod(0o600)
    real = key.rename(key.with_name("real"))
    key.symlink_to(real)
    with pytest.raises(SecretError, match="the key cannot be read"):
        alpha["A"]


def test_a_key_in_the_project_is_refused(configure, small) -> None:
    configure(f"kind: file\nkey: file\nkeys: {small}/keys\n")
    with pytest.raises(ConfigurationError, match="beside what it encrypts"):
        secrets_of(small, "alpha").put("A", CANARY)


def test_a_file_that_was_changed_or_whose_key_is_gone(project, keys) -> None:
    alpha = secrets_of(project, "alpha")
    alpha.put("A", CANARY)
    path = project / ".workbench" / "secrets" / "alpha.secrets"
    whole = path.read_bytes()
    for position in (30, len(whole) // 2, len(whole) - 5):
        changed = bytearray(whole)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(SecretError, match="the key does not fit, or the file was changed"):
            alpha["A"]
    path.write_bytes(whole)
    (key,) = keys.iterdir()
    key.write_text("no key\n")
    with pytest.raises(SecretError, match="what is kept as the key is none"):
        alpha["A"]
    key.unlink()
    with pytest.raises(SecretError, match="there is no key"):
        alpha["A"]
    assert not alpha.check()[0].ok


def test_the_keyring_is_taken_where_there_is_one(configure, keys, memory_keyring, tmp_path) -> None:
    project = configure(f"kind: file\nkeys: {keys}\n")
    alpha = secrets_of(project, "alpha")
    alpha.put("A", CANARY)
    ((service, name),) = memory_keyring.entries
    assert service == "smithright-workbench"
    assert name.startswith("alpha-")
    assert not keys.exists()
    assert alpha["A"] == CANARY
    memory_keyring.is_locked = True
    with pytest.raises(SecretError) as caught:
        alpha["A"]
    assert "the keyring does not answer (KeyringLocked)" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_without_a_keyring_a_key_file_is_made(configure, keys) -> None:
    before = keyring.get_keyring()
    from keyring.backends.fail import Keyring as NoKeyring

    keyring.set_keyring(NoKeyring())
    try:
        secrets_of(configure(f"kind: file\nkeys: {keys}\n"), "alpha").put("A", CANARY)
    finally:
        keyring.set_keyring(before)
    assert len(list(keys.iterdir())) == 1


def test_a_new_key_reads_all_and_the_old_one_nothing(project, keys) -> None:
    alpha = secrets_of(project, "alpha")
    alpha.put("A", CANARY)
    (key,) = keys.iterdir()
    old = key.read_text()
    alpha.rotate_key()
    assert alpha["A"] == CANARY
    assert key.read_text() != old
    key.write_text(old)
    with pytest.raises(SecretError, match="the key does not fit"):
        alpha["A"]


def test_a_rotation_that_is_broken_off_anywhere_loses_nothing(project, monkeypatch) -> None:
    alpha = secrets_of(project, "alpha")
    alpha.put("A", CANARY)
    for step in range(1, 4):
        writes = iter(range(1, 9))

        def broken(destination, text, step=step, writes=writes, write=write_private) -> None:
            if next(writes) == step:
                raise KeyboardInterrupt
            write(destination, text)

        with monkeypatch.context() as patch:
            patch.setattr("workbench.secrets.keys.write_private", broken)
            patch.setattr("workbench.secrets.file.write_private", broken)
            with pytest.raises(KeyboardInterrupt):
                alpha.rotate_key()
        assert alpha["A"] == CANARY, f"after step {step}"
        alpha.rotate_key()
        assert alpha["A"] == CANARY


WRITER = """
import sys
from pathlib import Path
from workbench.secrets import secrets_of
secrets = secrets_of(Path(sys.argv[1]), "alpha")
print("ready", flush=True)
for number in range(10_000):
    secrets.put(f"NAME_{number % 20}", f"canary-{number}-" + "x" * 2000)
"""


def test_a_writer_that_is_killed_leaves_the_old_or_the_new(project) -> None:
    alpha = secrets_of(project, "alpha")
    alpha.put("KEPT", CANARY)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(project)], stdout=subprocess.PIPE, env=environ
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            before = alpha.get("NAME_3")
            while alpha.get("NAME_3") == before:
                pass
            writer.send_signal(signal.SIGKILL)
        assert alpha["KEPT"] == CANARY
    alpha.put("LATER", "the lock of a dead one holds nobody up")


def test_two_who_write_at_once_lose_nothing(project) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: secrets_of(project, "alpha").put(f"NAME_{n}", f"canary-{n}"), range(12)))
    assert len(secrets_of(project, "alpha")) == 12
