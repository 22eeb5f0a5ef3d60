"""The numbers of a DICOM series: each slice by its own slope and intercept, and nothing that vanishes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import COLUMNS, PATIENT, ROWS, SLICES, hounsfield, write_series
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, JPEGLSLossless, RLELossless

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_volume


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_volume(folder)
    assert caught.value.thing == str(folder) and PATIENT not in str(caught.value)
    return str(caught.value)


def test_a_slope_for_every_slice_gives_real_numbers(tmp_path: Path):
    slopes = [1.0, 0.001, 0.5, 0.25, 0.001, 2.0]

    def pet(k: int, slice_: FileDataset) -> None:
        slice_.RescaleSlope, slice_.RescaleIntercept = str(slopes[k]), "0"

    write_series(tmp_path / "pet", change=pet, modality="PT")
    volume = read_volume(tmp_path / "pet")
    assert volume.voxels.dtype == np.float32
    assert np.allclose(volume.voxels, (hounsfield() + 1024) * np.array(slopes), rtol=1e-6)


def test_an_intercept_for_every_slice_keeps_integers_and_wraps_nothing(tmp_path: Path):
    def other(k: int, slice_: FileDataset) -> None:
        slice_.RescaleIntercept = 0 if k == 0 else -1024

    write_series(tmp_path / "ct", change=other)
    volume = read_volume(tmp_path / "ct")
    wanted = hounsfield().astype(int) + 1024 * (np.arange(SLICES) == 0)
    assert volume.voxels.dtype == np.int16 and np.array_equal(volume.voxels, wanted)
    (told,) = volume.notes
    assert "intercept change from slice to slice" in told and PATIENT not in told


def test_values_beyond_16_bits_are_kept(tmp_path: Path):
    def large(k: int, slice_: FileDataset) -> None:
        slice_.RescaleSlope, slice_.RescaleIntercept = 100, -7

    write_series(tmp_path / "ct", change=large)
    assert np.array_equal(read_volume(tmp_path / "ct").voxels, (hounsfield().astype(int) + 1024) * 100 - 7)


def test_bits_above_the_stored_ones_are_no_part_of_a_value(tmp_path: Path):
    def overlay(k: int, slice_: FileDataset) -> None:
        slice_.BitsStored, slice_.HighBit = 12, 11
        pixels = np.frombuffer(slice_.PixelData, "<u2") | 0x8000
        slice_.PixelData = pixels.astype("<u2").tobytes()

    write_series(tmp_path / "ct", change=overlay)
    assert np.array_equal(read_volume(tmp_path / "ct").voxels, hounsfield())


def test_a_lookup_table_is_applied(tmp_path: Path):
    table = (np.arange(2048) * 7 % 2048).astype("<u2")

    def lookup(k: int, slice_: FileDataset) -> None:
        del slice_.RescaleSlope, slice_.RescaleIntercept
        item = pydicom.Dataset()
        item.LUTDescriptor, item.ModalityLUTType, item.LUTData = [2048, 0, 16], "US", table.tobytes()
        slice_.ModalityLUTSequence = [item]

    write_series(tmp_path / "ct", change=lookup)
    assert np.array_equal(read_volume(tmp_path / "ct").voxels, table[hounsfield() + 1024])


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_lossless_compression_changes_nothing(tmp_path: Path, syntax: str):
    write_series(tmp_path / "ct", change=lambda k, slice_: slice_.compress(syntax, generate_instance_uid=False))
    assert np.array_equal(read_volume(tmp_path / "ct").voxels, hounsfield())


def test_jpeg_without_loss_is_decoded_by_itk(tmp_path: Path):
    import SimpleITK as sitk

    volume = (np.arange(16 * 16 * 4).reshape(4, 16, 16) % 1000).astype(np.uint16)
    folder = tmp_path / "mr"
    folder.mkdir()
    for k, plane in enumerate(volume):
        image = sitk.GetImageFromArray(plane[None])
        image.SetOrigin((0, 0, 2.0 * k))
        keys = {"0020|000e": "1.2.3", "0008|0060": "MR", "0020|0032": f"0\\0\\{2 * k}", "0020|0037": "1\\0\\0\\0\\1\\0"}
        for key, value in keys.items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetUseCompression(True)
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(folder / f"{k}.dcm"))
        writer.Execute(image)
    assert pydicom.dcmread(folder / "0.dcm").file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert np.array_equal(read_volume(folder).voxels.T, volume)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut within its pixels": lambda data: data[:-10],
    "cut within its header": lambda data: data[: len(data) // 2],
    "cut within its first header": lambda data: data[:168],
    "empty": lambda data: b"",
    "garbled behind its first bytes": lambda data: data[:132] + bytes(reversed(data[132:])),
    "with a number of three bytes": lambda data: data[:138] + b"\3\0" + data[140:],
    "without DICOM in it": lambda data: b"<html>not found</html>" * 40,
}


@pytest.mark.parametrize("number", [1, 3, SLICES])
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named_wherever_it_lies_in_the_series(tmp_path: Path, kind: str, number: int):
    write_series(tmp_path / "ct")
    path = tmp_path / "ct" / f"IM{number:04d}"
    path.write_bytes(DAMAGE[kind](path.read_bytes()))
    assert path.name in refused(tmp_path / "ct")


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"])
def test_a_missing_place_is_called_by_its_name(tmp_path: Path, keyword: str):
    write_series(tmp_path / "ct", change=lambda k, slice_: delattr(slice_, keyword))
    assert f"no {keyword}" in refused(tmp_path / "ct")


@pytest.mark.parametrize("photometric", ["PALETTE COLOR", "RGB"])
def test_colours_are_refused_in_words(tmp_path: Path, photometric: str):
    def coloured(k: int, slice_: FileDataset) -> None:
        slice_.PhotometricInterpretation = photometric
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 8, 8, 7
        slice_.SamplesPerPixel = 3 if photometric == "RGB" else 1
        slice_.PlanarConfiguration = 0
        slice_.PixelData = b"\7" * (slice_.SamplesPerPixel * ROWS * COLUMNS)

    write_series(tmp_path / "ct", change=coloured)
    assert "in colour" in refused(tmp_path / "ct")


def test_copies_count_once_and_are_told(tmp_path: Path):
    write_series(tmp_path / "ct" / "a")
    shutil.copytree(tmp_path / "ct" / "a", tmp_path / "ct" / "b")
    volume = read_volume(tmp_path / "ct")
    assert np.array_equal(volume.voxels, hounsfield())
    assert volume.notes == (f"{SLICES} files are copies of others and were left out",)


def test_two_files_that_claim_to_be_one_image_are_refused(tmp_path: Path):
    write_series(tmp_path / "ct")
    other = pydicom.dcmread(tmp_path / "ct" / "IM0002")
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(tmp_path / "ct" / "IM0099")
    message = refused(tmp_path / "ct")
    assert "IM0002 and IM0099 claim to be one image" in message


def test_slices_numbered_against_their_positions_are_told(tmp_path: Path):
    def swapped(k: int, slice_: FileDataset) -> None:
        slice_.InstanceNumber = {1: 2, 2: 1}.get(k, k)

    write_series(tmp_path / "ct", change=swapped)
    assert "numbered against the order" in " ".join(read_volume(tmp_path / "ct").notes)


def test_a_slice_without_a_picture_between_others_is_told(tmp_path: Path):
    def blank(*numbers: int):
        def change(k: int, slice_: FileDataset) -> None:
            if k in numbers:
                slice_.PixelData = bytes(len(slice_.PixelData))

        return change

    write_series(tmp_path / "lost", change=blank(3))
    (told,) = read_volume(tmp_path / "lost").notes
    assert "show nothing" in told and "(counted from 0: 3)" in told
    write_series(tmp_path / "ends", change=blank(0, 1, SLICES - 1))
    assert read_volume(tmp_path / "ends").notes == ()


def test_a_slope_that_one_slice_lacks_is_refused(tmp_path: Path):
    def lacking(k: int, slice_: FileDataset) -> None:
        if k == 2:
            del slice_.RescaleSlope

    write_series(tmp_path / "pet", change=lacking, modality="PT")
    assert "IM0004 has no RescaleSlope" in refused(tmp_path / "pet")


def test_the_decoders_of_damaged_pixels_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    def garbled(k: int, slice_: FileDataset) -> None:
        slice_.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        content = np.random.default_rng(k).integers(0, 256, 300, np.uint8).tobytes()
        slice_.PixelData = encapsulate([b"\xff\xd8\xff\xc3" + content + b"\xff\xd9"])
        slice_["PixelData"].is_undefined_length = True

    write_series(tmp_path / "ct", change=garbled)
    assert "cannot be decoded" in refused(tmp_path / "ct")
    assert capfd.readouterr() == ("", "")
