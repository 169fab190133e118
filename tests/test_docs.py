"""What the documentation tells a person to type exists, and takes the options that it shows."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from kedro.framework.cli.cli import KedroCLI

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def typed(page: Path) -> Iterator[str]:
    """The lines that a person types: in ``bash`` blocks, after the prompt if the block shows output too."""
    for language, block in re.findall(r"^```(bash|console)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if language == "bash" and line.strip() and not line.startswith("#"):
                yield line.split("  #")[0].strip()
            elif line.startswith("$ "):
                yield line[2:].split("  #")[0].strip()


COMMANDS = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in typed(page)})


@pytest.fixture(scope="module")
def cli() -> KedroCLI:
    with warnings.catch_warnings():
        # Kedro leaves a plugin out when its import fails, and a warning of one would be such a failure here.
        warnings.simplefilter("ignore")
        return KedroCLI(ROOT)


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_command_exists(cli: KedroCLI, page: str, line: str) -> None:
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    for known in ("kedro", "make", "python"):
        if words[0] == known:
            {"kedro": parse_kedro, "make": parse_make, "python": parse_python}[known](cli, words[1:])


def parse_kedro(cli: KedroCLI, words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="kedro")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"no such command: {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if not isinstance(command, click.Group):
        # Parses and checks every option; runs nothing.
        command.make_context(command.name, list(words), parent=context, resilient_parsing=False)


def parse_make(cli: KedroCLI, words: list[str]) -> None:
    assert set(words) <= TARGETS, f"no such target: {words}"


def parse_python(cli: KedroCLI, words: list[str]) -> None:
    assert words[0] == "-m"
    here = ROOT / words[1].replace(".", "/")
    assert here.with_suffix(".py").exists() or (here / "__main__.py").exists() or find_spec(words[1]), words[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target


def test_every_command_has_help_with_an_example(cli: KedroCLI) -> None:
    context = click.Context(cli)
    groups = (
        "client",
        "databricks",
        "deploy",
        "fleet",
        "mlflow",
        "notebook",
        "report",
        "run",
        "serve",
        "tune",
        "vertex",
    )
    for name in groups:
        command = cli.get_command(context, name)
        assert command is not None
        for words, leaf in leaves_of(command, name):
            assert "Example" in (leaf.help or ""), words


def leaves_of(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    """The commands below a group, at any depth, each with what is typed for it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name, below in command.commands.items():
        yield from leaves_of(below, f"{words} {name}")
