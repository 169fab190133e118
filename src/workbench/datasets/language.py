"""A tuned language model's folder: weights, or where a service has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.datasets.base import ClientPathDataset
from workbench.datasets.hosted_model import HostedFolder, HostedModel
from workbench.datasets.project import ClientFiles
from workbench.files import recover_folder

if TYPE_CHECKING:
    from workbench.learning.language import BaseModel, Tuned, TunedFolder

__all__ = ["TunedModelFolder"]


class TunedModelFolder(ClientPathDataset["Tuned | HostedModel", "TunedFolder | HostedFolder"]):
    """Adapters, or all weights, with tokenizer, record and sha256 manifest; the folder changes as a whole.

    Of a model that a service has, it holds one file that says where.
    """

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
        files = ClientFiles(self._client, self._project)
        return BaseModel.find(name, files.path(name, "tuned.json"), revision=revision)
