"""What all clients share is read before workers are forked, so that each reads only what is its client's.

Reading and resolving ``conf/base`` is most of what a configuration costs, and a fork of a warm process would do it
again every time. Where ``${globals:client}`` is all that is left to resolve, it is resolved for a stand-in, and workers
put in their client's name; where there is more, each of them resolves what was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

__all__ = ["BaseLayerKept"]

_KEYS = ("globals", "parameters", "catalog")
_CLIENT = "${globals:client}"
_STAND_IN = "\ue000client\ue000"
"""No client can have such a name; the characters are for private use."""

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class _Kept:
    """One kind of configuration of the base layer.

    Attributes:
        stamp: when each file there was last changed.
        files: what was read, by file; not resolved.
        resolved: the same, merged and resolved, with a stand-in for the client; None if that cannot be had so.
    """

    stamp: Stamp
    files: dict[Path, Any]
    resolved: dict[str, Any] | None


_kept: dict[tuple[str, str], _Kept] = {}
"""By folder and kind."""


class BaseLayerKept(OmegaConfigLoader):
    """An ``OmegaConfigLoader`` that uses what :meth:`keep` has read, if nobody has changed it since, and once only.

    Once, because a merge uses the configurations up (``OmegaConf.unsafe_merge``).
    """

    _used: tuple[dict[Path, Any], _Kept] | None = None

    @classmethod
    def keep(cls, conf_source: Path, **arguments: Any) -> dict[str, Any]:
        """Read the base layer for loaders of this process's forks. No client's file is opened.

        Returns:
            Kind of configuration to what the base layer says, without a client.
        """
        loader = cls(str(conf_source), env=None, **arguments)
        folder = loader._get_conf_env_path(loader.base_env)
        plain = {key: loader[key] for key in _KEYS}
        loader = cls(str(conf_source), env=None, **arguments)  # another, since it keeps the globals that it used first
        loader["globals"] = {**loader["globals"], "client": _STAND_IN}
        for key in _KEYS:
            raw = [OmegaConf.to_container(file, resolve=False) for file in loader._files_of_base(folder, key).values()]
            is_text = key != "globals" and all(map(_asks_for_client_alone, raw))
            resolved = loader._merge_and_resolve(key, loader._files_of_base(folder, key)) if is_text else None
            _kept[folder, key] = _Kept(_stamp(folder), loader._files_of_base(folder, key), resolved)
        return plain

    def _files_of_base(self, folder: str, key: str) -> dict[Path, Any]:
        found: dict[Path, Any] = self._read_dir_configs(folder, [*self.config_patterns[key]], key, set())
        return found

    def _read_dir_configs(
        self,
        conf_path: str,
        patterns: Iterable[str],
        key: str,
        processed_files: set[Path],
        read_environment_variables: bool | None = False,
    ) -> dict[Path, Any]:
        kept = _kept.pop((conf_path, key), None)
        if kept is not None and kept.files and kept.stamp == _stamp(conf_path):
            processed_files.update(kept.files)
            self._used = kept.files, kept
            return kept.files
        read: dict[Path, Any] = super()._read_dir_configs(
            conf_path, patterns, key, processed_files, read_environment_variables
        )
        return read

    def _merge_and_resolve(self, key: str, config_per_file: dict[Path, Any]) -> dict[str, Any]:
        used, self._used = self._used, None
        if used is not None and used[0] is config_per_file and used[1].resolved is not None:
            client = self["globals"].get("client")
            if client is not None and not self.runtime_params:
                named: dict[str, Any] = _with_name(used[1].resolved, _STAND_IN, str(client))
                return named
        merged: dict[str, Any] = super()._merge_and_resolve(key, config_per_file)
        return merged

    @staticmethod
    def _soft_merge(config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None) -> Any:
        # Kedro makes an OmegaConf of both to merge them, which takes as long as reading; most clients change nothing.
        merge = super(BaseLayerKept, BaseLayerKept)._soft_merge
        return merge(config, env_config, env_path) if env_config else config


def _asks_for_client_alone(value: Any) -> bool:
    match value:
        case str():
            return "${" not in value.replace(_CLIENT, "") and _STAND_IN not in value
        case dict():
            return all(_asks_for_client_alone(item) for pair in value.items() for item in pair)
        case list():
            return all(map(_asks_for_client_alone, value))
    return True


def _with_name(value: Any, old: str, new: str) -> Any:
    """A copy with another name in all of its texts, keys included."""
    match value:
        case str():
            return value.replace(old, new)
        case dict():
            return {_with_name(key, old, new): _with_name(item, old, new) for key, item in value.items()}
        case list():
            return [_with_name(item, old, new) for item in value]
    return value


def _stamp(folder: str) -> Stamp:
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    stats = ((str(path), path.stat()) for path in files)
    return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)
