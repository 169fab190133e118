"""What all clients share is read before workers are forked, so that each reads only what is its client's.

Reading ``conf/base`` is most of what a configuration costs, and a fork of a warm process would do it again every time.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

__all__ = ["BaseLayerKept"]

_KEYS = ("globals", "parameters", "catalog")

Stamp = tuple[tuple[str, int, int, int], ...]

_kept: dict[tuple[str, str], tuple[Stamp, dict[Path, Any]]] = {}
"""Folder and kind of configuration to what was read of it, and when each file there was last changed."""


class BaseLayerKept(OmegaConfigLoader):
    """An ``OmegaConfigLoader`` that uses what :meth:`keep` has read, if nobody has changed it since, and once only.

    Once, because a merge uses the configurations up (``OmegaConf.unsafe_merge``).
    """

    @classmethod
    def keep(cls, conf_source: Path, **arguments: Any) -> dict[str, Any]:
        """Read the base layer for loaders of this process's forks. No client's file is opened.

        Returns:
            Kind of configuration to what the base layer says.
        """
        loader = cls(str(conf_source), env=None, **arguments)
        merged = {}
        for key in _KEYS:
            merged[key] = loader[key]
            folder = loader._get_conf_env_path(loader.base_env)
            stamp = _stamp(folder)
            _kept[folder, key] = stamp, loader._read_dir_configs(folder, [*loader.config_patterns[key]], key, set())
        return merged

    def _read_dir_configs(
        self,
        conf_path: str,
        patterns: Iterable[str],
        key: str,
        processed_files: set[Path],
        read_environment_variables: bool | None = False,
    ) -> dict[Path, Any]:
        stamp, files = _kept.pop((conf_path, key), ((), {}))
        if files and stamp == _stamp(conf_path):
            processed_files.update(files)
            return files
        read: dict[Path, Any] = super()._read_dir_configs(
            conf_path, patterns, key, processed_files, read_environment_variables
        )
        return read

    @staticmethod
    def _soft_merge(config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None) -> Any:
        # Kedro makes an OmegaConf of both to merge them, which takes as long as reading; most clients change nothing.
        merge = super(BaseLayerKept, BaseLayerKept)._soft_merge
        return merge(config, env_config, env_path) if env_config else config


def _stamp(folder: str) -> Stamp:
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    stats = ((str(path), path.stat()) for path in files)
    return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)
