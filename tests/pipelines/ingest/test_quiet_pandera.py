"""pandera comes without what it could do with, and which nothing here needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("first", ["", "import pyspark"])
def test_pandera_comes_quietly_and_without_spark(first):
    code = (
        f"import os, sys; {first}\n"
        "before = dict(os.environ)\n"
        "import pipelines.ingest.judge\n"
        "assert 'pandera' not in sys.modules\n"
        "from workbench.schemas.pandera import pandera\n"
        "assert pandera.DataFrameSchema\n"
        "import pandera.backends.ibis.builtin_checks\n"
        "assert not {'pyspark.pandas', 'hypothesis'} & sys.modules.keys()\n"
        f"assert ('pyspark' in sys.modules) is {bool(first)}\n"
        "assert dict(os.environ) == before\n"
        "from importlib.util import find_spec; assert find_spec('pyspark.pandas') and find_spec('hypothesis')"
    )
    # This process may have had Spark's variables set by whatever else ran in it.
    clean = {name: value for name, value in os.environ.items() if "SPARK" not in name and "PYARROW" not in name}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=clean)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
