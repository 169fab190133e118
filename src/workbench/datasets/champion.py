"""The client's champion, from the registry, as an input of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.datasets.base import ClientDataset

if TYPE_CHECKING:
    from workbench.fingerprints.facts import Look
    from workbench.registry.models import Champion as Version
    from workbench.registry.models import Standing

__all__ = ["Champion"]


class Champion(ClientDataset["Standing", "Version"]):
    """The version that the alias ``champion`` points to, loaded and checked against its sha256.

    It is what ``register`` makes and ``score`` reads, so that Kedro puts the two in order; alone, ``score`` takes what
    the registry has.
    """

    def load(self) -> Version:
        """Load it; a missing champion is a :class:`~workbench.errors.ModelError` that says what to type."""
        from workbench.registry.models import champion

        return champion(self._client, self._project)

    def save(self, data: Standing) -> None:
        """Write nothing: the gate has moved the alias, and a person may have moved it again."""

    def fingerprint(self, look: Look) -> dict[str, str] | None:
        """Which version it is; a version never changes."""
        from workbench.registry.alias import champion_version

        return {"version": str(champion_version(self._client, self._project))}

    def _exists(self) -> bool:
        from workbench.registry.alias import champion_version

        return champion_version(self._client, self._project) is not None

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "alias": "champion"}
