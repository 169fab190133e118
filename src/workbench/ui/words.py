"""How a page says instants, durations and numbers."""

from __future__ import annotations

from datetime import datetime

__all__ = ["ago", "instant", "local", "short", "size", "until"]

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (float("inf"), 86_400, "d"))


def instant(text: str | None) -> datetime | None:
    """ISO 8601, as the ledger keeps it."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def ago(then: datetime, now: datetime) -> str:
    """``just now``, ``12 min ago``, ``3 d ago``; clocks go back, so what lies ahead is just now."""
    passed = (now - then).total_seconds()
    return "just now" if passed < 5 else f"{_rounded(passed)} ago"


def until(then: datetime, now: datetime) -> str:
    """``in 12 min``, ``in 3 d``."""
    left = (then - now).total_seconds()
    return "now" if left < 5 else f"in {_rounded(left)}"


def local(then: datetime) -> str:
    """In the local time of this machine, with its zone."""
    return f"{then.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def short(value: float) -> str:
    """Four digits that count."""
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def size(count: int) -> str:
    """``812 B``, ``1.3 MB``."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _rounded(seconds: float) -> str:
    unit, name = next((unit, name) for below, unit, name in _STEPS if seconds < below)
    return f"{seconds // unit:.0f} {name}"
