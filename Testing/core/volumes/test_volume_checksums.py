"""What is packed is held against its checksum, and headers against the data: more, less, other types, other names."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from made_up_case import MadeUpCase, saved

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_segmentation, read_volume

CASE = MadeUpCase.make()
RAMP = np.arange(60).reshape(3, 4, 5)
METAIMAGE_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
NRRD_TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def metaimage(path: Path, voxels: bytes, kind: str = "MET_SHORT", *, packed: bool = False, **more: object) -> Path:
    content = zlib.compress(voxels) if packed else voxels
    lines = ["ObjectType = Image", "NDims = 3", "DimSize = 5 4 3", f"ElementType = {kind}"]
    lines += ["CompressedData = True"] * packed
    lines += [f"{field} = {value}" for field, value in more.items() if field != "ElementDataFile"]
    beside = more.get("ElementDataFile")
    lines.append(f"ElementDataFile = {beside or 'LOCAL'}\n")
    if beside is not None:
        (path.parent / str(beside)).write_bytes(content)
        content = b""
    path.write_bytes("\n".join(lines).encode() + content)
    return path


def nrrd_file(path: Path, voxels: bytes, code: str = "i2", *, encoding: str = "raw", sizes: str = "5 4 3") -> Path:
    names = dict(
        zip(
            NRRD_TYPES,
            ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float", "double"],
            strict=True,
        )
    )
    head = f"NRRD0004\ntype: {names[code]}\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
    head += "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
    head += f"kinds: domain domain domain\nendian: little\nencoding: {encoding}\n\n"
    path.write_bytes(head.encode() + (gzip.compress(voxels) if encoding == "gzip" else voxels))
    return path


def nifti(path: Path, slices: int) -> Path:
    """With voxels of so many slices behind a header that claims three."""
    image = nibabel.Nifti1Image(RAMP.T.astype(np.int16), np.eye(4))
    whole = image.to_bytes() + b"\1\0" * 20 * (slices - 3)
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


@pytest.mark.parametrize("name", ["a.mha", "a.mhd", "a.nrrd", "a.nhdr", "a.nii.gz"])
@pytest.mark.parametrize("end", [False, True], ids=["in the middle", "in the checksum"])
def test_damaged_packed_voxels_are_refused(tmp_path: Path, name: str, end: bool) -> None:
    saved(tmp_path / name, CASE.image, packed=True)
    path = max(tmp_path.iterdir(), key=lambda one: one.stat().st_size)
    assert np.array_equal(read_volume(tmp_path / name).voxels, CASE.image.T)
    data = bytearray(path.read_bytes())
    data[-2 if end else len(data) // 2] ^= 255
    path.write_bytes(data)
    for read in (read_volume, read_segmentation):
        with pytest.raises(InputError, match="compressed content is cut short or damaged") as caught:
            read(tmp_path / name)
        assert caught.value.thing == str(tmp_path / name)


@pytest.mark.parametrize("kind", METAIMAGE_TYPES)
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "packed"])
def test_metaimage_types_have_the_format_s_own_sizes(tmp_path: Path, kind: str, packed: bool) -> None:
    for order, said in (("<", "False"), (">", "True")):
        voxels = RAMP.astype(order + METAIMAGE_TYPES[kind])
        path = metaimage(tmp_path / "a.mha", voxels.tobytes(), kind, packed=packed, ElementByteOrderMSB=said)
        read = read_volume(path).voxels
        assert read.dtype == METAIMAGE_TYPES[kind] and np.array_equal(read, RAMP.T)
        path = metaimage(tmp_path / "a.mha", voxels.tobytes()[:-1], kind, packed=packed, ElementByteOrderMSB=said)
        with pytest.raises(InputError, match="cut short"):
            read_volume(path)


@pytest.mark.parametrize("code", NRRD_TYPES)
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_nrrd_types_have_the_format_s_own_sizes(tmp_path: Path, code: str, encoding: str) -> None:
    voxels = RAMP.astype("<" + code).tobytes()
    read = read_volume(nrrd_file(tmp_path / "a.nrrd", voxels, code, encoding=encoding)).voxels
    assert read.dtype == code and np.array_equal(read, RAMP.T)
    with pytest.raises(InputError, match="cut short"):
        read_volume(nrrd_file(tmp_path / "a.nrrd", voxels[:-1], code, encoding=encoding))


SHORTS = RAMP.astype("<i2").tobytes()
MORE = RAMP.astype("<i2").tobytes() + RAMP[0].astype("<i2").tobytes()
CONTRADICTIONS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a slice more, .mha": (lambda f: metaimage(f / "a.mha", MORE), "160 bytes are there"),
    "a slice more, packed .mha": (lambda f: metaimage(f / "a.mha", MORE, packed=True), "more than its header claims"),
    "a slice more, .mhd": (
        lambda f: metaimage(f / "a.mhd", MORE, ElementDataFile="a.raw"),
        "160 bytes are there",
    ),
    "a smaller type, .mha": (lambda f: metaimage(f / "a.mha", SHORTS, "MET_UCHAR"), "120 bytes are there"),
    "a slice more, .nrrd": (lambda f: nrrd_file(f / "a.nrrd", MORE), "160 bytes are there"),
    "a slice more, packed .nrrd": (
        lambda f: nrrd_file(f / "a.nrrd", MORE, encoding="gzip"),
        "more than its header claims",
    ),
    "a smaller type, .nrrd": (lambda f: nrrd_file(f / "a.nrrd", SHORTS, "u1"), "120 bytes are there"),
    "a shorter axis, .nrrd": (lambda f: nrrd_file(f / "a.nrrd", SHORTS, sizes="4 4 3"), "120 bytes are there"),
    "a slice more, .nii": (lambda f: nifti(f / "a.nii", 4), "160 bytes are there"),
    "a slice more, .nii.gz": (lambda f: nifti(f / "a.nii.gz", 4), "more than its header claims"),
    "packed size too small": (
        lambda f: metaimage(f / "a.mha", SHORTS, packed=True, CompressedDataSize=10),
        "CompressedDataSize is less",
    ),
    "packed size too large": (
        lambda f: metaimage(f / "a.mha", SHORTS, packed=True, CompressedDataSize=10_000),
        "CompressedDataSize is more",
    ),
    "scaled by its header": (
        lambda f: metaimage(f / "a.mha", SHORTS, ElementToIntensityFunctionSlope=2),
        "scales the voxels",
    ),
    "no byte order, .nrrd": (
        lambda f: _replaced(nrrd_file(f / "a.nrrd", SHORTS), b"endian: little\n", b""),
        "byte order",
    ),
    "lengths in micrometres, .nrrd": (
        lambda f: _replaced(nrrd_file(f / "a.nrrd", SHORTS), b"endian", b'space units: "um" "um" "um"\nendian'),
        "not in mm",
    ),
}


def _replaced(path: Path, old: bytes, new: bytes) -> Path:
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_a_header_that_contradicts_the_data_is_refused(tmp_path: Path, kind: str) -> None:
    make, fact = CONTRADICTIONS[kind]
    with pytest.raises(InputError, match=fact):
        read_volume(make(tmp_path))


def test_optional_keys_and_what_few_programs_leave_behind_the_voxels_do_no_harm(tmp_path: Path) -> None:
    packed = len(zlib.compress(SHORTS))
    skipped = metaimage(tmp_path / "b.mhd", b"\7" * 9 + SHORTS, ElementDataFile="b.raw", HeaderSize=9)
    from_the_end = metaimage(tmp_path / "c.mhd", b"\7" * 900 + SHORTS, ElementDataFile="c.raw", HeaderSize=-1)
    for path in (
        metaimage(tmp_path / "a.mha", SHORTS + b"\n\n"),
        metaimage(tmp_path / "d.mha", SHORTS, packed=True, CompressedDataSize=packed),
        metaimage(tmp_path / "e.mha", SHORTS, BinaryData="True", ElementToIntensityFunctionSlope=1),
        skipped,
        from_the_end,
        nrrd_file(tmp_path / "a.nrrd", SHORTS + b"\n"),
    ):
        assert np.array_equal(read_volume(path).voxels, RAMP.T), path.name


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".seg.nrrd", ".dat", ""])
@pytest.mark.parametrize("real", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_file_is_read_by_its_content_whatever_its_name_ends_with(tmp_path: Path, real: str, ending: str) -> None:
    saved(tmp_path / f"a{real}", CASE.image)
    whole = read_volume(tmp_path / f"a{real}")
    named = (tmp_path / f"a{real}").rename(tmp_path / f"renamed{ending}")
    again = read_volume(named)
    assert again.geometry == whole.geometry and np.array_equal(again.voxels, CASE.image.T)


def test_lines_of_native_libraries_reach_no_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = metaimage(tmp_path / "a.mhd", b"", ElementDataFile="a.raw")
    path.write_bytes(path.read_bytes().replace(b"a.raw", b"LIST\na.raw\na.raw\na.raw"))
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with pytest.raises(RuntimeError):
        reader.Execute()
    assert "MetaImage" in capfd.readouterr().err  # what this is about
    with pytest.raises(InputError, match="cut short, damaged"):
        read_volume(path)
    assert capfd.readouterr() == ("", "")
