"""Kind ``tpch``: a table of the TPC-H benchmark, made when it is asked for.

``tpchgen-cli`` makes the same bytes for the same scale factor, whatever the number of threads. It streams to Parquet
files, so a large scale factor needs disk and no memory.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ConfigurationError, DataError
from workbench.sources.opening import OpenedTable, Opening, SourceFile

if TYPE_CHECKING:
    from workbench.clients.sources import TpchSource

__all__ = ["open_table"]

_GENERATOR = "tpchgen-cli"


def open_table(source: TpchSource, opening: Opening) -> OpenedTable:
    """Generate the tables into the scratch folder, unless another table's opening did, and open this one.

    Raises:
        ConfigurationError: the generator is not installed.
        DataError: it failed, for instance because the disk is full.
    """
    folder = opening.scratch / f"tpch-{opening.scale_factor}"
    if not folder.exists():
        _generate(folder, opening)
    path = folder / f"{source.table}.parquet"
    return OpenedTable(opening.connection.read_parquet(path), (SourceFile.of(path),))


def _generate(folder: Path, opening: Opening) -> None:
    # All eight at once: most of the time goes into the pool of words, which each start of the generator makes anew.
    unfinished = opening.folder()
    command = [_generator(opening), "parquet", "--scale-factor", str(opening.scale_factor)]
    command += ["--output-dir", str(unfinished), "--quiet", "--no-progress"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise DataError(
            f"{_GENERATOR} ended with {done.returncode}: {last}",
            where=opening.where,
            hint=f"is there room for scale factor {opening.scale_factor:g} in {opening.scratch}?",
        )
    unfinished.rename(folder)


def _generator(opening: Opening) -> str:
    # Beside the interpreter first: a virtual environment that is not activated is not on the PATH.
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), None):
        found = shutil.which(_GENERATOR, path=folder)
        if found:
            return found
    raise ConfigurationError(
        f"{_GENERATOR} is not installed", where=opening.where, hint=f"type `pip install {_GENERATOR}`"
    )
