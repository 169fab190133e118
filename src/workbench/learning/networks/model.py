"""A trained network with everything that it needs to be asked: encoders, architecture, how it came to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from workbench.errors import ModelError
from workbench.learning.columns import Columns
from workbench.learning.config import SETTINGS, EpochReport, TrainConfig
from workbench.learning.model import TabularModel
from workbench.learning.networks.specs import spec_from_dict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import torch
    from torch import Tensor, nn

    from workbench.learning.encoding import TableEncoder
    from workbench.learning.networks import Spec

__all__ = ["NetworkModel"]


class NetworkModel(TabularModel):
    """What :func:`workbench.learning.fit` returns.

    Attributes:
        encoder: from a table to matrices.
        config: how it was trained; ``batch_size`` and ``network`` are those that were used.
        network: the module, in evaluation mode.
    """

    kind: ClassVar[str] = "network"

    def __init__(
        self,
        columns: Columns,
        encoder: TableEncoder,
        config: TrainConfig,
        network: nn.Module,
        history: list[EpochReport] | None = None,
    ) -> None:
        super().__init__(columns, history)
        self.encoder, self.config, self.network = encoder, config, network

    @property
    def spec(self) -> Spec:
        """The architecture."""
        assert self.config.network is not None  # noqa: S101 - whoever makes a model has chosen it
        return self.config.network

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @property
    def weights(self) -> int:
        """Number of learned numbers."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def uncalibrated(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """The mean prediction of the members."""
        from workbench.learning.objectives import predictions
        from workbench.learning.tensors import run_network, to_tensors

        features = to_tensors(self.encoder.features(table), self.device)
        outputs = run_network(self.network, features)
        result: npt.NDArray[np.float64] = predictions(self.encoder.target, outputs).cpu().numpy()
        return result

    def body(self) -> dict[str, Any]:
        """Architecture, settings, history and encoders."""
        return {
            "architecture": self.spec.to_dict(),
            "training": {name: getattr(self.config, name) for name in SETTINGS},
            "history": [report.to_dict() for report in self.history],
            "encoder": self.encoder.to_dict(),
        }

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}

    @classmethod
    def parsed(cls, columns: Columns, body: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> Self:
        """Build the architecture, if it is on the list, and give it the weights."""
        import torch

        from workbench.learning.devices import pick_device
        from workbench.learning.encoding import TableEncoder
        from workbench.learning.networks import build
        from workbench.learning.networks.undrawn import Undrawn

        spec = spec_from_dict(body["architecture"])
        config = TrainConfig(network=spec, **body["training"])
        encoder = TableEncoder.from_dict(body["encoder"], columns)
        for name, value in tensors.items():
            if not value.is_floating_point():
                raise ModelError(f"its weights '{name}' are not finite numbers")
        # On the meta device nothing is allocated or drawn: a record that asks for terabytes fails at the comparison
        # of shapes.
        with torch.device("meta"), Undrawn():
            network = build(spec, encoder.inputs)
        network.load_state_dict(dict(tensors), strict=True, assign=True)
        history = [EpochReport.from_dict(report) for report in body["history"]]
        return cls(columns, encoder, config, network.to(pick_device(device)).eval(), history)
