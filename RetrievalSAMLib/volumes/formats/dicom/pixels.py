"""The numbers of frames: decoded, and each rescaled by its own slope and intercept (HU in CT, Bq/ml in PET)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from ...claims import check_claim
from .folder import Unreadable, damaged_file
from .frame import Frame, Stored
from .header import DAMAGE, Damaged, read_dataset
from .quiet import quiet

_EXACT_IN_SINGLE = 16
"""Stored bits whose multiples a 32-bit float still tells apart."""
_NEEDED = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "NumberOfFrames", "PixelData", "PlanarConfiguration",
)  # fmt: skip


def voxels_of(frames: Sequence[Frame], name: str) -> np.ndarray:
    """The frames' values.

    Integers where all slopes and intercepts are whole numbers: the type of the file where nothing is rescaled, else
    int16 where it is wide enough. Otherwise float32, and float64 where more than 16 bits are stored. Nothing wraps
    round. Bits beyond the stored ones (old overlays) are no part of a number.

    Args:
        frames: Of one size, in the order of the slices.
        name: The folder as the user typed it.

    Returns:
        (slice, row, column).

    Raises:
        InputError: A frame cannot be decoded; the message names its file.
    """
    rows, columns = frames[0].shape
    target = _target_type(frames)
    check_claim(name, (columns, rows, len(frames)), target.itemsize, None, "raw")
    volume = np.empty((len(frames), rows, columns), target)
    place = {id(frame): index for index, frame in enumerate(frames)}
    in_files = sorted(frames, key=lambda frame: (str(frame.path), frame.index))
    with quiet():
        for path, group in groupby(in_files, key=lambda frame: frame.path):
            members = list(group)
            try:
                for frame, values in zip(members, _values(path, members), strict=True):
                    if values.shape != (rows, columns):
                        raise Damaged("its pixels have another size than its header says")
                    if not _fits(values, volume.dtype):
                        volume = volume.astype(_wider(values, volume.dtype))
                    volume[place[id(frame)]] = values
            except Damaged as error:
                raise damaged_file(name, Unreadable(path, str(error))) from error
            except OSError as error:
                fact = f"it cannot be opened ({error.strerror or error})"
                raise damaged_file(name, Unreadable(path, fact)) from error
    return volume


def rescaled_each_its_own_way(frames: Sequence[Frame], slopes_vary: bool) -> bool:
    """Whether slope or intercept change from slice to slice; of slopes only where that is not the usual."""
    return len({(1.0 if slopes_vary else frame.slope, frame.intercept) for frame in frames}) > 1


def stored_each_its_own_way(frames: Sequence[Frame]) -> bool:
    """Whether the numbers are kept in different ways."""
    return len({frame.stored for frame in frames}) > 1


def _target_type(frames: Sequence[Frame]) -> np.dtype:
    """Of the values; for integers the narrowest that may do, and widened on the way where it does not."""
    if any(frame.stored.real for frame in frames):
        bits = max(frame.stored.bits_allocated for frame in frames)
        return np.dtype(np.float64 if bits > 32 else np.float32)
    if not all(float(number).is_integer() for frame in frames for number in (frame.slope, frame.intercept)):
        most = max(frame.stored.bits_stored for frame in frames)
        return np.dtype(np.float32 if most <= _EXACT_IN_SINGLE else np.float64)
    if all((frame.slope, frame.intercept) == (1, 0) for frame in frames):
        return np.result_type(*{_stored_type(frame.stored) for frame in frames})
    return np.dtype(np.int16)


def _stored_type(stored: Stored) -> np.dtype:
    width = next((bits for bits in (8, 16, 32, 64) if bits >= stored.bits_allocated), 64)
    return np.dtype(f"{'i' if stored.signed else 'u'}{width // 8}")


def _fits(values: np.ndarray, kind: np.dtype) -> bool:
    if kind.kind == "f" or values.dtype == kind:
        return kind.kind == "f" or values.dtype.kind != "f"
    if values.dtype.kind == "f":  # a lookup table with other numbers than its header says
        return False
    info = np.iinfo(kind)
    return bool(info.min <= values.min() and values.max() <= info.max)


def _wider(values: np.ndarray, kind: np.dtype) -> np.dtype:
    if values.dtype.kind == "f":
        return np.dtype(np.float64)
    least, most = int(values.min()), int(values.max())
    needed = next(
        np.dtype(one) for one in ("i2", "i4", "i8") if np.iinfo(one).min <= least and most <= np.iinfo(one).max
    )
    return np.result_type(kind, needed)


def _values(path: Path, frames: Sequence[Frame]) -> Iterator[np.ndarray]:
    """(row, column) of every frame, in the order given: as the file keeps them, rescaled."""
    dataset = read_dataset(path)
    indices = [frame.index for frame in frames]
    for frame, stored in zip(frames, _stored(dataset, indices), strict=True):
        if "ModalityLUTSequence" in dataset:
            yield _by_table(stored, dataset)
        elif frame.stored.real:
            yield stored * frame.slope + frame.intercept if (frame.slope, frame.intercept) != (1, 0) else stored
        else:
            yield _rescaled(_used_bits(stored, frame.stored), frame)


def _by_table(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    try:
        return np.asarray(apply_modality_lut(stored, dataset))
    except DAMAGE as error:
        raise Damaged("its Modality LUT is damaged") from error


def _rescaled(stored: np.ndarray, frame: Frame) -> np.ndarray:
    slope, intercept = frame.slope, frame.intercept
    if (slope, intercept) == (1, 0):
        return stored
    if float(slope).is_integer() and float(intercept).is_integer():
        if max(abs(slope), abs(intercept)) * 2.0 ** (frame.stored.bits_stored + 1) > 2.0**62:
            raise Damaged("its slope or intercept are beyond all measure")
        values: np.ndarray = stored.astype(np.int64) * int(slope) + int(intercept)
        return values
    return stored.astype(np.float64) * slope + intercept


def _used_bits(stored: np.ndarray, how: Stored) -> np.ndarray:
    """Without what lies in bits beyond the stored ones."""
    spare = how.bits_allocated - how.bits_stored
    if spare <= 0 or stored.dtype.itemsize * 8 != how.bits_allocated:
        return stored
    # Moved up and down again: the sign comes along.
    return np.right_shift(np.left_shift(stored, spare), spare)


def _stored(dataset: FileDataset, indices: Sequence[int]) -> Iterator[np.ndarray]:
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID") or ExplicitVRLittleEndian))
    try:
        encapsulated = syntax.is_encapsulated
    except ValueError as error:
        raise Damaged("its transfer syntax is not known") from error
    try:
        if encapsulated and not get_decoder(syntax).is_available:
            yield from _by_gdcm(dataset, syntax, indices)
        else:
            yield from _by_pydicom(dataset, indices)
    except NotImplementedError as error:  # a compression that nobody here knows
        raise Damaged(
            f"its compression ({syntax.name}) cannot be read; have the archive export it uncompressed"
        ) from error


def _by_pydicom(dataset: FileDataset, indices: Sequence[int]) -> Iterator[np.ndarray]:
    try:
        for array in iter_pixels(dataset, indices=indices, raw=True):
            yield np.asarray(array)
    except NotImplementedError:
        raise
    except (*DAMAGE, RuntimeError) as error:  # RuntimeError: as its decoders say that nothing came out
        raise Damaged("its pixels cannot be decoded: it is cut short or damaged") from error


def _by_gdcm(dataset: FileDataset, syntax: UID, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """By ITK's decoders, which know JPEG with 12 bits and without loss. The rescaling is left out: it goes by frame."""
    bare = Dataset()
    for keyword in _NEEDED:
        if keyword in dataset:
            bare[keyword] = dataset[keyword]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = bare.SOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID = generate_uid()
    bare.file_meta = meta
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frames.dcm")
        try:
            bare.save_as(path, enforce_file_format=True)
            reader = sitk.ImageFileReader()
            reader.SetImageIO("GDCMImageIO")
            reader.SetFileName(str(path))
            array = sitk.GetArrayFromImage(reader.Execute())
        except (*DAMAGE, RuntimeError) as error:
            raise Damaged("its pixels cannot be decoded: it is cut short or damaged") from error
    for index in indices:
        if index >= len(array):
            raise Damaged("it holds fewer frames than it says")
        yield array[index]
