"""A :class:`~workbench.learning.TabularModel` as an MLflow model, without a pickle anywhere.

MLflow's generic ``python_function`` flavor can name a *loader module* and a folder of data. The module is this one, and
the data is the model's own folder: safetensors, JSON, and a manifest with the sha256 of each file. So MLflow's server
and ``mlflow.pyfunc.load_model`` can use the model wherever this package is installed; no code travels in the artifact.

Our own :func:`load` does not ask the artifact how it wants to be loaded: which loader is allowed is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.files import sha256_of_folder
from workbench.registry.predictions import feature_schema, prediction_columns
from workbench.registry.store import known_warnings_ignored
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.models import ModelSignature

    from workbench.learning import Columns, TabularModel

__all__ = ["LOADER", "PyfuncModel", "Saved", "fetched", "load", "local_folder", "log", "saved"]

LOADER = "workbench.registry.flavor"
NAME = "model"
DATA = f"data/{NAME}"
"""Where MLflow puts the model's folder inside the artifact."""

REQUIREMENTS = ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "torch")


@dataclass(frozen=True)
class Saved:
    """A model, its folder, and the sha256 of that folder: the name by which a model is known everywhere."""

    model: TabularModel
    folder: Path
    sha256: str


@contextmanager
def saved(model: TabularModel) -> Iterator[Saved]:
    """Save a model to a folder (mode 0700) that is gone after the block."""
    with private_folder("model") as temporary:
        folder = Path(temporary) / NAME
        model.save(folder)
        yield Saved(model, folder, sha256_of_folder(folder))


def log(saved: Saved, *, run_id: str, example: pa.Table) -> tuple[str, str]:
    """Log a saved model to a run.

    Args:
        saved: the model.
        run_id: the run that trained it; it need not be active.
        example: a few real rows with the columns that the model reads.

    Returns:
        MLflow's id of the logged model, and where its artifact lies.
    """
    with known_warnings_ignored():
        import mlflow.pyfunc
    from mlflow.models import Model

    columns = saved.model.columns
    info = Model.log(
        artifact_path=None,
        name=NAME,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        model_type=f"tabular {columns.task}",
        loader_module=LOADER,
        data_path=str(saved.folder),
        signature=_signature(columns),
        input_example=_frame(example.select(feature_schema(columns).names)),
        # Given, since MLflow would find them out by loading the model in a second process.
        # "2.13.0+cpu" is a build of one index; the version is what others have, too.
        pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
    )
    return info.model_id, str(mlflow.MlflowClient().get_logged_model(info.model_id).artifact_location)


def load(artifact: str, sha256: str | None, *, where: str) -> TabularModel:
    """Load a model from its artifact, after it was checked.

    Args:
        artifact: a path or an address that MLflow can read.
        sha256: what the registry says the model is; None if it says nothing.
        where: for the error: client and version.

    Raises:
        ModelError: not a model of this flavor (above all: no pickle is ever read), not the model that was registered,
            or not there.
    """
    from workbench.learning import TabularModel

    with fetched(artifact, sha256, where=where) as local:
        return TabularModel.load(local / DATA)


@contextmanager
def fetched(artifact: str, sha256: str | None, *, where: str) -> Iterator[Path]:
    """An artifact as a local folder, checked; inside the block. See :func:`load`."""
    with local_folder(artifact, where) as local:
        _check(local, sha256, where)
        yield local


@contextmanager
def local_folder(artifact: str, where: str) -> Iterator[Path]:
    """An artifact as a folder of this machine, as it is; inside the block.

    Raises:
        ModelError: it is not there, or its server does not hand it out.
    """
    import mlflow.artifacts

    with private_folder("model") as temporary:
        local = Path(artifact.removeprefix("file://"))
        if not local.is_dir():
            try:
                local = Path(mlflow.artifacts.download_artifacts(artifact_uri=artifact, dst_path=temporary))
            except Exception as error:
                raise ModelError(f"its artifact {artifact} cannot be read", where=where) from error
        yield local


def _check(artifact: Path, sha256: str | None, where: str) -> None:
    advice = "register it again with `kedro run --pipeline register`, or move the alias to another version"
    loader = _loader_of(artifact / "MLmodel")
    if loader != LOADER:
        raise ModelError(f"it is loaded by {loader or 'nobody knows what'}, not by {LOADER}", where=where, hint=advice)
    if sha256 is None:
        raise ModelError("its version has no tag 'sha256', so nobody can say what it is", where=where, hint=advice)
    folder = artifact / DATA
    if not folder.is_dir():
        raise ModelError(f"its artifact has no folder {DATA}", where=where, hint=advice)
    if sha256_of_folder(folder) != sha256:
        raise ModelError("its files are not those that were registered (sha256 differs)", where=where, hint=advice)


def _loader_of(path: Path) -> str | None:
    """The loader module that an ``MLmodel`` file names."""
    import yaml

    try:
        content = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        return str(content["flavors"]["python_function"]["loader_module"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return None


class PyfuncModel:
    """What MLflow calls: a pandas frame in, a frame with ``prediction`` (and ``probability``) out."""

    def __init__(self, model: TabularModel) -> None:
        self._model = model
        self._schema = feature_schema(model.columns)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict each row; see :func:`~workbench.registry.predictions.prediction_columns`."""
        import pyarrow as pa

        rows = pa.Table.from_pandas(model_input[self._schema.names], schema=self._schema, preserve_index=False)
        columns = prediction_columns(self._model.columns, self._model.predict(rows))
        return _frame(pa.table(columns))


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """MLflow's entry point; the model's own manifest is checked."""
    from workbench.learning import TabularModel

    return PyfuncModel(TabularModel.load(Path(data_path)))


def _signature(columns: Columns) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [ColSpec(DataType.double, name, required=False) for name in columns.numeric]
    inputs += [ColSpec(DataType.string, name, required=False) for name in columns.categorical]
    kind = {"binary": DataType.integer, "multiclass": DataType.string, "regression": DataType.double}[columns.task]
    outputs: list[ColSpec | TensorSpec] = [ColSpec(kind, "prediction")]
    if columns.task != "regression":
        outputs.append(ColSpec(DataType.double, "probability"))
    return ModelSignature(Schema(inputs), Schema(outputs))


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
