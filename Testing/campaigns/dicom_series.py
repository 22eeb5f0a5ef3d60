"""Damage DICOM series as disks, networks and people do, and count what becomes of them.

python -m Testing.campaigns.dicom_series [--series N] [--seed S]

A whole series is changed once or twice: files cut, emptied, garbled, doubled, swapped, retagged, lost from between
others, moved to another series. It must be refused in words, or come out with the voxels and the grid of the undamaged
series, or a warning must have been said. Prints a row for each kind of change; exit code 1 where one was read with
other voxels without a word, or failed otherwise.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import Volume, read_volume
from RetrievalSAMLib.volumes.formats.dicom.header import DAMAGE

SLICES, ROWS, COLUMNS = 8, 6, 5
EQUAL, REFUSED, TOLD, WRONG = "equal", "refused", "told", "wrong without a word"
_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}
_RETAGS: dict[str, tuple[object, ...]] = {
    "Rows": (ROWS + 1, ROWS - 1, 0),
    "Columns": (COLUMNS + 1, 1),
    "PixelSpacing": ([3, 3], [1.5, 1.4], [0, 0], None),
    "ImagePositionPatient": ([0, 0, 0], [-30, -26, 13], [-30, -20, 18], None),
    "ImageOrientationPatient": ([0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 1], [2, 0, 0, 0, 1, 0], None),
    "RescaleSlope": ("2", "0.5", "0", None),
    "RescaleIntercept": ("7", "-1000", None),
    "BitsAllocated": (8, 32),
    "BitsStored": (12, 8),
    "PixelRepresentation": (0, 1),
    "SamplesPerPixel": (3,),
    "PhotometricInterpretation": ("RGB", "PALETTE COLOR", "MONOCHROME1"),
    "SeriesInstanceUID": (generate_uid(entropy_srcs=["another"]), None),
    "SOPInstanceUID": (generate_uid(entropy_srcs=["another one"]), None),
    "SOPClassUID": (MRImageStorage, "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.7", None),
    "Modality": ("OT", "PT", None),
    "NumberOfFrames": (2, 3),
    "InstanceNumber": (99, 1, None),
    "SeriesNumber": (99, None),
    "TemporalPositionIdentifier": (2,),
    "EchoTime": (12.5,),
}


def make_series(folder: Path, modality: str, chance: random.Random) -> None:
    """A series of one modality; PET has a slope of its own in every slice."""
    folder.mkdir(parents=True)
    values = np.random.default_rng(chance.getrandbits(32)).integers(0, 2000, (SLICES, ROWS, COLUMNS))
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for k, plane in enumerate(values):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = _CLASSES[modality], generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.SOPClassUID, slice_.SOPInstanceUID = _CLASSES[modality], meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.Modality, slice_.SeriesNumber, slice_.InstanceNumber = modality, 2, k + 1
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [-30, -26, 12 + 3 * k], [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.SliceThickness = [1.5, 1.5], 3
        slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = ROWS, COLUMNS, 1
        slice_.PhotometricInterpretation = "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 0
        slice_.RescaleSlope = str(0.5 + k / 4) if modality == "PT" else "1"
        slice_.RescaleIntercept = "-1024" if modality == "CT" else "0"
        slice_.PixelData = plane.astype("<u2").tobytes()
        slice_.save_as(folder / f"IM{k:04d}.dcm", enforce_file_format=True)


def _cut(files: list[Path], chance: random.Random) -> None:
    path = chance.choice(files)
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def _garble(files: list[Path], chance: random.Random) -> None:
    """Bits of the header turned over: what says where the pixels lie and what they mean."""
    path = chance.choice(files)
    data = bytearray(path.read_bytes())
    end = len(data) - 2 * ROWS * COLUMNS
    for _ in range(chance.choice((1, 1, 2, 20))):
        data[chance.randrange(128, end)] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def _reverse(files: list[Path], chance: random.Random) -> None:
    path = chance.choice(files)
    data = path.read_bytes()
    start = chance.choice((0, 132, len(data) // 2))
    path.write_bytes(data[:start] + bytes(reversed(data[start:])))


def _double(files: list[Path], chance: random.Random) -> None:
    path = chance.choice(files)
    place = chance.choice((path.with_name("copy.dcm"), path.with_name("IM0100.dcm"), path.parent / "b" / path.name))
    place.parent.mkdir(exist_ok=True)
    shutil.copy(path, place)
    if chance.random() < 0.5:
        copy = pydicom.dcmread(place)
        if chance.random() < 0.5:
            copy.SOPInstanceUID = generate_uid()
        if chance.random() < 0.5:
            copy.PixelData = bytes(len(copy.PixelData))
        copy.save_as(place)


def _overwrite(files: list[Path], chance: random.Random) -> None:
    """One file in the place of another, which is gone."""
    source, target = chance.sample(files, 2)
    shutil.copy(source, target)


def _swap_names(files: list[Path], chance: random.Random) -> None:
    one, other = chance.sample(files, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _swap_tags(files: list[Path], chance: random.Random) -> None:
    one, other = chance.sample(files, 2)
    keyword = chance.choice(("ImagePositionPatient", "InstanceNumber", "SOPInstanceUID"))
    first, second = pydicom.dcmread(one), pydicom.dcmread(other)
    kept = first[keyword].value
    setattr(first, keyword, second[keyword].value)
    setattr(second, keyword, kept)
    first.save_as(one)
    second.save_as(other)


def _retag(files: list[Path], chance: random.Random) -> None:
    keyword = chance.choice(sorted(_RETAGS))
    value = chance.choice(_RETAGS[keyword])
    path = chance.choice(files)
    dataset = pydicom.dcmread(path)
    if keyword == "RescaleSlope" and dataset.get("Modality") == "PT":
        value = None  # in PET every slope may be right
    if value is None:
        delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def _lose(files: list[Path], chance: random.Random) -> None:
    """A slice from between others: nothing in a series tells of one that is not there at its end."""
    heights = {path: float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in files}
    chance.choice(sorted(files, key=heights.__getitem__)[1:-1]).unlink()


def _replace_by_text(files: list[Path], chance: random.Random) -> None:
    chance.choice(files).write_text("The requested file was not found.\n" * chance.randrange(20))


Change = Callable[[list[Path], random.Random], None]
CHANGES: dict[str, Change] = {
    "cut": _cut,
    "bits of the header turned": _garble,
    "bytes reversed": _reverse,
    "doubled": _double,
    "overwritten by another slice": _overwrite,
    "names swapped": _swap_names,
    "tags swapped": _swap_tags,
    "retagged": _retag,
    "lost from the middle": _lose,
    "replaced by text": _replace_by_text,
}


@dataclass
class Counts:
    """What became of the series, by kind of change."""

    by_change: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)


def outcome(folder: Path, undamaged: Volume) -> str:
    """What becomes of a series."""
    try:
        found = read_volume(folder)
    except InputError as error:
        assert error.thing and error.fact and error.remedy
        return REFUSED
    same_grid = found.geometry.difference(undamaged.geometry) is None
    if same_grid and np.array_equal(found.voxels, undamaged.voxels):
        return EQUAL
    return TOLD if found.notes else WRONG


def run(series: int, seed: int) -> Counts:
    """Damage so many series."""
    counts = Counts()
    with tempfile.TemporaryDirectory() as place:
        for number in range(series):
            chance = random.Random(f"{seed} {number}")
            folder = Path(place, "series")
            make_series(folder, chance.choice(sorted(_CLASSES)), chance)
            undamaged = read_volume(folder)
            names = [list(CHANGES)[number % len(CHANGES)]]
            if chance.random() < 0.3:
                # Places and numbers of two slices swapped together make another series that is right in itself.
                names.append(chance.choice([name for name in CHANGES if (*names, name) != ("tags swapped",) * 2]))
            applied = []
            for name in names:
                files = sorted(folder.glob("IM00*.dcm"))
                try:
                    CHANGES[name](files, chance)
                    applied.append(name)
                except DAMAGE:
                    continue  # the first change left nothing that this one could take hold of
            found = outcome(folder, undamaged)
            counts.by_change[names[0]][found] += 1
            if found == WRONG:
                counts.wrong.append(f"seed {seed}, series {number}: {' and '.join(applied)}")
                print(counts.wrong[-1], file=sys.stderr, flush=True)
            shutil.rmtree(folder)
    return counts


def main() -> int:
    """Damage what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    counts = run(options.series, options.seed)
    seconds = time.perf_counter() - began
    print(f"| change | series | {EQUAL} | {REFUSED} | {TOLD} | {WRONG} |\n|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    for name, found in counts.by_change.items():
        total.update(found)
        print(f"| {name} | {found.total()} | {found[EQUAL]} | {found[REFUSED]} | {found[TOLD]} | {found[WRONG]} |")
    print(f"| all | {total.total()} | {total[EQUAL]} | {total[REFUSED]} | {total[TOLD]} | {total[WRONG]} |")
    print(f"\n{seconds:.0f} s")
    return 1 if counts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
