"""Every byte of a small library, changed: it is found, or it was derived and counts for nothing; and it is mended."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from RetrievalSAMLib.errors import InputError, NewerLibraryError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.catalogue import FILE as CATALOGUE
from RetrievalSAMLib.library.files import sealed, unsealed
from RetrievalSAMLib.library.upkeep.repair import damage_of, repair
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
from RetrievalSAMLib.retrieval.pixel_sums import FILE as PIXEL_SUMS
from RetrievalSAMLib.retrieval.pixel_sums import PixelSums

from .evidence import made_up_evidence, same_evidence
from .small_library import small_library, state_of

_CHECKSUM = ".sha256"


def flips(work: Path, every: int) -> Iterator[tuple[str, Iterator[str | None]]]:
    """By promise: what is wrong after each trial.

    Args:
        work: A folder.
        every: Try so many-th byte only.
    """
    yield "a changed byte of a library's files is found, and its file named", _found(work / "found", every)
    yield "repair leaves a sound library and loses nothing", _mended(work / "mended", 5 * every)
    yield "a changed byte of the catalogue is found or changes no answer", _catalogue(work / "catalogue", 2 * every)
    yield "a changed byte of other derived files is noticed", _derived(work / "derived", every)


def _flipped(file: Path, every: int, bits: int = 0x01) -> Iterator[int]:
    """The file with each byte changed in turn; afterwards as it was."""
    data = file.read_bytes()
    for position in range(0, len(data), every):
        file.write_bytes(data[:position] + bytes([data[position] ^ bits]) + data[position + 1 :])
        yield position
    file.write_bytes(data)


def _files(library: Path) -> list[Path]:
    below = (path for path in sorted(library.rglob("*")) if path.is_file())
    return [path for path in below if path.relative_to(library).parts[0] != "cache" and path.name != ".lock"]


def _found(folder: Path, every: int) -> Iterator[str | None]:
    small_library(folder)
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        for bits in (0x01, 0xA0):
            for position in _flipped(file, every, bits):
                found = [damage.file.removesuffix(_CHECKSUM) for damage in damage_of(folder) if not damage.derived]
                yield None if found == [name.removesuffix(_CHECKSUM)] else f"{name}, byte {position}: found {found}"
    yield None if damage_of(folder) == [] else "damage was found in a library as it was written"


def _mended(folder: Path, every: int) -> Iterator[str | None]:
    template = folder / "template"
    small_library(template)
    _, removed = state_of(template)
    for file in _files(template):
        name = file.relative_to(template).as_posix()
        for position in _flipped(file, every):
            shutil.rmtree(folder / "tried", ignore_errors=True)
            shutil.copytree(template, folder / "tried")
            before = _contents(template)
            try:
                done = repair(folder / "tried")
                left, (_, still_removed) = damage_of(folder / "tried"), state_of(folder / "tried")
            except NewerLibraryError:
                yield None  # the byte made another format version of it, which is left alone
                continue
            except (InputError, AssertionError) as error:
                yield f"{name}, byte {position}: {error}"
                continue
            lost = before - _contents(folder / "tried")
            wrong = not done or left or lost or (not name.startswith("trash") and still_removed != removed)
            yield f"{name}, byte {position}: done {done}, left {left}, lost {len(lost)}" if wrong else None


def _contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in _files(folder) if path.suffix != _CHECKSUM}


def _catalogue(folder: Path, every: int) -> Iterator[str | None]:
    small_library(folder)
    opened = SupportLibrary.open(folder)

    def answers() -> object:
        return (
            opened.cases(),
            opened.removed(),
            opened.get("A"),
            [opened._catalogue.owner_of(folder / "cases", name) for name in ("A", "b", "c")],
            opened._catalogue.highest_number(),
            sorted(opened._catalogue.segment_sets(folder / "cases")),
        )

    expected, file = answers(), folder / "cache" / CATALOGUE
    sound = file.read_bytes()
    for position in range(0, len(sound), every):
        file.write_bytes(sound[:position] + bytes([sound[position] ^ 0x01]) + sound[position + 1 :])
        found = opened.verify()
        right = bool(found) or answers() == expected
        if found:
            repair(folder)
            right = opened.verify() == [] and answers() == expected
        yield None if right else f"byte {position} of the catalogue: not found, and another answer"


def _derived(folder: Path, every: int) -> Iterator[str | None]:
    evidence = made_up_evidence(0)
    EvidenceFile(folder / "e.evidence").append("key", evidence)
    library = small_library(folder / "library")
    case = library.get("a")
    expected = PixelSums(folder).of(case)
    (folder / "sealed").write_bytes(sealed(b'{"dice": 0.83}'))

    def kept_evidence() -> bool:
        return same_evidence(EvidenceFile(folder / "e.evidence").get("key"), 0) is not False

    def kept_sum() -> bool:
        return PixelSums(folder)._known.get(case.image_hash, expected) == expected

    def kept_json() -> bool:
        try:
            return not unsealed((folder / "sealed").read_bytes())
        except ValueError:
            return True

    readers: dict[str, Callable[[], bool]] = {
        "e.evidence": kept_evidence,
        PIXEL_SUMS: kept_sum,
        "sealed": kept_json,
    }
    for name, is_right in readers.items():
        for position in _flipped(folder / name, every):
            yield None if is_right() else f"{name}, byte {position}: it was believed"
