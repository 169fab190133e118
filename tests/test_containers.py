"""The files that images are built from. No engine builds them here: they are read, and held to what was seen when one did."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workbench.clients.serving import Serving
from workbench.export.options import GROUP, own_image
from workbench.handover.members import FILES, SHARED
from workbench.onboarding.smoke import COPIED
from workbench.registry.provenance import REVISION_VARIABLE

ROOT = Path(__file__).parents[1]
WORKBENCH, SERVING = ROOT / "Dockerfile", ROOT / "deploy/docker/serving/Dockerfile"
BOTH = pytest.mark.parametrize("dockerfile", [WORKBENCH, SERVING], ids=["workbench", "serving"])
LEFT_BY_RUNS = {"__pycache__", ".ipynb_checkpoints"}

Stage = list[tuple[str, str]]


def stages(dockerfile: Path) -> dict[str, Stage]:
    """By name; the first instruction of each is its FROM."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: dict[str, Stage] = {}
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = found.setdefault(rest.partition(" AS ")[2], [])
        stage.append((word, rest.strip()))
    return found


def instructions(dockerfile: Path) -> Stage:
    return [one for stage in stages(dockerfile).values() for one in stage]


def sources(dockerfile: Path) -> list[str]:
    """What is copied from the project."""
    copies = [shlex.split(rest)[:-1] for word, rest in instructions(dockerfile) if word == "COPY"]
    return [source for words in copies if not words[0].startswith("--from") for source in words]


