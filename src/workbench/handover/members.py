"""What goes into a client's archive: the code, what all clients share, and what is this client's alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from workbench.clients import Client, ClientRegistry
from workbench.clients.variables import owner_of
from workbench.erasure.needle import Needle
from workbench.erasure.places import files_below
from workbench.erasure.scan import hits_in
from workbench.errors import ConfigurationError
from workbench.files import sha256_of_file
from workbench.secrets import secrets_of

__all__ = ["FILES", "POINTERS", "RECIPES", "adapted", "members_of", "pointers", "refuse_foreign"]

SHARED = ("src", "conf/base", "conf/schemas", "notebooks/reports", "notebooks/templates")
FILES = (
    ".gitignore", ".telemetry", "LICENSE", "Makefile", "conf/logging.yml", "constraints.txt", "dvc.yaml",
    "environment.yml", "pyproject.toml",
)  # fmt: skip
LEFT_OUT = re.compile(r"(^|/)(__pycache__|\.ipynb_checkpoints|[^/]*\.egg-info|\.staging-[^/]*|checked)(/|$)|\.pyc$")
SECRET = re.compile(r"(^|/)(credentials[^/]*|\.env|[^/]*\.pem|[^/]*\.key)$")
USERINFO = re.compile(r"://[^/\s@:]*:[^/\s@]+@")
RECIPES = "src/pipelines/prepare/recipes"
POINTERS = "data_pointers.json"
SHORTEST_SECRET = 6


def members_of(project: Path, client: str, *, with_data: bool) -> dict[str, Path]:
    """Name in the archive to file; nothing of another client's, no secret, no link.

    Raises:
        UnknownClient: there is no such client.
        ConfigurationError: its ``client.yml`` is wrong, or one of its files is a link.
    """
    registry = ClientRegistry(project)
    one = registry.load(client)
    roots = [*SHARED, *FILES, f"conf/clients/{client}", f"models/{client}", f"notebooks/explore/{client}"]
    roots += [f"data/{client}" if with_data else f"data/{client}/08_reporting", f".mlflow/artifacts/{client}"]
    found: dict[str, Path] = {}
    for path in files_below(project / root for root in roots):
        name = path.relative_to(project).as_posix()
        if LEFT_OUT.search(name) or SECRET.search(name) or _is_foreign_recipe(name, one, registry.ids()):
            continue
        if path.is_symlink() or not path.is_file():
            raise ConfigurationError("is no plain file, and links are not followed", where=str(path), hint="remove it")
        found[name] = path
    return dict(sorted(found.items()))


def adapted(name: str, text: str, client: Client) -> str:
    """A shared file that lists all clients, for one that is alone."""
    if name == "Makefile":
        return re.sub(r"(?m)^(CLIENT \?= ).*$", rf"\g<1>{client.id}", text).replace(
            "CLIENT=skyways", f"CLIENT={client.id}"
        )
    if name == "dvc.yaml":
        return re.sub(r"(?m)^(\s*- clients: )\[[^\]]*\]", rf"\g<1>[{client.id}]", text)
    if name == f"{RECIPES}/__init__.py":
        names = sorted({"auto", client.recipe})
        return re.sub(r"(?m)^NAMES = \(.*\)$", f"NAMES = ({', '.join(map(_quoted, names))},)", text)
    return text


def pointers(project: Path, client: str) -> list[dict[str, object]]:
    """Path, bytes and sha256 of each file of a client's data, for those who get them by another way."""
    files = files_below([project / "data" / client])
    return [
        {"path": path.relative_to(project).as_posix(), "bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
        for path in sorted(files)
        if path.is_file() and not LEFT_OUT.search(path.relative_to(project).as_posix())
    ]


def refuse_foreign(project: Path, client: str, members: dict[str, Path]) -> None:
    """Search what is the client's own for other clients' ids and for secrets, before it leaves the house.

    Raises:
        ConfigurationError: something was found; the message names the file, and never a secret.
    """
    others = [other for other in ClientRegistry(project).ids() if other != client]
    needles = [Needle([other]) for other in others]
    secrets = [Needle([value], word=r"\x00") for value in _secrets(project, client)]
    for name, path in members.items():
        is_shared = any(name.startswith(f"{root}/") for root in SHARED) or name in FILES
        for other, needle in zip(others, needles, strict=True):
            where = next(iter(hits_in(path, needle)), None) if not is_shared else None
            if where or (not is_shared and needle.pattern.search(name.encode())):
                raise ConfigurationError(
                    f"names another client, '{other}' ({where or 'its name'})",
                    where=f"client {client}, {name}",
                    hint="remove it from the file, or make it again; nothing was exported",
                )
        if any(True for needle in secrets for _ in hits_in(path, needle)):
            raise ConfigurationError("holds a secret", where=f"client {client}, {name}", hint="remove it from the file")
        if name.startswith("conf/") and USERINFO.search(_text(path)):
            raise ConfigurationError(
                "holds an address with a user and a password",
                where=f"client {client}, {name}",
                hint="name it, and keep its value elsewhere",
            )


def _secrets(project: Path, client: str) -> Iterator[str]:
    """The client's, wherever they are kept, and those of all clients in the environment."""
    clients = ClientRegistry(project).ids()
    values = [value for variable, value in os.environ.items() if owner_of(variable, clients) is not None]
    yield from (value for value in [*values, *secrets_of(project, client).values()] if len(value) >= SHORTEST_SECRET)


def _is_foreign_recipe(name: str, client: Client, clients: list[str]) -> bool:
    module = name.removeprefix(f"{RECIPES}/").removesuffix(".py")
    return name.startswith(f"{RECIPES}/") and module in clients and module != client.recipe


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _quoted(name: str) -> str:
    return f'"{name}"'
