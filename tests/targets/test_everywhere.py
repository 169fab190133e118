"""A client to every target and back, by the commands that a person types."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from everywhere import TARGETS, commands, walk
from everywhere_language import CLIENTS
from everywhere_language import walk as walk_language
from write_transcript import INTRODUCTION, LANGUAGE, NAMES

Kedro = Callable[..., subprocess.CompletedProcess[str]]
PAGE = Path(__file__).parents[2] / "docs/targets/transcript.md"


def test_the_transcript_is_what_the_script_types() -> None:
    """Not by hand: `make transcript` writes it anew when a command, or what is typed, has changed."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(INTRODUCTION.splitlines()[0])
    assert LANGUAGE in page
    typed = dict(re.findall(r"^## ([^\n]*)\n\n```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    assert len(typed) == len(CLIENTS) * len(NAMES)
    for client in CLIENTS:
        for target in TARGETS:
            lines = typed[f"{client}, {NAMES[target]}"].splitlines()
            expected = [f"$ kedro deploy {' '.join(words)}" for words in commands(client, target, [1, 2])]
            assert [line for line in lines if line.startswith("$ ")] == expected
        assert f"$ kedro tune down --all --env clients/{client}" in typed[f"{client}, {NAMES['cloud']}"]


@pytest.mark.slow
@pytest.mark.integration
def test_a_client_goes_everywhere_and_comes_back(clinic_copy: Path, kedro: Kedro) -> None:
    more = ("--pipelines", "train,evaluate,register", "--params", "train.seed=23,train.candidates=[linear]")
    kedro(clinic_copy, "run", "--env", "clients/clinic", *more)
    said = list(walk(clinic_copy, ["clinic"], TARGETS, [1, 2]))
    commands = said[::2]
    assert len(commands) == 8 * len(TARGETS)
    answers = dict(zip(commands, said[1::2], strict=True))
    for target in TARGETS:
        options = f"--env clients/clinic --target {target}"
        canary = answers[f"$ kedro deploy canary {options} --percent 10"]
        assert canary.startswith("Version 2 has 10 % of the traffic.\n  traffic: version 1: 90 %, version 2: 10 %")
        assert answers[f"$ kedro deploy promote {options}"].startswith("Version 2 has all traffic.")
        assert answers[f"$ kedro deploy rollback {options}"].startswith("Version 1 has all traffic again.")
        assert "taken down: version 1, version 2" in answers[f"$ kedro deploy destroy {options} --yes"]


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("client", CLIENTS)
def test_a_language_model_goes_to_azure_openai_and_comes_back(project: Path, client: str) -> None:
    said = list(walk_language(project, [client]))
    answers = dict(said)
    cloud = f"--env clients/{client} --target cloud"
    assert f"{client}-tune version 2: promoted" in said[3][1]
    canary = answers[f"$ kedro deploy canary {cloud} --percent 10"]
    assert canary.startswith("Version 2 has 10 % of the traffic.\n  traffic: version 1: 90 %, version 2: 10 %")
    assert "Azure OpenAI splits no traffic" in canary
    assert f" of deployment workbench-{client}-v1 " in canary
    shared, back = (answer for command, answer in said if command.startswith("#"))
    assert shared.startswith("version 1: 9")
    assert back == "version 1: 1000"
    assert answers[f"$ kedro deploy promote {cloud}"].startswith("Version 2 has all traffic.")
    assert answers[f"$ kedro deploy rollback {cloud}"].startswith("Version 1 has all traffic again.")
    assert "taken down: version 1, version 2" in answers[f"$ kedro deploy destroy {cloud} --yes"]
