"""Work that is done bit by bit, one in a turn of Slicer's event loop: the window stays alive however much it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator

import qt

Step = Callable[[], None]
Work = Generator[None, None, None]
"""What it does up to its next `yield` is done in one turn."""


class TurnQueue:
    """Work in its order; the next begins when the one before is done."""

    def __init__(self) -> None:
        self._work: deque[Work] = deque()
        self._current: Work | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._take)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not self._work

    def add(self, step: Step) -> None:
        """Take a step in one turn, when what was added before is done; it may add others, or clear the queue."""
        self.go_through(_once(step))

    def go_through(self, work: Work) -> None:
        """Do work in as many turns as it has parts, when what was added before is done."""
        self._work.append(work)
        if not self._timer.active:
            self._timer.start()

    def clear(self) -> None:
        """Forget what was not done; work that was begun is closed where it is."""
        self._timer.stop()
        waiting, self._work = self._work, deque()
        for work in waiting:
            if work is not self._current:  # whoever clears the queue from within goes on to its next `yield`
                work.close()

    def _take(self) -> None:
        if not self._work or self._current is not None:  # a message box within a step has an event loop of its own
            return
        work = self._current = self._work[0]
        ended = True
        try:
            next(work)
            ended = False
        except StopIteration:
            pass
        finally:
            self._current = None
            is_next = bool(self._work) and self._work[0] is work
            if is_next and ended:
                self._work.popleft()
            elif not is_next:
                work.close()
            if self._work:
                self._timer.start()


def _once(step: Step) -> Work:
    """One step as work of one turn."""
    step()
    yield from ()
