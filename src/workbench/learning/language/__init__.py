"""Language models: which base model, and chat examples as its tokens.

Importing this package imports neither torch nor transformers.
"""

from __future__ import annotations

from workbench.learning.language.base import BaseModel

__all__ = ["BaseModel"]
