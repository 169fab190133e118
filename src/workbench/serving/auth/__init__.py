"""Bearer tokens: who may ask."""

from __future__ import annotations

from workbench.serving.auth.guard import Guard

__all__ = ["Guard"]
