"""docs/targets/transcript.md, as the commands print it: ``make transcript``.

    python tests/targets/write_transcript.py PAGE [CLIENT ...]

A project is made in a temporary folder, two versions of each client's model are registered in it by ``kedro run``, and then
:mod:`everywhere` and :mod:`everywhere_language` type what a person would. Nothing of the page is written by hand.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from everywhere import CLIENTS, TARGETS, walk  # noqa: E402
from everywhere_language import walk as walk_language  # noqa: E402

NAMES = {"laptop": "this machine", "gcp": "Vertex AI", "lakehouse": "Databricks", "cloud": "Azure OpenAI"}
CANDIDATES = ("linear", "boosting")
"""What version 1 and version 2 of a model are: two that differ, and train in seconds."""

INTRODUCTION = """\
# Three clients to four targets, and back

`make transcript` has written this page: what was typed, and what was said. `gcp` and `lakehouse` are the doubles of
`tests/doubles`, which load the real model's files as the serving image would; `laptop` is the real server. Versions 1 and 2
of each client are what `kedro run` had registered: of a linear candidate alone, and of boosted trees alone
(`tests/targets/everywhere.py`).

Azure OpenAI serves tuned language models, so that what goes there was tuned there, at the end of this page
(`tests/targets/everywhere_language.py`). Of `kedro run --pipeline tune`, whose log is long, the verdict is shown.
"""

LANGUAGE = """\
## Azure OpenAI: language models

A canary means something else here. Azure OpenAI splits no traffic between deployments, so a share is a tag that callers
read; after each change, 1,000 callers chose a version by the tags, with `workbench.targets.azure_openai.target.choose`.
Before a version gets a share, it answers held-out examples beside the deployment that serves now. The double's base model
knows nothing, and a tuned one says what most of its examples say; between the two tunings the right answer changed.
"""


def page(project: Path, clients: Sequence[str]) -> Iterator[str]:
    """The page's parts, in order; a blank line belongs between two of them."""
    yield INTRODUCTION
    for client in clients:
        register(project, client)
        for target in TARGETS:
            lines = list(walk(project, [client], [target], [1, 2]))
            yield block(f"{client}, {NAMES[target]}", lines)
    yield LANGUAGE
    for client in clients:
        said = [line for pair in walk_language(project, [client]) for line in pair]
        yield block(f"{client}, {NAMES['cloud']}", said)


def block(title: str, lines: Sequence[str]) -> str:
    """What was typed and said, under a heading."""
    return "\n".join([f"## {title}", "", "```console", *(line for line in lines if line), "```", ""])


def register(project: Path, client: str) -> None:
    """Two versions of a client's model."""
    for candidate in CANDIDATES:
        more = [] if candidate == CANDIDATES[0] else ["--pipelines", "train,evaluate,register"]
        parameters = f"train.candidates=[{candidate}]"
        command = [sys.executable, "-m", "kedro", "run", "--env", f"clients/{client}", "--params", parameters, *more]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=1800, check=False)
        if done.returncode:
            sys.exit(f"kedro run for {client} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")


def copied(folder: Path) -> Path:
    """This project's code and configuration, without data, models and store."""
    for name in ("conf", "notebooks", "src"):
        ignored = shutil.ignore_patterns(".ipynb_checkpoints", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


def main(arguments: Sequence[str]) -> None:
    """Write the page, once all of it is known."""
    path, *clients = arguments
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for part in page(copied(Path(folder).resolve()), clients or CLIENTS):
            parts.append(part)
            sys.stderr.write(f"{part.splitlines()[0].lstrip('# ')}\n")
    Path(path).write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
