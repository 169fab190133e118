"""Language models tuned at OpenAI, Azure OpenAI, or what speaks OpenAI's API: files, jobs, answers, and cost."""

from __future__ import annotations

__all__: list[str] = []
