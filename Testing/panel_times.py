"""Measures how long each act at the desk keeps the panel from everything else.

    python Testing/panel_times.py [--repeats 10 10 10] [--times 3]

The acts of `desk_acts.py` are done on the panel outside Slicer, with a worker that computes nothing, on a volume of
12 x 48 x 48 voxels of which each is repeated so often (10 10 10: 120 slices of 480 x 480). A timer beats every five
milliseconds; told is the most processor time that the window's own thread spent between two beats of an act, in
milliseconds. Other programs do not change it, and waiting does not count, of which there is none
(`test_panel_never_waits.py`). What Slicer itself needs to draw its views is not in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT), str(ROOT / "RetrievalSAM" / "Testing" / "Python")]
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer_standin  # noqa: E402

slicer_standin.install()

import qt  # noqa: E402
from desk_acts import DeskTest, large_library, script_of  # noqa: E402
from panel_testing import wait_until  # noqa: E402

_BEAT_MS = 5
MOST_MS = 100.0
"""More than this is a freeze."""


class Heart:
    """A timer of the event loop that notes how long the thread worked between two beats.

    Attributes:
        longest_ms: Processor time of this thread, since it was made.
    """

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last = time.thread_time()
        self._timer = qt.QTimer()
        self._timer.setInterval(_BEAT_MS)
        self._timer.connect("timeout()", self.beat)
        self._timer.start()

    def beat(self) -> None:
        """The loop is alive."""
        now = time.thread_time()
        self.longest_ms = max(self.longest_ms, 1000 * (now - self._last))
        self._last = now

    def stop(self) -> None:
        """Beat once more, and no more."""
        self.beat()
        self._timer.stop()


def measured(repeats: tuple[int, int, int]) -> dict[str, float]:
    """By act the longest gap in ms."""
    found: dict[str, float] = {}

    class Measured(DeskTest):
        def open_module(self, script: dict) -> None:  # type: ignore[type-arg]
            small = script["library.describe"]
            super().open_module(script | {"library.describe": [*small, {"result": large_library(self.folder)}]})

        def test_all(self) -> None:
            for act in self.acts():
                heart = Heart()
                act.do()
                heart.beat()
                wait_until(act.done, act.name)
                if act.waits_for_run:
                    self.wait_until_quiet()
                heart.stop()
                found[act.name] = heart.longest_ms

    Measured.repeats, Measured.script = repeats, script_of(repeats)
    result = unittest.TextTestRunner(stream=sys.stderr).run(unittest.TestSuite([Measured("test_all")]))
    if not result.wasSuccessful():
        raise SystemExit("An act failed; see above.")
    return found


def main() -> int:
    """Prints a table.

    Returns:
        0, or 1 where an act keeps the window longer than `MOST_MS`.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, nargs=3, default=(10, 10, 10), metavar=("K", "J", "I"))
    parser.add_argument(
        "--times", type=int, default=3, help="rounds; the best of each act is told, as a cold start is none"
    )
    options = parser.parse_args()
    rounds = [measured(tuple(options.repeats)) for _round in range(options.times)]
    best = {name: min(one[name] for one in rounds) for name in rounds[0]}
    for name, gap_ms in best.items():
        print(f"| {name} | {gap_ms:.0f} |{' more than ' + str(MOST_MS) if gap_ms > MOST_MS else ''}")
    return 1 if max(best.values()) > MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())
