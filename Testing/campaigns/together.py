"""Several processes use one library at once, and one of them is killed over and over: nothing is lost or half-read."""

from __future__ import annotations

import json
import logging
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Case, Provenance, SupportLibrary
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive

from .small_library import pair, state_of

_WRITERS, _READERS = 3, 2
_LEAST = 8
"""Operations of each that is not killed, however slow the computer is."""
_LONGEST_LIFE_SECONDS = 0.5
_SPAWNING = multiprocessing.get_context("spawn")  # as on Windows and macOS
Act = Callable[[SupportLibrary, str, Event, Path], None]


def together(work: Path, seconds: float) -> Iterator[tuple[str, Iterator[str | None]]]:
    """By promise: what is wrong with each operation, and with the library at the end.

    Args:
        work: A folder.
        seconds: How long to go on.
    """
    yield "processes that change and read one library at once lose nothing", _outcomes(work / "together", seconds)


def _outcomes(work: Path, seconds: float) -> Iterator[str | None]:
    work.mkdir()
    folder = work / "lib"
    SupportLibrary.create(folder)
    named: dict[str, Act] = {f"w{number}": write for number in range(_WRITERS)}
    named |= {f"r{number}": read for number in range(_READERS)}
    stop = _SPAWNING.Event()
    running = {name: _start(folder, name, act, stop) for name, act in named.items()}
    for process, begun in running.values():
        _wait_for(process, begun)
    chance, kills, until = random.Random(1), 0, time.monotonic() + seconds
    while kills == 0 or time.monotonic() < until:
        never = _SPAWNING.Event()  # of its own: a killed process may hold the lock of one
        doomed, begun = _start(folder, f"k{kills}", write, never)
        _wait_for(doomed, begun)
        doomed.join(chance.uniform(0.0, _LONGEST_LIFE_SECONDS))
        doomed.kill()
        doomed.join()
        kills += 1
    stop.set()
    expected: dict[str, int | None] = {}
    for name, (process, _) in running.items():
        process.join()
        yield None if process.exitcode == 0 else f"{name} ended with {process.exitcode}"
        told = json.loads(_report(folder, name).read_text()) if process.exitcode == 0 else {}
        expected |= told.get("left", {})
        yield from told.get("outcomes", [])
    yield from [None] * kills
    yield _end(folder, expected)


def _start(folder: Path, name: str, act: Act, stop: Event) -> tuple[BaseProcess, Event]:
    begun = _SPAWNING.Event()
    process = _SPAWNING.Process(target=_begin, args=(act, folder, name, begun, stop), daemon=True)
    process.start()
    return process, begun


def _wait_for(process: BaseProcess, begun: Event) -> None:
    while not begun.wait(1):
        assert process.is_alive(), "a process could not begin"


def _begin(act: Act, folder: Path, name: str, begun: Event, stop: Event) -> None:
    logging.disable(logging.WARNING)  # that another process was interrupted is what happens here
    library = SupportLibrary.open(folder)
    begun.set()
    act(library, name, stop, _report(folder, name))


def _report(folder: Path, name: str) -> Path:
    return folder.with_name(f"{name}.json")


def _end(folder: Path, expected: dict[str, int | None]) -> str | None:
    """What is wrong at the end; `expected` are the versions of each case, None for one in the trash."""
    try:
        state_of(folder)
        library = SupportLibrary.open(folder)
        library.add(*pair(0), name="the last")
        found: dict[str, int | None] = {case.name: len(case.versions) for case in library.cases()}
        found |= {case.name: None for case in library.removed()}
    except (AssertionError, InputError, OSError) as error:
        return f"at the end: {type(error).__name__}: {error}"
    wrong = {
        name: (versions, found.get(name, 0)) for name, versions in expected.items() if found.get(name, 0) != versions
    }
    if wrong:
        return f"at the end other than its writer left it: {wrong}"
    left = [name for name in (".staging", ".arriving", ".writer.json") if (folder / name).exists()]
    return f"left behind: {left}" if left else None


def _seed(name: str) -> int:
    """Of a case's voxels, by its name: whoever reads it knows what must be in it."""
    writer, _, number = name.partition("-")
    return (ord(writer[0]) * 1000 + int(writer[1:])) * 10_000 + int(number)


def _check(case: Case) -> str | None:
    """Read a case and compare it with what was written."""
    for _ in range(2):  # while it goes to the trash and comes back its files are missing
        try:
            image, drawn = case.load()
            break
        except InputError as error:
            if not case.folder.exists():
                return None  # removed meanwhile
            fault = f"{case.name}: {error}"
    else:
        return fault
    version = len(case.versions) - 1
    expected, expected_drawn = pair(_seed(case.name))[0], pair(_seed(case.name) + version)[1]
    same = np.array_equal(image.voxels, expected.voxels) and np.array_equal(drawn.labelmap(), expected_drawn.labelmap())
    return None if same else f"{case.name}: other voxels than were written"


def write(library: SupportLibrary, name: str, stop: Event, report: Path) -> None:
    """Add, correct, remove, restore, export and import cases of one's own."""
    chance = random.Random(name)
    left: dict[str, int | None] = {}
    outcomes: list[str | None] = []
    number = 0

    def act() -> str | None:
        nonlocal number
        in_use = [case for case, versions in left.items() if versions is not None]
        removed = [case for case, versions in left.items() if versions is None]
        what = chance.choice(("add", "version", "remove", "restore", "carry", "check"))
        if what == "remove" and in_use:
            library.remove(case := chance.choice(in_use))
            left[case] = None
        elif what == "restore" and removed:
            case = chance.choice(removed)
            left[case] = len(library.restore(case).versions)
        elif what == "version" and in_use:
            case = chance.choice(in_use)
            drawn = pair(_seed(case) + len(library.get(case).versions))[1]
            left[case] = len(library.add_version(case, drawn, provenance=Provenance()).versions)
        elif what == "carry" and in_use:
            return carry(chance.choice(in_use))
        elif what == "check" and in_use:
            return _check(library.get(chance.choice(in_use)))
        else:
            number += 1
            case = f"{name}-{100 * number}"
            library.add(*pair(_seed(case)), name=case)
            left[case] = 1
        return None

    def carry(case: str) -> str | None:
        """Out into a file and in again: skipped, because it is there."""
        file = report.with_suffix(".rslib")
        export_library(library, file, [case])
        return f"{case} was taken in twice" if import_archive(library, file).added else None

    while not stop.is_set() or len(outcomes) < _LEAST:
        try:
            outcomes.append(act())
        except InputError as error:
            outcomes.append(f"{name}: {error}")
    report.write_text(json.dumps({"left": left, "outcomes": outcomes}))


def read(library: SupportLibrary, name: str, stop: Event, report: Path) -> None:
    """List, load and verify all that is there."""
    chance = random.Random(name)
    outcomes: list[str | None] = []
    while not stop.is_set() or len(outcomes) < _LEAST:
        try:
            library = SupportLibrary.open(library.path)
            cases = library.cases()
            left_out = library.left_out()
            outcomes.append(f"{name}: left out {left_out}" if left_out else None)
            outcomes += [_check(case) for case in chance.sample(cases, min(len(cases), 5))]
            damage = library.verify()
            outcomes.append(f"{name}: {damage}" if damage else None)
            names = [case.name for case in cases]
            outcomes.append(None if len(set(names)) == len(names) else f"{name}: a name twice")
        except InputError as error:
            outcomes.append(f"{name}: {error}")
    report.write_text(json.dumps({"outcomes": outcomes}))
