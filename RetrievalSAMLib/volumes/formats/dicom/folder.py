"""All DICOM files below a folder, each once, with what could not be read named and nothing passed over in silence."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ....errors import InputError
from ...claims import check_encodable
from .frame import DicomFile, Kind
from .header import DICOM_ENDINGS, START_BYTES, Damaged, looks_like_dicom, read_file
from .quiet import quiet

_MOST_FILES = 100_000
_NUMBER = re.compile("[0-9a-f]*[0-9][0-9a-f]*", re.IGNORECASE)
_DIRECTORY = "dicomdir"


@dataclass(frozen=True)
class Unreadable:
    """A file that should be DICOM.

    Attributes:
        path: The file.
        fact: What is wrong, as a clause.
    """

    path: Path
    fact: str


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        files: Whole DICOM files by their path, each instance once.
        unreadable: DICOM files that are not whole.
        strangers: Files without DICOM in them.
        copies: How many files were left out because another one is the same.
        contradictions: Pairs of files that claim to be one image, and differ.
    """

    files: tuple[DicomFile, ...]
    unreadable: tuple[Unreadable, ...]
    strangers: tuple[Path, ...] = field(repr=False)
    copies: int
    contradictions: tuple[tuple[DicomFile, DicomFile], ...] = ()

    def images(self) -> list[DicomFile]:
        """The files that hold pixels of an image."""
        return [file for file in self.files if file.kind is Kind.IMAGE]

    def check_nothing_vanishes(self, name: str, used: set[Path], read: list[DicomFile]) -> None:
        """Refuse a series beside which a file lies that may be a part of it.

        Args:
            name: The folder as the user typed it.
            used: The folders of the series.
            read: The files of the series.

        Raises:
            InputError: It names the file.
        """
        for one, other in self.contradictions:
            if one in read:
                raise InputError(
                    name,
                    f"its files {one.path.name} and {other.path.name} claim to be one image and differ",
                    "Keep the one that is right, and move the other elsewhere.",
                )
        patterns = {(file.path.parent, _pattern(file.path)) for file in read}
        for unreadable in self.unreadable:
            if unreadable.path.parent in used:
                raise damaged_file(name, unreadable)
        for path in self.strangers:
            if path.parent in used and ((path.parent, _pattern(path)) in patterns or _named_dicom(path)):
                fact = "it is empty (0 bytes)" if path.stat().st_size == 0 else "there is no DICOM in it"
                raise damaged_file(name, Unreadable(path, fact))


def damaged_file(name: str, file: Unreadable) -> InputError:
    """For the user: which file of a folder is damaged."""
    return InputError(
        name,
        f"its file {file.path.name}: {file.fact}",
        "Copy or export the series again; if the file is none of it, move it elsewhere.",
    )


def files_below(folder: Path, name: str, *, deep: bool = True) -> Found:
    """Look at every file of a folder.

    Args:
        folder: The folder.
        name: Its name as the user typed it, for messages.
        deep: Also look into folders below it.

    Raises:
        InputError: It holds far too many files, or a path is no Unicode.
        OSError: The folder cannot be read.
    """
    files: list[DicomFile] = []
    unreadable: list[Unreadable] = []
    strangers: list[Path] = []
    with quiet():
        for path in _walk(folder, name, deep):
            check_encodable(str(path))
            try:
                with path.open("rb") as stream:
                    start = stream.read(START_BYTES)
                if looks_like_dicom(start):
                    files.append(read_file(path))
                else:
                    strangers.append(path)
            except Damaged as error:
                unreadable.append(Unreadable(path, str(error)))
            except OSError as error:
                unreadable.append(Unreadable(path, f"it cannot be opened ({error.strerror or error})"))
    unique, contradictions = _each_once(files)
    copies = len(files) - len(unique) - len(contradictions)
    return Found(tuple(unique), tuple(unreadable), tuple(strangers), copies, tuple(contradictions))


def holds_dicom(folder: Path) -> bool:
    """Whether a folder itself has a DICOM image; files are looked at up to the first one."""
    return next(image_files(folder), None) is not None


def image_files(folder: Path) -> Iterator[Path]:
    """The whole DICOM images in a folder, not below it, by name.

    Raises:
        InputError: A path is no Unicode.
        OSError: The folder cannot be read.
    """
    for path in _walk(folder, str(folder), deep=False):
        check_encodable(str(path))
        try:
            with path.open("rb") as stream:
                start = stream.read(START_BYTES)
            if looks_like_dicom(start):
                with quiet():
                    found = read_file(path)
                if found.kind is Kind.IMAGE:
                    yield path
        except (Damaged, OSError):  # whoever reads the series says what is wrong
            continue


def _walk(folder: Path, name: str, deep: bool) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    seen = 0
    for parent, below, names in os.walk(folder, onerror=refuse):
        below[:] = sorted(one for one in below if deep and not one.startswith("."))
        for one in sorted(names):
            path = Path(parent, one)
            # Copies made on a Mac have a hidden file beside each.
            if one.startswith(".") or one.casefold() == _DIRECTORY or not path.is_file():
                continue
            seen += 1
            if seen > _MOST_FILES:
                raise InputError(name, f"it holds more than {_MOST_FILES} files", "Give the folder of one study.")
            yield path


def _each_once(files: list[DicomFile]) -> tuple[list[DicomFile], list[tuple[DicomFile, DicomFile]]]:
    """The files without those that claim to be one before, and of these the pairs that differ."""
    first: dict[tuple[str, str], DicomFile] = {}
    unique, contradictions = [], []
    for file in files:
        same = first.setdefault((file.series.uid, file.instance_uid), file) if file.instance_uid else file
        if same is file:
            unique.append(file)
        elif not _same_content(same.path, file.path):
            contradictions.append((same, file))
    return unique, contradictions


def _same_content(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and _digest(one) == _digest(other)


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _pattern(path: Path) -> str:
    """A name with every number in it replaced: the files of a series have one pattern, or few."""
    return _NUMBER.sub("#", path.name.casefold())


def _named_dicom(path: Path) -> bool:
    return path.name.lower().endswith(DICOM_ENDINGS)
