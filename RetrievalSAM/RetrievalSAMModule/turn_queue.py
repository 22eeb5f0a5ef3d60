"""Steps that are taken one in a turn of Slicer's event loop, so that the window stays alive however many there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import qt

Step = Callable[[], None]


class TurnQueue:
    """Steps in their order."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._take)

    def add(self, step: Step) -> None:
        """Take a step when those before it are taken; it may add others, or clear the queue."""
        self._steps.append(step)
        if not self._timer.active:
            self._timer.start()

    def clear(self) -> None:
        """Forget the steps that were not taken."""
        self._steps.clear()
        self._timer.stop()

    def _take(self) -> None:
        if self._steps:
            step = self._steps.popleft()
            if self._steps:
                self._timer.start()
            step()