def is_ignored(name: str) -> bool:
    """As the engines read .dockerignore: the last line that fits a file or a folder above it decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = "".join(
            {"**/": "(.*/)?", "*": "[^/]*"}.get(part, re.escape(part))
            for part in re.split(r"(\*\*/|\*)", line.removeprefix("!"))
        )
        if re.fullmatch(f"{pattern}(/.*)?", name):
            ignored = not line.startswith("!")
    return ignored


def test_these_are_all() -> None:
    places = [ROOT, *(ROOT / one for one in ("deploy", "src", ".devcontainer"))]
    found = {path for place in places for path in (place.glob if place == ROOT else place.rglob)("*Dockerfile*")}
    assert found == {WORKBENCH, SERVING}


@BOTH
def test_what_is_copied_is_there_and_is_not_ignored(dockerfile: Path) -> None:
    for source in sources(dockerfile):
        path = ROOT / source
        assert path.exists(), source
        for one in path.rglob("*") if path.is_dir() else [path]:
            parts = one.relative_to(ROOT).parts
            if one.is_file() and LEFT_BY_RUNS.isdisjoint(parts) and not any(".egg-info" in part for part in parts):
                assert not is_ignored("/".join(parts)), one


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".git/config", ".mlflow/mlflow.db", ".venv/bin/python", ".workbench/ledger.db", "Dockerfile",
        "conf/clients/clinic/credentials.yml", "conf/credentials/one.yml", "conf/clients/clinic/.env", "conf/tls.pem",
        "conf/signing.key", "data/clinic/01_raw/cases.parquet", "deploy/docker/serving/pip.conf", "docs/tour.md",
        "models/clinic/candidate/model.json", "notebooks/explore/.ipynb_checkpoints/one.ipynb", "pip.conf",
        "src/smithright_workbench.egg-info/PKG-INFO", "src/workbench/__pycache__/files.cpython-311.pyc",
        "tests/test_containers.py",
    ],
)  # fmt: skip
def test_what_no_image_needs_or_may_hold_is_not_even_sent_to_a_builder(name: str) -> None:
    assert is_ignored(name)


@BOTH
def test_every_base_has_a_version(dockerfile: Path) -> None:
    names: set[str] = set()
    for name, stage in stages(dockerfile).items():
        base = stage[0][1].split(" AS ")[0]
        assert base in names or re.fullmatch(r"python:3\.11-slim-bookworm", base), base
        names.add(name)
    assert list(names) != [""]
    assert "latest" not in dockerfile.read_text()
    assert not own_image().endswith(":latest")


@BOTH
def test_nobody_runs_as_root(dockerfile: Path) -> None:
    stage = list(stages(dockerfile).values())[-1]
    assert [rest for word, rest in stage if word == "USER"] == [str(GROUP)], "Kubernetes' runAsNonRoot wants a number"
    user = stage.index(("USER", str(GROUP)))
    assert all(word not in {"RUN", "COPY", "ADD"} for word, _ in stage[user:]), "what runs owns nothing of the code"
    assert not any("--chown" in rest for word, rest in stage if word == "COPY")
    assert f"--uid {GROUP}" in " ".join(rest for word, rest in stage if word == "RUN")


@BOTH
def test_all_that_is_installed_is_pinned_and_from_where_pip_is_told(dockerfile: Path) -> None:
    installs = [rest for word, rest in instructions(dockerfile) if word == "RUN" and "pip install" in rest]
    assert len(installs) == 3
    for one in installs:
        if "--no-index" in one:
            assert "--no-deps" in one
        else:
            assert "-c constraints.txt" in one
            assert one.startswith("--mount=type=secret,id=pipconf,target=/etc/pip.conf ")
    assert not any("pip.conf" in rest for word, rest in instructions(dockerfile) if word != "RUN")


@BOTH
def test_a_line_of_code_installs_nothing_again(dockerfile: Path) -> None:
    found = stages(dockerfile)
    assert not any("src" in rest for word, rest in found["packages"] if word == "COPY")
    assert not any("pyproject" in rest for word, rest in found["packages"] if word == "COPY"), (
        "ruff's rules are there too"
    )
    runtime = [rest for word, rest in found["runtime"] if word == "COPY"]
    assert runtime[:2] == ["--from=packages /venv /venv", "--from=project /project /venv"]


def test_both_take_the_same_torch() -> None:
    one, other = ([i for i in instructions(d) if "TORCH_INDEX" in i[1]] for d in (WORKBENCH, SERVING))
    assert one == other
    assert [word for word, _ in one] == ["ARG", "RUN"]


@pytest.mark.parametrize(("index", "requires", "ok"), [
    ("https://download.example/whl/cpu", "Requires-Dist: filelock", True),
    ("https://download.example/whl/cpu", "Requires-Dist: nvidia-cublas==13.1.1.3", False),
    ("https://download.example/whl/cu130", "Requires-Dist: nvidia-cublas==13.1.1.3", True),
    ("", "Requires-Dist: nvidia-cublas==13.1.1.3", True),
    ("", "Requires-Dist: filelock", True),
])  # fmt: skip
def test_torch_with_cuda_is_no_torch_for_cpus(tmp_path: Path, index: str, requires: str, ok: bool) -> None:
    """The line as it stands, with a pip that writes down what it was asked."""
    (line,) = (rest for word, rest in instructions(WORKBENCH) if word == "RUN" and "TORCH_INDEX" in rest)
    told = tmp_path / "pip"
    told.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    told.chmod(0o755)
    (tmp_path / "torch-2.13.0.dist-info").mkdir()
    (tmp_path / "torch-2.13.0.dist-info/METADATA").write_text(f"Name: torch\n{requires}\n")
    script = line.partition("target=/etc/pip.conf")[2].replace("/venv/lib/python3.11/site-packages", str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", script.replace("/venv/bin/pip", str(told))],
        env={"TORCH_INDEX": index, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is ok, done
    assert ok or "carries CUDA" in done.stdout
    asked = (tmp_path / "asked").read_text().split()
    assert ("--extra-index-url" in asked) == bool(index)
    assert asked[-1] == "torch"
    assert "--no-deps" in asked, "its requirements come from pip's own index"


def test_the_workbench_gets_what_the_project_requires(tmp_path: Path) -> None:
    (line,) = (rest for word, rest in stages(WORKBENCH)["requirements"] if word == "RUN")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    program = shlex.split(line.partition(" > ")[0])
    assert program[:2] == ["python", "-c"]
    done = subprocess.run([sys.executable, *program[1:]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def test_the_workbench_finds_the_files_that_it_reads() -> None:
    """A trial of a new client and an archive of one copy the project's own files."""
    copied = sources(WORKBENCH)
    for name in (*FILES, *SHARED, *COPIED):
        assert any(name == one or name.startswith(f"{one}/") for one in copied), name
    (made,) = re.findall(r"install -d -o 10001 -g 10001 ([^&\n]+)", WORKBENCH.read_text())
    assert made.split() == ["data", "models", ".mlflow", ".workbench"]


