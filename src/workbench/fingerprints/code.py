"""All source files that a function may run: its own module, and what that imports, wherever in it and however deep."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from workbench.fingerprints.scan import Scan, scan
from workbench.fingerprints.stamps import Stamp, stamp_of

__all__ = ["Code", "Sources", "reads"]

_F = TypeVar("_F", bound=Callable[..., Any])
_READS = "__reads__"


def reads(*paths: str) -> Callable[[_F], _F]:
    """Declare files of the project that a node opens by itself; a change of one of them is a change of its code.

    Args:
        paths: relative to the project, with forward slashes: ``notebooks/reports/model_card.ipynb``.
    """

    def declare(function: _F) -> _F:
        setattr(function, _READS, paths)
        return function

    return declare


@dataclass(frozen=True)
class Code:
    """The code behind a function.

    Attributes:
        files: what was looked at, by name: ``workbench.files``, ``notebooks/reports/drift.ipynb``; to its digest.
        packages: top-level names of what they import from elsewhere, the standard library left out.
        names: attributes that any of them reads; ``*`` if one takes a client as a whole.
    """

    files: Mapping[str, str]
    packages: frozenset[str]
    names: frozenset[str]

    @cached_property
    def digest(self) -> str:
        """Of all files and their names."""
        text = "".join(f"{name}\0{digest}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Sources:
    """The source files of the packages that a project consists of, as they are when they are first asked for.

    A process runs the code that it has imported, so what changes on disk after that does not count for it.

    Args:
        project: paths given to :func:`reads` start here.
        roots: name of a package to its folder: ``{"pipelines": …/src/pipelines}``.
        mute: packages whose attribute names do not count, because they define what the others read.
        aside: packages that no result depends on, such as this one.
    """

    def __init__(
        self, project: Path, roots: Mapping[str, Path], *, mute: Iterable[str] = (), aside: Iterable[str] = ()
    ) -> None:
        self._project, self._roots, self._mute, self._aside = project, dict(roots), tuple(mute), tuple(aside)
        self._scans: dict[str, tuple[Stamp, Scan]] = {}
        self._codes: dict[tuple[str, tuple[str, ...]], Code] = {}
        self._paths: dict[str, Path | None] = {}
        self._seen: set[str] = set()
        self.is_changed = False

    def code_of(self, function: Callable[..., Any], *others: str) -> Code:
        """The code behind a function.

        Args:
            function: of a module of the roots; a ``partial`` is unwrapped.
            others: dotted names of modules that run with it.
        """
        while isinstance(function, partial):
            function = function.func
        function = inspect.unwrap(function)
        module, files = str(getattr(function, "__module__", "")), tuple(getattr(function, _READS, ()))
        key = (module, (*files, "", *sorted(others)))
        if key not in self._codes:
            self._codes[key] = self._closure([module, *others], files)
        return self._codes[key]

    def read(self, *modules: str) -> None:
        """Read modules and what they import ahead of time; ``a.*`` stands for all that lie in a package."""
        self._closure(modules, ())

    def _closure(self, modules: Iterable[str], files: Iterable[str]) -> Code:
        todo, seen = list(modules), dict[str, Scan]()
        packages, names, folders = set[str](), set[str](), dict[Path, str]()
        for relative in files:
            seen[relative] = found = self._scan(relative, self._project / relative, "")
            todo += found.imports
        while todo:
            name = todo.pop()
            if name.endswith(".*"):
                todo += self._inside(name[:-2])
                continue
            path = self._path(name)
            if path is None:
                packages.add(name.partition(".")[0])
                continue
            if name in seen or name.startswith(self._aside):
                continue
            seen[name] = found = self._scan(name, path, name)
            folders[path.parent] = name if path.name == "__init__.py" else name.rpartition(".")[0]
            todo += found.imports
            todo += [name.rpartition(".")[0]] if "." in name else []
            if not name.startswith(self._mute):
                names |= set(found.names)
        digests = {name: found.digest for name, found in seen.items()} | self._resources(folders)
        strangers = packages - set(self._roots) - sys.stdlib_module_names - {""}
        return Code(digests, frozenset(strangers), frozenset(names))

    def _resources(self, folders: Mapping[Path, str]) -> dict[str, str]:
        """What lies beside the modules and is no Python: templates, style sheets."""
        return {
            f"{package}/{path.name}": self._scan(f"{package}/{path.name}", path, "").digest
            for folder, package in folders.items()
            for path in sorted(folder.iterdir())
            if path.is_file() and path.suffix not in {".py", ".pyc", ".ipynb"}
        }

    def _scan(self, name: str, path: Path, module: str) -> Scan:
        if name in self._seen:
            return self._scans[name][1]
        try:
            stamp = stamp_of(path)
        except OSError:
            return Scan("missing")
        self._seen.add(name)
        before = self._scans.get(name)
        if before is not None and before[0] == stamp:
            return before[1]
        found = scan(path, module)
        self._scans[name], self.is_changed = (stamp, found), True
        return found

    def _path(self, module: str) -> Path | None:
        """The file of a module of the roots. ``a.b`` may be a name in ``a``: then there is none."""
        if module not in self._paths:
            self._paths[module] = self._find(module)
        return self._paths[module]

    def _find(self, module: str) -> Path | None:
        root, _, rest = module.partition(".")
        if root not in self._roots:
            return None
        path = self._roots[root].joinpath(*rest.split(".")) if rest else self._roots[root]
        candidates = (path / "__init__.py", path.with_suffix(".py"))
        return next((one for one in candidates if one.is_file()), None)

    def _inside(self, package: str) -> list[str]:
        path = self._path(package)
        if path is None or path.name != "__init__.py":
            return [package]
        found = [f"{package}.{one.stem}" for one in path.parent.glob("*.py") if one.stem != "__init__"]
        return [package, *found, *(f"{package}.{one.parent.name}" for one in path.parent.glob("*/__init__.py"))]

    # ---- from one process to the next ------------------------------------------------------------------------------

    def remembered(self) -> dict[str, Any]:
        """For JSON: what was read."""
        return {
            name: [*stamp, found.digest, list(found.imports), list(found.names)]
            for name, (stamp, found) in self._scans.items()
        }

    def remember(self, known: Mapping[str, Any]) -> None:
        """Take what another process read; a file that changed since is read again. What is not understood is left."""
        for name, value in known.items():
            match value:
                case [int(size), int(time), int(inode), str(digest), list(imports), list(names)]:
                    found = Scan(digest, tuple(map(str, imports)), tuple(map(str, names)))
                    self._scans[name] = (Stamp(size, time, inode), found)
