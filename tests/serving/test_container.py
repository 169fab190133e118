"""The container's files. No engine builds it here; what can be read of them is held to what was meant."""

from __future__ import annotations

import json
import re
import shlex
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
    assert {word for word, _ in found} <= {
        "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT",
    }  # fmt: skip
    runtime = found[max(at for at, (word, _) in enumerate(found) if word == "FROM") :]
    by_word = dict(runtime)
    assert by_word["USER"].isdigit()  # Kubernetes' runAsNonRoot wants a number
    assert by_word["USER"] != "0"
    assert runtime.index(("USER", by_word["USER"])) > max(at for at, (word, _) in enumerate(runtime) if word == "RUN")
    assert json.loads(by_word["ENTRYPOINT"])[:3] == ["python", "-m", "workbench.serving"]
    check = json.loads(by_word["HEALTHCHECK"].split("CMD ")[1])
    compile(check[2], "HEALTHCHECK", "exec")
    assert by_word["STOPSIGNAL"] == "SIGTERM"
    for word, rest in found:
        if word == "FROM":
            assert re.fullmatch(r"python:3\.11-slim-bookworm AS (build|runtime)", rest)
        if word == "RUN" and "pip install" in rest:
            assert "-c constraints.txt" in rest or "--no-deps" in rest
        if word == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (ROOT / source).exists(), source


def test_all_that_is_installed_is_pinned() -> None:
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    lines = [line for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert {line.split("[")[0].lower() for line in lines} <= pinned
    assert lines == sorted(lines)
