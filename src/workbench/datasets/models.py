"""A model's folder, and who is told of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.datasets.base import PathDataset, ReadOnlyDataset
from workbench.files import recover_folder

if TYPE_CHECKING:
    from workbench.datasets.progress import TrainingProgress
    from workbench.learning import TabularModel

__all__ = ["EpochListener", "ModelFolder"]


class ModelFolder(PathDataset["TabularModel", "TabularModel"]):
    """A network in a folder: weights, record and sha256 manifest; the folder changes as a whole."""

    def load(self) -> TabularModel:
        """The model, after its manifest was checked."""
        from workbench.learning import TabularModel

        recover_folder(self._path)
        return TabularModel.load(self._present())

    def save(self, data: TabularModel) -> None:
        """Write it durably."""
        data.save(self._path)


class EpochListener(ReadOnlyDataset["TrainingProgress"]):
    """Loads what a training is to tell of each epoch: it shows a progress bar, and sends live metrics to MLflow."""

    def load(self) -> TrainingProgress:
        """A new listener; whoever uses it closes it."""
        from workbench.datasets.progress import TrainingProgress

        return TrainingProgress()

    def fingerprint(self, look: object) -> dict[str, str]:
        """Does not count: who listens changes no model."""
        return {}
