"""What of a support library on disk is not what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.files import read_with_checksum, why
from RetrievalSAMLib.library.format import CASE_FILE, LIBRARY_FILE, decode_library


@dataclass(frozen=True)
class Damage:
    """A file of the library that is not what was written.

    Attributes:
        file: Its path below the library's folder, with forward slashes.
        fact: What is wrong with it.
        derived: Whether it may be deleted at any time, and is made anew.
    """

    file: str
    fact: str
    derived: bool = False


def find_damage(library: Path, case_folders: Iterable[Path]) -> list[Damage]:
    """Every file that is missing or not what was written, by path. Changes nothing.

    Args:
        library: The library's folder.
        case_folders: The folders of the cases to look at.
    """
    found = [*_of_the_library(library)]
    for folder in case_folders:
        wrong = list(case_damage(folder))
        if wrong and folder.exists():  # else another program has removed the case meanwhile
            again = list(case_damage(folder))  # what was missing while a case went to the trash and back is there now
            found += [damage for damage in wrong if damage in again]
    damage = (Damage(path.relative_to(library).as_posix(), fact) for path, fact in found)
    return sorted(damage, key=lambda damage: damage.file)


def case_damage(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file of a case that is missing or not what was written, with what is wrong."""
    try:
        yield from Case.read(folder).damage()
    except DamagedLibraryError as error:
        yield Path(error.thing), error.fact
    except OSError as error:
        yield folder / CASE_FILE, why(error)


def _of_the_library(library: Path) -> Iterator[tuple[Path, str]]:
    file = library / LIBRARY_FILE
    try:
        decode_library(read_with_checksum(file), str(file))
    except InputError as error:
        yield Path(error.thing), error.fact
    except OSError as error:
        yield file, why(error)
