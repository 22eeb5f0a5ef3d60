"""Whatever is done at the desk, the window's own thread waits for nothing: it asks, and goes on.

No clock decides here (`Testing/panel_times.py` measures): counted is what would keep the window, act by act.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import qt
from desk_acts import CASES, DeskTest, large_library, script_of
from panel_testing import inside_slicer, wait_until
from RetrievalSAMModule.scene import segments_in_file, volume_files

WAIT = "waits for a process"
SLEEP = "sleeps"
OPEN = "opens a file"
WRITE = "writes a slab of a volume"
READ = "reads a result"
_PROCESS_WAITS = ("waitForStarted", "waitForReadyRead", "waitForBytesWritten", "waitForFinished")
_SOURCES = (".py", ".pyc", ".so", ".qm")
"""Of modules that are imported on their first use."""

_FOR_THE_WORKER = (".nrrd",)
"""Counted by what is written into them."""

_counts: Counter[str] | None = None
_opened: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Python's audit hook: files that this thread opens while an act goes on."""
    if _counts is None or event != "open" or threading.current_thread() is not threading.main_thread():
        return
    name, mode, _flags = arguments
    # A folder that is deleted is opened without a mode.
    if isinstance(name, str) and mode is not None and not name.endswith((*_SOURCES, *_FOR_THE_WORKER)):
        _counts[OPEN] += 1
        _opened.append(Path(name).name)


sys.addaudithook(_note)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """What keeps the window's thread while this lasts."""
    global _counts
    found: Counter[str] = Counter()

    def counted(kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                found[kind] += 1
            return original(*arguments, **options)

        return call

    watched = [
        (SLEEP, time, "sleep"),
        (WAIT, subprocess.Popen, "wait"),
        (WAIT, subprocess.Popen, "communicate"),
        (WRITE, volume_files, "write_slab"),
        (READ, segments_in_file, "read_piece"),
    ]
    if not inside_slicer:  # PythonQt's classes cannot be changed
        watched += [(WAIT, qt.QProcess, name) for name in _PROCESS_WAITS]
    with ExitStack() as patches:
        for kind, owner, name in watched:
            patches.enter_context(mock.patch.object(owner, name, counted(kind, getattr(owner, name))))
        _counts = found
        _opened.clear()
        try:
            yield found
        finally:
            _counts = None


class NeverWaitsTest(DeskTest):
    script = script_of(DeskTest.repeats)

    def open_module(self, script: dict[str, list[dict[str, Any]]]) -> None:
        """The first library that is described is the small one, the next has many cases."""
        small = script["library.describe"]
        super().open_module(script | {"library.describe": [*small, {"result": large_library(self.folder)}]})

    def test_no_act_at_the_desk_waits_or_reads_and_writes_more_than_it_must(self) -> None:
        found = {}
        for act in self.acts():
            with counting() as counts:
                act.do()
                wait_until(act.done, act.name)
                if act.waits_for_run:
                    self.wait_until_quiet()
            found[act.name] = counts
            self.assertEqual(counts[WAIT] + counts[SLEEP], 0, f"{act.name}: {dict(counts)}")
            self.assertEqual(counts[OPEN], 0, f"{act.name}: {_opened}")
        # A volume is written for its run, and serves previews and propagations too, which write the segments alone;
        # results are read when they arrive.
        self.assertEqual(
            {name: counts[WRITE] for name, counts in found.items() if counts[WRITE]},
            {"segment": 1, "propagate": 1, "its numbers": 2, "segment again": 1, "keep and teach": 2},
        )
        runs = {"segment", "propagate", "segment again"}
        self.assertEqual({name for name, counts in found.items() if counts[READ]}, runs)
        self.assertEqual(self.library_ui.caseTable.rowCount, CASES)

    def test_the_counting_sees_what_would_keep_the_window(self) -> None:
        with counting() as counts:
            time.sleep(0)
            (self.folder / "log.jsonl").read_text(encoding="utf-8")
            if not inside_slicer:
                qt.QProcess().waitForFinished(0)
        self.assertEqual((counts[SLEEP], counts[OPEN], counts[WAIT]), (1, 1, 0 if inside_slicer else 1))
