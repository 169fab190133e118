"""Libraries come without what costs more than they do, and what is absent for them is there for others."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from workbench.absent import absent

IMPORTS = """
import sys
import workbench.reports.templates as templates
from pathlib import Path
templates.read_notebook(Path(sys.argv[1]))
import nbclient, nbconvert.exporters.html
import workbench.reports.engine, workbench.reports.page, workbench.reports.kernel
nobodys = {"lark", "rfc3987_syntax", "pyspark", "hypothesis", "boto3", "azure.storage.blob", "gcsfs", "aiohttp"}
print(*sorted(nobodys & sys.modules.keys()))
import boto3, gcsfs, rfc3987_syntax
"""


def test_within_the_block_it_is_not_installed_and_afterwards_it_is() -> None:
    sys.modules.pop("colorsys", None)
    with absent("colorsys", "json"):
        assert importlib.import_module("json").loads("1") == 1, "what is imported already stays"
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_what_reads_and_renders_notebooks_imports_no_grammar_and_no_cloud(tmp_path) -> None:
    path = tmp_path / "one.ipynb"
    path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    done = subprocess.run([sys.executable, "-c", IMPORTS, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
