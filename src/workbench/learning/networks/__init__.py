"""The architectures.

A *spec* (:mod:`workbench.learning.networks.specs`) is a frozen dataclass of a few numbers that goes into a model's
JSON; :func:`build` turns it into a ``torch.nn.Module`` that fits what an encoder hands over, its
:class:`~workbench.learning.encoding.Inputs`. Every module maps ``(numeric (b, n), flags (b, f), codes (b, c))`` to
``(b, members, outputs)``: an ensemble within one network has several members, whose losses are averaged in training
and whose predictions are averaged after it.

To add one: a spec with a name of its own in ``specs.py``, a module, and a line in :func:`build`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.learning.networks.defaults import default_spec
from workbench.learning.networks.specs import ResNetSpec, Spec, TabMSpec, spec_from_dict

if TYPE_CHECKING:
    from torch import nn

    from workbench.learning.encoding import Inputs

__all__ = ["ResNetSpec", "Spec", "TabMSpec", "build", "default_spec", "spec_from_dict"]


def build(spec: Spec, inputs: Inputs) -> nn.Module:
    """The untrained network; its weights are drawn from torch's global generator."""
    if isinstance(spec, TabMSpec):
        from workbench.learning.networks.tabm import TabM

        return TabM(spec, inputs)
    from workbench.learning.networks.resnet import ResNet

    return ResNet(spec, inputs)
