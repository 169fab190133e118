"""The container's files, beside what tests/test_containers.py holds all of them to."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/docker/serving"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, with continued lines joined."""
    text = "\n".join(line for line in (FOLDER / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_the_dockerfile_is_what_it_should_be() -> None:
    found = instructions()
    runtime = found[max(at for at, (word, _) in enumerate(found) if word == "FROM") :]
    by_word = dict(runtime)
    assert json.loads(by_word["ENTRYPOINT"])[:3] == ["python", "-m", "workbench.serving"]
    check = json.loads(by_word["HEALTHCHECK"].split("CMD ")[1])
    compile(check[2], "HEALTHCHECK", "exec")
    assert by_word["STOPSIGNAL"] == "SIGTERM"


def test_all_that_is_installed_is_pinned() -> None:
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    lines = [line for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert {line.split("[")[0].lower() for line in lines} <= pinned
    assert lines == sorted(lines)
