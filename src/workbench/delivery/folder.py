"""Delivery to a folder: a share, or what a web server serves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.clients.delivery import FolderDelivery
from workbench.delivery.parcel import Parcel
from workbench.errors import ConfigurationError, DeliveryError, StorageError, Unreachable
from workbench.files import durable_folder, sweep, write_text

__all__ = ["ROOTS", "FolderCourier"]

ROOTS = "WORKBENCH_DELIVERY_ROOTS"
"""Environment variable with the folders outside of the project that reports may go to, `:` between them."""


class FolderCourier:
    """Copies a parcel into ``<folder>/<schedule>/<slot>/``, whole or not at all, and keeps ``index.html`` above it.

    Raises:
        ConfigurationError: the folder is not below the client's own, nor below one that the operator has named.
    """

    may_repeat = True

    def __init__(self, delivery: FolderDelivery, *, project: Path, client: str, environ: Mapping[str, str]) -> None:
        self._folder = _allowed(delivery.path, project, client, environ)
        self.recipients: tuple[str, ...] = (delivery.path,)

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Copy it; an older copy of the same slot is replaced."""
        from workbench.delivery.index import index_page

        target = self._folder / parcel.schedule / parcel.slot
        try:
            sweep(self._folder)
            sweep(target.parent)
            with durable_folder(target) as staging:
                for item in parcel.items:
                    shutil.copyfile(parcel.folder / item.name, staging / item.name)
                shutil.copyfile(parcel.folder / "parcel.json", staging / "parcel.json")
            write_text(self._folder / "index.html", index_page(self._folder, parcel.title, parcel.locale))
        except (OSError, StorageError) as error:
            # A share that is full today may have room tomorrow; one that takes nothing of ours will not.
            cause = error.__cause__ if isinstance(error, StorageError) else error
            if isinstance(cause, PermissionError):
                raise DeliveryError(
                    "the folder cannot be written",
                    where=f"client {parcel.client}, {target}",
                    hint="see who may write there",
                ) from error
            raise Unreachable(
                f"the folder cannot be written now ({getattr(cause, 'strerror', cause)})",
                where=f"client {parcel.client}, {target}",
            ) from error
        return str(target)


def _allowed(path: str, project: Path, client: str, environ: Mapping[str, str]) -> Path:
    """The folder, with links followed, if it lies where this client's reports may go."""
    own = (project / "deliveries" / client).resolve()
    roots = [Path(root).resolve() for root in environ.get(ROOTS, "").split(os.pathsep) if root]
    wanted = Path(path)
    found = (wanted if wanted.is_absolute() else own / wanted).resolve()
    if any(found.is_relative_to(root) for root in (roots if wanted.is_absolute() else [own])):
        return found
    raise ConfigurationError(
        f"reports may not go to '{path}'",
        where=f"client {client}, deliver",
        tried=", ".join(map(str, [own, *roots])),
        hint=f"name a folder below deliveries/{client}, or have the operator name its root in {ROOTS}",
    )
