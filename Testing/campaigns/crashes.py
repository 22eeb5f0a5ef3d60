"""Every change of a library, with every fault at every file operation of it: the old or the new state is left."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library import Provenance, SupportLibrary
from RetrievalSAMLib.library.lock import NOTE_FILE
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive
from RetrievalSAMLib.library.upkeep.repair import repair
from RetrievalSAMLib.volumes import write_segmentation, write_volume
from RetrievalSAMLib.volumes.reading import read_segmentation, read_volume

from .faults import FAULTS, KILLED, NOT_REACHED, REFUSED, Fault, in_child
from .small_library import pair, small_library, state_of


@dataclass(frozen=True)
class Change:
    """Something that changes a folder in which there is a library, `lib`.

    Attributes:
        name: For reports.
        act: Does it.
        state: What of the folder counts, after it was opened again; raises what shows that something is damaged.
        between: Whether a state in between is one that it may stop at: a whole case more or less.
        derived: Whether it only keeps what can be made again: it may be missing afterwards, without a word.
        prepare: Makes more of the folder, before.
    """

    name: str
    act: Callable[[Path], object]
    state: Callable[[Path], object] = lambda folder: state_of(folder / "lib")
    between: bool = False
    derived: bool = False
    prepare: Callable[[Path], object] = lambda folder: None


def _library(folder: Path) -> SupportLibrary:
    return SupportLibrary.open(folder / "lib")


def _add_archive(folder: Path) -> None:
    other = SupportLibrary.create(folder / "other")
    for seed in range(10, 13):
        other.add(*pair(seed))
    export_library(other, folder / "in.rslib")
    shutil.rmtree(folder / "other")


def _add_files(folder: Path) -> None:
    for seed in (20, 21):
        image, drawn = pair(seed)
        write_volume(image, folder / f"{seed}.nrrd")
        write_segmentation(drawn, folder / f"{seed}.seg.nrrd")


def _import_files(folder: Path) -> None:
    for seed in (20, 21):
        _library(folder).add(read_volume(folder / f"{seed}.nrrd"), read_segmentation(folder / f"{seed}.seg.nrrd"))


def _exported(folder: Path) -> object:
    """The library, and what is in the file of an export, which is whole or not there."""
    file, contents = folder / "out.rslib", None
    if file.exists():
        shutil.rmtree(folder / "read", ignore_errors=True)
        unpacked = SupportLibrary.create(folder / "read")
        import_archive(unpacked, file)
        contents = [case.content_hash for case in unpacked.cases()]
    return state_of(folder / "lib"), contents


def _created(folder: Path) -> object:
    try:
        return state_of(folder / "new")
    except InputError:
        return SupportLibrary.create(folder / "new").cases() and None


def _damage(folder: Path) -> None:
    cases = {case.name: case for case in _library(folder).cases()}
    cases["a"].segmentation_path.write_bytes(b"damaged")
    (cases["b"].folder / "case.json").write_bytes(b"{}")


def _repaired(folder: Path) -> object:
    """After another repair: nothing that was there before is gone."""
    repair(folder / "lib")
    kept = sorted(path.read_bytes() for path in (folder / "lib").rglob("*.seg.nrrd"))
    names = [case.name for case in _library(folder).cases()]
    assert b"damaged" in kept and (folder / "lib" / "quarantine").is_dir()
    return state_of(folder / "lib")[1], set(names) <= {"a"}


def _learn(folder: Path, weights: bytes) -> None:
    """Put an expert in the place of the one there is: to the library it is bytes that name others by their hash."""
    described = {"weights": hashlib.sha256(weights).hexdigest(), "members": []}
    _library(folder).learned.replace(json.dumps(described).encode(), weights)


def _learned(folder: Path) -> object:
    """Cases, and a whole expert."""
    files = _library(folder).learned
    named = files.named()
    return state_of(folder / "lib"), None if named is None else files.weights(named.weights)


CHANGES = (
    Change("create", lambda folder: SupportLibrary.create(folder / "new"), _created),
    Change("add", lambda folder: _library(folder).add(*pair(4), name="d")),
    Change("version", lambda folder: _library(folder).add_version("a", pair(5)[1], provenance=Provenance())),
    Change("remove", lambda folder: _library(folder).remove("b")),
    Change("restore", lambda folder: _library(folder).restore("c")),
    Change(
        "empty trash",
        lambda folder: _library(folder).empty_trash(),
        between=True,
        prepare=lambda folder: _library(folder).remove("b"),
    ),
    Change("import", lambda folder: import_archive(_library(folder), folder / "in.rslib"), prepare=_add_archive),
    Change("import of files", _import_files, between=True, prepare=_add_files),
    Change("first expert", lambda folder: _learn(folder, b"first"), _learned),
    Change(
        "another expert",
        lambda folder: _learn(folder, b"second"),
        _learned,
        prepare=lambda folder: _learn(folder, b"first"),
    ),
    Change("export", lambda folder: export_library(_library(folder), folder / "out.rslib"), _exported),
    Change(
        "catalogue",
        lambda folder: (_library(folder).cases(), _library(folder).removed()),
        prepare=lambda folder: shutil.rmtree(folder / "lib" / "cache"),
    ),
    Change("repair", lambda folder: repair(folder / "lib"), _repaired, between=True, prepare=_damage),
)


@dataclass(frozen=True)
class Ready:
    """A change to try many times.

    Attributes:
        change: The change.
        work: A folder with what it changes, and a place for a copy of that.
        old: State without the change.
        new: State with it.
    """

    change: Change
    work: Path
    old: object
    new: object

    @classmethod
    def of(cls, change: Change, work: Path) -> Ready:
        """Prepare a change in an empty folder."""
        (work / "template").mkdir(parents=True)
        small_library(work / "template" / "lib")
        change.prepare(work / "template")
        ready = cls(change, work, None, None)
        old = change.state(ready.fresh())
        change.act(ready.fresh())
        return replace(ready, old=old, new=change.state(work / "tried"))

    def fresh(self) -> Path:
        """A new copy of what is changed."""
        shutil.rmtree(self.work / "tried", ignore_errors=True)
        return Path(shutil.copytree(self.work / "template", self.work / "tried"))


def outcomes(ready: Ready, fault: Fault, every: int, first: int) -> Iterator[str | None]:
    """For every n-th file operation of a change, what is wrong afterwards; None where nothing is."""
    at, ended = first, 0
    while ended != NOT_REACHED:
        folder = ready.fresh()
        ended, said = in_child(lambda folder=folder: ready.change.act(folder), folder, fault, at, (InputError,))
        where = f"{ready.change.name}, {fault.name}, operation {at}"
        yield _wrong(ready.change, folder, ready.old, ready.new, ended, said, where)
        at += every


def _wrong(change: Change, folder: Path, old: object, new: object, ended: int, said: str, where: str) -> str | None:
    if ended not in (0, NOT_REACHED, KILLED, REFUSED):
        return f"{where}: ended with {ended}: {said}"
    try:
        found = change.state(folder)
        if ended in (0, NOT_REACHED) and found != new and not (change.derived and found == old):
            return f"{where}: it was said to be done, and is not"
        if found not in (old, new) and not change.between:
            return f"{where}: neither the old nor the new state: {found}"
        # Whoever writes next finds everything in order, and clears what was left.
        _library(folder).add(*pair(99), name="next")
        state_of(folder / "lib")
    except (AssertionError, DamagedLibraryError, InputError, OSError) as error:
        return f"{where}: {type(error).__name__}: {error}"
    left = [name for name in (".staging", ".arriving", NOTE_FILE) if (folder / "lib" / name).exists()]
    return f"{where}: left behind: {left}" if left else None


def crashes(work: Path, every: int, changes: Sequence[Change] = CHANGES) -> Iterator[tuple[str, Iterator[str | None]]]:
    """By fault: what is wrong after each trial, over all of the changes.

    Args:
        work: A folder.
        every: Try so many-th operation only; each fault begins with another one.
        changes: What is done.
    """
    ready = [Ready.of(change, work / change.name) for change in changes]
    for number, fault in enumerate(FAULTS):
        first = number * every // len(FAULTS)
        yield fault.name, chain.from_iterable(outcomes(one, fault, every, first) for one in ready)
