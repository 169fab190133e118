"""Language models: from a base model and chat examples to a tuned one that can be saved, checked and asked.

::

    base.py             which model, from which folder; nothing is downloaded unless that is allowed
    chat.py             messages → the tokens of the prompt and of the response
    packing.py          several examples in one sequence, without seeing each other
    attention.py        the attention of such a sequence, without a mask
    loss.py             cross-entropy of the response's tokens, without ever holding all logits
    adapters.py         LoRA
    forward.py          a forward pass over packed examples
    tuner.py            the loop; checkpoints.py lets it go on after ``kill -9``
    tuned.py            the result: answers.py asks it; held-out loss; on disk
    scores.py           how near an answer is to a reference

It needs torch, transformers, peft and safetensors, and knows neither Kedro nor MLflow. Importing this package imports
none of them.
"""

from __future__ import annotations

from workbench.learning.language.base import BaseModel
from workbench.learning.language.config import TuneConfig, TuneReport
from workbench.learning.language.tuned import Tuned, TunedFolder
from workbench.learning.language.tuner import tune

__all__ = ["BaseModel", "TuneConfig", "TuneReport", "Tuned", "TunedFolder", "tune"]
