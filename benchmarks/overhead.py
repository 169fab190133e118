"""What our hooks, configuration loader and commands add to a `kedro run` that does nothing.

    python -m benchmarks.overhead [--rounds 9]

Two projects with the same one-node pipeline: one bare, one with the workbench's settings. Their runs alternate, each in
a process of its own; the medians are compared. Bar: within 1.3 times. Beside it, the commands that must answer at once.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BAR = 1.3
BLINK = 1.5

PYPROJECT = """
[tool.kedro]
package_name = "nothing"
project_name = "nothing"
kedro_init_version = "1.7.0"
source_dir = "src"
"""
REGISTRY = """
def register_pipelines():
    from kedro.pipeline import Pipeline, node
    return {"__default__": Pipeline([node(lambda: 1, None, "one", name="one")])}
"""


def _project(folder: Path, settings: str, conf: Path | None) -> Path:
    package = folder / "src" / "nothing"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / ".telemetry").write_text("consent: false\n")
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(settings)
    (package / "pipeline_registry.py").write_text(REGISTRY)
    if conf:
        shutil.copytree(conf, folder / "conf")
    else:
        (folder / "conf" / "base").mkdir(parents=True)
        (folder / "conf" / "local").mkdir()
        (folder / "conf" / "base" / "catalog.yml").touch()
    return folder


def _seconds(project: Path, *arguments: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"kedro {' '.join(arguments)} failed\n{done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        bare = _project(Path(scratch) / "bare", "", None)
        ours = _project(Path(scratch) / "ours", "from pipelines.settings import *\n", ROOT / "conf")
        times: dict[str, list[float]] = {"bare": [], "ours": [], "list": []}
        for _ in range(rounds + 1):
            times["bare"].append(_seconds(bare, "run"))
            times["ours"].append(_seconds(ours, "run", "--env", "clients/clinic"))
            times["list"].append(_seconds(ROOT, "client", "list", "--json"))
    # The first round warms the disk cache.
    middle = {name: statistics.median(values[1:]) for name, values in times.items()}
    ratio = middle["ours"] / middle["bare"]
    print(f"{'do-nothing `kedro run`':36}{'seconds':>9}{'ratio':>8}")
    print(f"{'bare Kedro project':36}{middle['bare']:9.2f}{1:8.2f}")
    print(f"{'with the workbench':36}{middle['ours']:9.2f}{ratio:8.2f}   bar ≤ {BAR}: {_word(ratio <= BAR)}")
    print(f"{'`kedro client list`':36}{middle['list']:9.2f}{'':8}   bar ≤ {BLINK} s: {_word(middle['list'] <= BLINK)}")


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


if __name__ == "__main__":
    main()
