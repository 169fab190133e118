"""A scheduler whose day passes in seconds: ``simulated_scheduler.py <project> <factor> <until>``.

The clock's state is a file, so that a scheduler which is killed and started again goes on where the time is by then.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workbench.schedules.scheduler import Scheduler


class FastClock:
    """So many times as fast as the machine's, from an instant that all processes agree on."""

    def __init__(self, origin: float, start: datetime, factor: float) -> None:
        self.origin, self.start, self.factor = origin, start, factor

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.origin) * self.factor)

    def wait(self, seconds: float, woken: threading.Event) -> None:
        woken.wait(min(seconds / self.factor, 0.02))


if __name__ == "__main__":
    project, factor, start, until = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
    origin = float((project / "origin").read_text())
    clock = FastClock(origin, datetime.fromisoformat(start).replace(tzinfo=UTC), factor)
    command = [sys.executable, str(Path(__file__).with_name("simulated_slot.py"))]
    Scheduler(project, workers=2, clock=clock, command=command, tell=print).run(
        datetime.fromisoformat(until).replace(tzinfo=UTC)
    )
    print("over")
