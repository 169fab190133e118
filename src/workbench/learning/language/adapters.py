"""LoRA: frozen weights W, and beside them the product of two small matrices that learns.

Hu and others: "LoRA: low-rank adaptation of large language models" (ICLR 2022), equation 3. B begins at 0, so the
tuned model begins as its base; without the adapters it is its base again.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peft import LoraConfig, PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from workbench.learning.language.config import TuneConfig

__all__ = ["add_adapters", "causal", "load_trained", "lora_config", "trained"]


def add_adapters(model: PreTrainedModel, config: TuneConfig) -> PeftModel:
    """Put adapters beside the model's linear layers, and freeze all else. Draws from torch's global generator.

    Raises:
        ModelError: no module has one of the names in ``lora_targets``.
    """
    from peft import get_peft_model

    try:
        with warnings.catch_warnings():
            # peft 0.21 asks transformers 5.23 by the old name.
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
            return get_peft_model(model, lora_config(config))
    except ValueError as error:
        raise ModelError(
            f"no module of architecture '{model.config.model_type}' is named by '{config.lora_targets}'",
            hint="set tune.train.lora_targets to all-linear",
        ) from error


def lora_config(config: TuneConfig) -> LoraConfig:
    """The same in peft's words."""
    from peft import LoraConfig

    targets: Any = config.lora_targets
    if targets != "all-linear":
        targets = [name.strip() for name in targets.split(",")]
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,  # a float serves: it is divided by r
        lora_dropout=config.lora_dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def causal(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The transformers model, in which the adapters sit if there are any."""
    # Nobody can have put adapters in without peft, and tuning all weights needs none: a machine may lack it.
    peft = sys.modules.get("peft")
    inner: Any = model.base_model.model if peft is not None and isinstance(model, peft.PeftModel) else model
    found: PreTrainedModel = inner
    return found


def trained(model: PreTrainedModel | PeftModel) -> dict[str, Tensor]:
    """The parameters that learn, by name; each once, also where two modules share one."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def load_trained(model: PreTrainedModel | PeftModel, weights: Mapping[str, Tensor]) -> None:
    """Give the parameters that learn these values.

    Raises:
        ModelError: they are not the model's.
    """
    import torch

    own = trained(model)
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in weights.items()}:
        raise ModelError("the weights do not fit the model", hint="tune it again")
    with torch.no_grad():
        for name, value in weights.items():
            own[name].copy_(value)
