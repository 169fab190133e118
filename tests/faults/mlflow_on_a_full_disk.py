"""Run by ``test_disk_of_mlflow.py`` in a process of its own: fill the disk under MLflow's store, and record a run there.

``python mlflow_on_a_full_disk.py <folder>``; prints what was said, and what can be read afterwards, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from full_disk import fill


def main(folder: Path) -> dict[str, Any]:
    from workbench.registry.store import open_store, translated

    store = open_store(folder)
    run = store.api.create_run(store.experiment("acme")).info.run_id
    store.api.log_param(run, "before", "1")
    large = folder / "large.bin"
    large.write_bytes(os.urandom(400_000))
    filler = fill(folder)

    def said(act: Callable[[], object]) -> str:
        from workbench.errors import StorageError

        try:
            with translated(store.uri):
                act()
        except StorageError as error:
            return str(error)
        return "it was written"

    def many() -> None:
        for number in range(200):
            store.api.set_tag(run, f"t{number}", os.urandom(2000).hex())

    told = {"rows": said(many), "an artifact": said(lambda: store.api.log_artifact(run, str(large)))}
    filler.unlink()
    store.api.log_param(run, "after", "2")
    return {"said": told, "uri": store.uri, "params": store.api.get_run(run).data.params}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
