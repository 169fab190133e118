"""Deployments of tuned models at Azure OpenAI, by Azure Resource Manager."""

from __future__ import annotations

__all__: list[str] = []
