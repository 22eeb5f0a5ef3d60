"""What is found so far, shown while a run goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from ...volumes import Segmentation
from ..settings.options import Partial
from .fusion import Canvas

LEAST_SECONDS = 2.0
LARGEST_SHARE = 0.05


class Growing:
    """Hands out what a run has found so far, seldom enough to cost next to nothing.

    At most every `LEAST_SECONDS`, and so seldom that making and taking it has at most `LARGEST_SHARE` of the time.

    Args:
        tell: Who is given it.
        on_target: Brings a segmentation on the canvas's grid to the target's.
        clock: Gives seconds.
    """

    def __init__(
        self,
        tell: Partial,
        on_target: Callable[[Segmentation], Segmentation],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tell, self._on_target, self._clock = tell, on_target, clock
        self._canvas: Canvas | None = None
        self._before: Canvas | None = None
        self._views = 1
        self._drawn: Counter[int] = Counter()
        self._next = clock() + LEAST_SECONDS

    def begin(self, canvas: Canvas, views: int) -> None:
        """A pass begins on an empty canvas; what the pass before it found is shown until it is found anew.

        Args:
            canvas: Of the pass.
            views: How often every slice is drawn on it.
        """
        self._canvas, self._before = canvas, self._canvas
        self._views = views
        self._drawn.clear()

    def drawn(self, index: int, done: int, total: int) -> None:
        """A slice was drawn on the canvas.

        Args:
            index: The slice.
            done: Steps of the pass that are done.
            total: Steps of the pass.
        """
        self._drawn[index] += 1
        began = self._clock()
        # After the last step the whole result is near, or a closer look begins with this one.
        if began < self._next or done == total:
            return
        self._tell(self._on_target(self._so_far()), done, total)
        ended = self._clock()
        self._next = ended + max(LEAST_SECONDS, (ended - began) * (1 / LARGEST_SHARE - 1))

    def _so_far(self) -> Segmentation:
        assert self._canvas is not None  # a slice was drawn on it
        canvas = self._canvas
        labels = canvas.labels.copy()
        free = {row: mask.copy() for row, mask in canvas.free.items()}
        if self._before is not None:
            complete = [index for index, count in self._drawn.items() if count == self._views]
            old = np.ones(len(labels), dtype=bool)
            old[complete] = False
            labels[old] = self._before.labels[old]
            for row, mask in free.items():
                mask[old] = self._before.free[row][old]
        rows = sorted(free)
        layers = [labels, *(free[row].astype(np.uint8) for row in rows)]
        return Segmentation(
            canvas.segments,
            tuple(canvas.frame.from_slices(layer) for layer in layers),
            tuple(1 + rows.index(n) if n in free else 0 for n in range(len(canvas.segments))),
            tuple(1 if n in free else s.value for n, s in enumerate(canvas.segments)),
            canvas.frame.geometry,
        )
