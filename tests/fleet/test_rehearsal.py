"""What is rehearsed before workers are forked is what a worker needs, so that none of them does it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.kernels.preload import QUIET

pytestmark = pytest.mark.integration

CLIENTS_RUN = """
import json, sys
from pathlib import Path
from workbench.fingerprints import packages
from workbench.fleet import incremental, rehearsal
from workbench.fleet.preload import bootstrap

project = Path.cwd()
bootstrap(project)
rehearsal._code(project, ["__default__"], rehearsal._configuration(project))
sources = incremental.sources_of(project)
before, known = set(sources._codes), packages.version_of.cache_info().misses

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from workbench.fleet.done import Memory

with KedroSession.create(project_path=project, env="clients/clinic") as session:
    catalog = session.load_context().catalog
    _, judge = incremental._judge(project, Memory(project, "clinic"), pipelines["__default__"], catalog, force=False)
    judge.decide()
print(json.dumps({
    "closures": [key[0] for key in set(incremental.sources_of(project)._codes) - before],
    "versions": packages.version_of.cache_info().misses - known,
    "all distributions": packages._all.cache_info().misses,
    "nodes": len(before),
}))
"""


@pytest.mark.slow
def test_a_worker_reads_no_code_and_asks_for_no_version_that_was_not_asked_for_before(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENTS_RUN], cwd=project, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["nodes"] > 10
    assert not found["closures"], "the code of these nodes' modules would be put together in each worker"
    assert found["versions"] == 0
    assert found["all distributions"] == 0, "to ask for all installed packages takes half a second"


A_PAGE = """
import sys
from workbench.kernels.preload import preload
if sys.argv[1] == "rehearsed":
    preload(["workbench.reports.rehearsal:lay_out"])
import fastjsonschema
from nbformat.v4 import new_notebook
from workbench.reports.page import Heading, page

compiled = []
compile_ = fastjsonschema.compile
fastjsonschema.compile = lambda *a, **k: compiled.append(1) or compile_(*a, **k)
page(new_notebook(), Heading("A", "B"))
print(len(compiled))
"""


@pytest.mark.slow
def test_a_worker_that_renders_puts_no_schema_of_notebooks_together() -> None:
    found = {
        how: subprocess.run([sys.executable, "-c", A_PAGE, how], capture_output=True, text=True, check=True).stdout
        for how in ("rehearsed", "not")
    }
    assert int(found["rehearsed"]) == 0
    assert int(found["not"]) > 0, "this test looks at the wrong place"


def test_who_renders_is_rehearsed_for_pages() -> None:
    from workbench.fleet.preload import LATER

    assert "workbench.reports.rehearsal:lay_out" in LATER["workbench.reports.render"]


A_TRAINING = """
import os, sys
from pathlib import Path
from workbench.fleet.preload import preload_for
preload_for(Path.cwd(), ["train", "evaluate", "register", "score"])
from workbench.fleet.zygote import _take_share, _threaded_libraries
libraries = _threaded_libraries()
before = set(sys.modules)
if not (child := os.fork()):
    os.environ.update(OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    _take_share(libraries)
    import numpy as np, pyarrow as pa, torch
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
    from workbench.learning import Columns, TabularModel, TrainConfig
    from workbench.learning.candidates import select
    print("threads", torch.get_num_threads(), _openmp_effective_n_threads())
    random = np.random.default_rng(0)
    table = pa.table({"x": random.normal(size=200), "c": random.choice(list("ab"), 200), "y": random.integers(0, 2, 200)})
    found = select(table, table, Columns("binary", "y", ("x",), ("c",)), TrainConfig(epochs=1), metric="roc_auc")
    found.model.save(Path("model"))
    TabularModel.load(Path("model")).predict(table)
    heavy = {"torch", "sklearn", "scipy", "sympy", "mlflow", "workbench"}
    late = sorted(name for name in set(sys.modules) - before if name.split(".")[0] in heavy)
    print("late", *late, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_a_worker_that_trains_imports_no_library_anew_and_has_its_share_of_threads(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", A_TRAINING],
        cwd=project, capture_output=True, text=True, timeout=300, check=False, env=os.environ | QUIET,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    threads, late = done.stdout.splitlines()
    assert threads == "threads 2 2"
    # CUPTI is looked for when the first graph of gradients is made, once a process.
    assert set(late.split()[1:]) <= {"torch.profiler._cupti_monitor"}, late
