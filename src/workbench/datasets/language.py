"""A tuned language model's folder: weights, or where a service has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import PathDataset
from workbench.datasets.hosted_model import HostedFolder, HostedModel
from workbench.datasets.project import ClientFiles
from workbench.files import recover_folder

if TYPE_CHECKING:
    from workbench.learning.language import BaseModel, Tuned, TunedFolder

__all__ = ["TunedModelFolder"]


class TunedModelFolder(PathDataset["Tuned | HostedModel", "TunedFolder | HostedFolder"]):
    """Adapters, or all weights, with tokenizer, record and sha256 manifest; the folder changes as a whole.

    Of a model that a service has, it holds one file that says where.

    Args:
        filepath: the folder; relative paths are taken from the project, by Kedro.
        client: the client's id.
        path: the project's ``conf`` folder.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, filepath: str, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._files = ClientFiles(client, Path(path).parent)

    def load(self) -> TunedFolder | HostedFolder:
        """The folder, after each file was held against the manifest and the base against the record; no weights yet."""
        recover_folder(self._path)
        if HostedFolder.is_here(self._path):
            return HostedFolder.check(self._path)
        from workbench.learning.language import TunedFolder

        return TunedFolder.check(self._present(), self._base)

    def save(self, data: Tuned | HostedModel) -> None:
        """Write it durably."""
        data.save(self._path)

    def _base(self, name: str, revision: str | None) -> BaseModel:
        from workbench.learning.language import BaseModel

        # Nothing is downloaded to read what is here.
        return BaseModel.find(name, self._files.path(name, "tuned.json"), revision=revision)