def test_a_revision_is_not_that_of_the_build_before() -> None:
    """Seen with podman 4.3: when nothing but REVISION is new, LABEL and ENV come from the cache; RUN looks at its arguments."""
    stage = stages(WORKBENCH)["runtime"]
    said, run, *after = (at for at, (_, rest) in enumerate(stage) if "REVISION" in rest)
    assert [stage[said], stage[run]] == [("ARG", "REVISION="), ("RUN", ': "$REVISION"')]
    assert {stage[at][0] for at in after} == {"LABEL", "ENV"}
    assert stage[said - 1][0] == "WORKDIR", "all that takes time is before it, in the cache"


def test_below_another_init_tini_warns_of_nothing() -> None:
    """Seen with `run --init`, as the DAG for Airflow says: three lines of warning before each run."""
    (entry,) = (rest for word, rest in stages(WORKBENCH)["runtime"] if word == "ENTRYPOINT")
    assert json.loads(entry) == ["tini", "-s", "--", "kedro"]
    assert '"--init"' in (ROOT / "src/workbench/export/fleet/airflow_dag.py.txt").read_text()


def test_make_builds_with_any_engine(tmp_path: Path) -> None:
    def said(*arguments: str, path: str = "/usr/bin:/bin") -> str:
        command = ["make", "--dry-run", "--no-print-directory", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=True
        ).stdout.splitlines()[-1]

    revised = ["--build-arg", "REVISION=c0ffee"]
    assert said("image", "ENGINE=docker", revised[1]).split() == ["docker", "build", *revised, "-t", own_image(), "."]
    runtime = stages(WORKBENCH)["runtime"]
    assert ("ARG", "REVISION=") in runtime
    assert any(f"{REVISION_VARIABLE}=$REVISION" in rest for word, rest in runtime if word == "ENV")
    (tmp_path / "buildah").write_text("#!/bin/sh\n")
    (tmp_path / "buildah").chmod(0o755)
    bare = f"{tmp_path}:/usr/bin:/bin"
    if not any(shutil.which(one, path="/usr/bin:/bin") for one in ("docker", "podman", "buildah")):
        assert said("image", path=bare).startswith(f"{tmp_path}/buildah build ")
        done = subprocess.run(
            ["make", "image"], cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "None of docker, podman and buildah is on the PATH" in done.stdout
    line = said("image-serving", "ENGINE=docker", "PIP_CONF=my/pip.conf", "TORCH_INDEX=")
    assert "--secret id=pipconf,src=my/pip.conf --build-arg TORCH_INDEX= -f deploy/docker/serving/Dockerfile" in line


@pytest.mark.parametrize(("engine", "asked"), [
    ("/usr/bin/buildah", True), ("sudo podman", True), ("docker", False), ("sudo /usr/local/bin/docker", False),
])  # fmt: skip
def test_health_checks_and_layers_are_there_whoever_builds(engine: str, asked: bool) -> None:
    """Seen: podman and buildah warn that they drop HEALTHCHECK, and buildah made one layer of a whole stage."""
    command = ["make", "--dry-run", "--no-print-directory", "image-serving", f"ENGINE={engine}"]
    line = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    assert ("--format docker --layers" in line) is asked, "docker knows neither"


def test_docker_before_23_is_told_to_use_buildkit(tmp_path: Path) -> None:
    """Seen with 20.10: it builds without BuildKit unless told, and then refuses to mount a secret."""
    told = tmp_path / "docker"
    told.write_text('#!/bin/sh\necho "BuildKit: $DOCKER_BUILDKIT"\n')
    told.chmod(0o755)
    for target in ("image", "image-serving"):
        command = ["make", "--silent", target, f"ENGINE={told}"]
        environment = {"PATH": "/usr/bin:/bin"}
        said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
        assert said == "BuildKit: 1\n"


@BOTH
def test_nothing_but_the_base_is_fetched_from_a_registry(dockerfile: Path) -> None:
    """A line `# syntax=` has BuildKit fetch its frontend first, even where the base lies on the machine."""
    assert "# syntax" not in dockerfile.read_text()


@pytest.mark.parametrize("page", [SERVING, ROOT / "docs/containers.md"], ids=["Dockerfile", "containers.md"])
def test_an_engine_waits_for_what_is_under_way(page: Path) -> None:
    """Seen on a busy machine: podman killed the server after its ten seconds, with exit code 137."""
    joined = re.sub(r"\\\n#?\s*", " ", page.read_text())
    (line,) = (one for one in joined.splitlines() if re.search(r"docker run .*smithright-serving", one))
    (seconds,) = re.findall(r"--stop-timeout (\d+)", line)
    assert int(seconds) > Serving().drain_seconds
