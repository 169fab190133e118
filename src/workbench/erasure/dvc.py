"""What DVC keeps of a client: objects in its cache and in remotes on this machine, entries of locks and run caches.

Objects are named by their content, so two clients may share one; what another client's stages refer to stays.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.files import write_text

__all__ = ["Held", "held", "is_mentioned", "let_go"]

OBJECTS = Path("files", "md5")


@dataclass(frozen=True)
class Held:
    """What DVC holds of a client.

    Attributes:
        paths: objects and entries of run caches, on this machine.
        elsewhere: addresses of remotes that are not on this machine, without user and password.
    """

    paths: tuple[Path, ...]
    elsewhere: tuple[str, ...]


def held(project: Path, client: str) -> Held:
    """Find a client's objects by what ``dvc.lock`` says, and said in the commits that git knows, and by run caches."""
    stores, elsewhere = _stores(project)
    now = _lock(project / "dvc.lock")
    entries = [(store, path, _yaml(path.read_bytes())) for store in stores for path in store.glob("runs/*/*/*")]
    stages = [*_stages(now), *_stages_of_the_past(project), *(stage for _, _, stage in entries)]
    mine = set(_expanded(stores, _digests(stages, client, own=True)))
    others = set(_expanded(stores, _digests(_stages(now), client, own=False)))
    objects = [store / OBJECTS / digest[:2] / digest[2:] for store in stores for digest in sorted(mine - others)]
    runs = [path for _, path, stage in entries if any(_is_of(item, client) for item in _items(stage))]
    return Held(tuple(path for path in [*objects, *runs] if path.exists()), elsewhere)


def is_mentioned(project: Path, client: str) -> bool:
    """Whether ``dvc.lock`` or the list of clients in ``dvc.yaml`` names the client."""
    stages = _lock(project / "dvc.lock").get("stages", {})
    text = _text(project / "dvc.yaml")
    return any(name.endswith(f"@{client}") for name in stages) or text != _without(text, client)


def let_go(project: Path, client: str, *, stages: bool) -> None:
    """Take the client's entries out of ``dvc.lock``: nothing is known any more of what they stood for.

    Args:
        project: the project's folder.
        client: whose.
        stages: also take the client out of the list of clients in ``dvc.yaml``.
    """
    import yaml

    lock = _lock(project / "dvc.lock")
    kept = {name: stage for name, stage in lock.get("stages", {}).items() if not name.endswith(f"@{client}")}
    if kept != lock.get("stages", {}):
        write_text(project / "dvc.lock", yaml.safe_dump(lock | {"stages": kept}, sort_keys=False))
    text = _text(project / "dvc.yaml")
    if stages and text != _without(text, client):
        write_text(project / "dvc.yaml", _without(text, client))


def _without(text: str, client: str) -> str:
    def shorter(found: re.Match[str]) -> str:
        names = [name.strip() for name in found[2].split(",")]
        return f"{found[1]}[{', '.join(name for name in names if name and name != client)}]"

    return re.sub(r"(?m)^(\s*-?\s*clients:\s*)\[([^\]]*)\]", shorter, text)


def _stores(project: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The cache and the remotes that are folders; and the addresses of the others."""
    home = project / ".dvc"
    config = configparser.ConfigParser(interpolation=None)
    config.read([home / "config", home / "config.local"], encoding="utf-8")
    stores = [home / config.get("cache", "dir", fallback="cache")]
    elsewhere = []
    for section in config.sections():
        url = config.get(section, "url", fallback="")
        if section.strip("'").startswith("remote ") and url:
            if "://" in url:
                elsewhere.append(re.sub(r"//[^/@]*@", "//", url))
            else:
                stores.append(home / url)
    return [store for store in stores if store.is_dir()], tuple(elsewhere)


def _lock(path: Path) -> dict[str, Any]:
    return _yaml(path.read_bytes()) if path.is_file() else {}


def _yaml(content: bytes) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.load(content, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _stages(lock: dict[str, Any]) -> list[dict[str, Any]]:
    return list(lock.get("stages", {}).values())


def _stages_of_the_past(project: Path) -> Iterator[dict[str, Any]]:
    commits = _git(project, "log", "--all", "--format=%H", "--", "dvc.lock").decode().split()
    for commit in commits:
        yield from _stages(_yaml(_git(project, "show", f"{commit}:./dvc.lock")))


def _git(project: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=False)
    except OSError:
        return b""
    return done.stdout if done.returncode == 0 else b""


def _items(stage: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for kind in ("deps", "outs") for item in stage.get(kind) or [] if isinstance(item, dict)]


def _is_of(item: dict[str, Any], client: str) -> bool:
    parts = Path(str(item.get("path", ""))).parts
    return len(parts) > 1 and parts[0] in {"data", "models"} and parts[1] == client


def _digests(stages: Iterable[dict[str, Any]], client: str, *, own: bool) -> Iterator[str]:
    for stage in stages:
        for item in _items(stage):
            if isinstance(item.get("md5"), str) and _is_of(item, client) == own:
                yield item["md5"]


def _expanded(stores: list[Path], digests: Iterable[str]) -> Iterator[str]:
    """The digests, and those of the files in the folders among them."""
    for digest in digests:
        yield digest
        for store in stores if digest.endswith(".dir") else ():
            listing = store / OBJECTS / digest[:2] / digest[2:]
            if listing.is_file():
                yield from (str(entry["md5"]) for entry in json.loads(listing.read_bytes()))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
