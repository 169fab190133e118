"""Between two epochs: whether the step is compiled from now on, and what that came to. See ``compiling``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from workbench.learning.compiling import Figures, epochs_to_come, figures_key, known_figures, note_figures
from workbench.learning.config import patience_for

if TYPE_CHECKING:
    from workbench.learning.loop import TrainingLoop

__all__ = ["CompileWatch"]

logger = logging.getLogger(__name__)


class CompileWatch:
    """What each epoch's learning took: whether its step was compiled, seconds, steps."""

    def __init__(self) -> None:
        self.learning: list[tuple[bool, float, int]] = []

    def consider(self, loop: TrainingLoop) -> None:
        """Compile the step if the rest of the training repays it; of a compiled one, note what that brought."""
        device = loop.train.device
        if loop.config.compile != "auto" or device.type != "cuda" or loop.history[-1].stopped is not None:
            return
        key = figures_key(device, loop.model.spec.name)
        if loop.step.compiled:
            self._note_gain(key, leads=loop.crew.rank == 0)
            return
        assert loop.best is not None  # noqa: S101 - called after an epoch
        patience = patience_for(len(loop.train), loop.batch_size, loop.config.patience)
        to_come = epochs_to_come(len(loop.history), loop.best[1], patience, loop.config.epochs) * self.learning[-1][1]
        left = loop.config.budget_seconds - (loop.clock() - loop.began)
        if loop.crew.first(known_figures(key).repaid(min(to_come, left))):
            logger.info("the training is compiled: about %.0f s are to come", min(to_come, left))
            loop.step.compile()

    def _note_gain(self, key: str, *, leads: bool) -> None:
        """Once there is an epoch before compiling, the one with it, and one after it."""
        if [compiled for compiled, _, _ in self.learning[-3:]] != [False, True, True]:
            return
        (_, before, steps), (_, during, steps_during), (_, after, steps_after) = self.learning[-3:]
        slow, quick = before / steps, after / steps_after
        cost = max(during - quick * steps_during, 1e-3)
        logger.info("a compiled step is %.2f times as quick; compiling took %.0f s", slow / quick, cost)
        if leads:
            note_figures(key, Figures(cost, slow / quick))
