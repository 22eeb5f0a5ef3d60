"""Through every format: the same voxels in the same places, the grid to the last bit."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from grids import SIGNED_PERMUTATIONS, geometries, positions_by_number, voxel_numbers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from RetrievalSAMLib import NOTICE
from RetrievalSAMLib.volumes import (
    Geometry,
    NiftiForm,
    Segmentation,
    Volume,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)

IMAGE_FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")
LABEL_FORMATS = (*IMAGE_FORMATS, ".seg.nrrd")
shared_folder = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sitk_image(voxels: np.ndarray, geometry: Geometry) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels.T)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def sitk_grid(path: Path) -> tuple:
    image = sitk.ReadImage(str(path))
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()


def grid_of(geometry: Geometry) -> tuple:
    return geometry.size, geometry.spacing_mm, geometry.origin_mm, geometry.direction


def labels_of(voxels: np.ndarray) -> np.ndarray:
    return (voxels % 5 == 0).astype(np.uint8) * (1 + voxels % 3).astype(np.uint8)


def oblique(size: tuple = (5, 4, 3), spacing: tuple = (0.7, 1.3, 4.9)) -> Geometry:
    from scipy.spatial.transform import Rotation

    matrix = Rotation.from_euler("xyz", [17, -23, 41], degrees=True).as_matrix() @ np.diag([1.0, 1.0, -1.0])
    return Geometry(size, spacing, (12.3456789, -98.7654321, 1.0 / 3), tuple(matrix.ravel()))


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
@shared_folder
@given(geometry=geometries())
def test_what_simpleitk_wrote_is_read_as_simpleitk_reads_it(tmp_path: Path, ending: str, geometry: Geometry):
    path = tmp_path / f"image{ending}"
    voxels = voxel_numbers(replace(geometry, size=tuple(max(2, n) for n in geometry.size)))
    geometry = replace(geometry, size=voxels.shape)
    sitk.WriteImage(sitk_image(voxels, geometry), str(path))
    volume = read_volume(path)
    assert grid_of(volume.geometry) == sitk_grid(path)
    assert np.array_equal(volume.voxels, voxels) and volume.voxels.dtype == voxels.dtype
    assert geometry.difference(volume.geometry) is None


@pytest.mark.parametrize("target", LABEL_FORMATS)
@pytest.mark.parametrize("source", [".nii.gz", ".nrrd", ".mha"])
@shared_folder
@given(geometry=geometries(), patch=st.integers(0, 2**32 - 1))
def test_a_result_lies_on_the_grid_of_its_input(
    tmp_path: Path, source: str, target: str, geometry: Geometry, patch: int
):
    """In one format to the last bit, for SimpleITK too; else as nearly as the format can hold."""
    geometry = replace(geometry, size=tuple(max(2, n) for n in geometry.size))
    given_path, result_path = tmp_path / f"in{source}", tmp_path / f"out{target}"
    sitk.WriteImage(sitk_image(voxel_numbers(geometry), geometry), str(given_path))
    volume = read_volume(given_path)
    labels = (np.random.default_rng(patch).random(geometry.size) < 0.5).astype(np.uint8)
    labels[0, 0, 0] = 1
    write_segmentation(Segmentation.from_labelmap(labels, volume.geometry), result_path)
    result = read_segmentation(result_path)
    assert np.array_equal(result.labelmap(), labels)
    assert volume.geometry.difference(result.geometry) is None
    to_nifti = target.startswith(".nii")
    if not to_nifti or source == ".nii.gz":
        assert result.geometry == volume.geometry
    if target == ".mha" or to_nifti and source == ".nii.gz" or source == ".nrrd" and not to_nifti:
        assert sitk_grid(result_path) == sitk_grid(given_path)
    elif not to_nifti:
        for ours, theirs in zip(sitk_grid(result_path), sitk_grid(given_path), strict=True):
            assert np.allclose(ours, theirs, rtol=1e-14, atol=1e-14)
    else:
        assert np.allclose(result.geometry.direction, volume.geometry.direction, atol=3e-7)
        assert np.allclose(result.geometry.spacing_mm, volume.geometry.spacing_mm, rtol=1e-7)
        assert np.allclose(result.geometry.origin_mm, volume.geometry.origin_mm, rtol=1e-7)


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
@pytest.mark.parametrize("matrix", SIGNED_PERMUTATIONS)
def test_every_voxel_keeps_its_place_for_every_axis_order_and_flip(tmp_path: Path, matrix: np.ndarray, ending: str):
    geometry = replace(oblique(), direction=tuple(matrix.ravel()))
    voxels = voxel_numbers(geometry)
    path = tmp_path / f"image{ending}"
    write_volume(Volume(voxels, geometry), path)
    back = read_volume(path)
    expected = positions_by_number(voxels, geometry)
    assert np.allclose(positions_by_number(back.voxels, back.geometry), expected, atol=1e-4)
    # And as two other readers see the file.
    image = sitk.ReadImage(str(path))
    for index in ((0, 0, 0), (4, 0, 0), (0, 3, 0), (0, 0, 2)):
        number = int(image.GetPixel(*index)) - 1
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), expected[number], atol=1e-4)
    if ending.startswith(".nii"):
        loaded = nibabel.load(path)
        data = np.asanyarray(loaded.dataobj)
        ras = nibabel.affines.apply_affine(loaded.affine, np.argwhere(data > 0))
        lps = (ras * [-1, -1, 1])[np.argsort(data.ravel())]
        assert np.allclose(lps, expected, atol=1e-4)
    elif ending == ".nrrd":
        data, header = nrrd.read(str(path))
        lps = np.argwhere(data > 0) @ header["space directions"] + header["space origin"]
        assert np.allclose(lps[np.argsort(data.ravel())], expected, atol=1e-9)


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
@shared_folder
@given(geometry=geometries())
def test_every_voxel_keeps_its_place_on_oblique_grids(tmp_path: Path, ending: str, geometry: Geometry):
    voxels = voxel_numbers(geometry)
    if voxels.size == 1:
        return
    path = tmp_path / f"image{ending}"
    write_volume(Volume(voxels, geometry), path)
    back = read_volume(path)
    before, after = positions_by_number(voxels, geometry), positions_by_number(back.voxels, back.geometry)
    assert np.allclose(after, before, atol=2e-4)
    if ending in (".nrrd", ".mha"):
        assert back.geometry == geometry


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_slice_is_a_volume(tmp_path: Path, ending: str, axis: int):
    size = [4, 5, 6]
    size[axis] = 1
    geometry = oblique(tuple(size))
    path = tmp_path / f"image{ending}"
    write_volume(Volume(voxel_numbers(geometry), geometry), path)
    back = read_volume(path)
    assert np.array_equal(back.voxels, voxel_numbers(geometry))
    write_volume(back, path)
    assert read_volume(path).geometry == back.geometry


@pytest.mark.parametrize("ending", IMAGE_FORMATS)
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_the_voxels_keep_their_type_and_value(tmp_path: Path, ending: str, dtype: str):
    geometry = oblique()
    voxels = (voxel_numbers(geometry) * 2 - (0 if dtype.startswith("u") else 60)).astype(dtype)
    path = tmp_path / f"image{ending}"
    write_volume(Volume(voxels, geometry), path)
    back = read_volume(path)
    assert back.voxels.dtype == voxels.dtype and np.array_equal(back.voxels, voxels)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T, voxels)


def test_bool_and_half_floats_are_written_as_the_next_type(tmp_path: Path):
    geometry = oblique()
    for dtype, stored in ((bool, np.uint8), (np.float16, np.float32)):
        voxels = (voxel_numbers(geometry) % 2).astype(dtype)
        write_volume(Volume(voxels, geometry), tmp_path / "a.nrrd")
        back = read_volume(tmp_path / "a.nrrd").voxels
        assert back.dtype == stored and np.array_equal(back, voxels)


@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 2), (0, 0), (2, 4)])
@shared_folder
@given(geometry=geometries())
def test_nifti_in_nifti_out_has_the_very_header_fields(tmp_path: Path, codes: tuple[int, int], geometry: Geometry):
    """Whichever of quaternion and matrix the file uses, nibabel, SimpleITK and this package see one grid."""
    geometry = replace(geometry, size=tuple(max(2, n) for n in geometry.size))
    source, target = tmp_path / "in.nii", tmp_path / "out.nii.gz"
    affine = np.diag([-1, -1, 1, 1]) @ geometry.affine
    image = nibabel.Nifti1Image(voxel_numbers(geometry), affine)
    image.set_qform(affine, codes[0])
    image.set_sform(affine, codes[1])
    nibabel.save(image, source)
    volume = read_volume(source)
    labels = labels_of(volume.voxels)
    labels[0, 0, 0] = 1
    write_segmentation(Segmentation.from_labelmap(labels, volume.geometry), target)
    assert read_segmentation(target).geometry == volume.geometry
    assert sitk_grid(target) == sitk_grid(source)
    first, second = source.read_bytes(), gzip.decompress(target.read_bytes())
    assert first[76:92] == second[76:92] and first[252:328] == second[252:328]
    assert np.array_equal(nibabel.load(source).affine, nibabel.load(target).affine)


@shared_folder
@given(geometry=geometries())
def test_nifti_is_stable_without_the_header_fields_of_its_source(tmp_path: Path, geometry: Geometry):
    """A grid that went through another program's hands as numbers still gives the file that it came from."""
    path = tmp_path / "image.nii"
    geometry = replace(geometry, size=tuple(max(2, n) for n in geometry.size))
    write_volume(Volume(voxel_numbers(geometry), geometry), path)
    first = read_volume(path)
    bare = replace(first.geometry, nifti=None)
    write_volume(Volume(first.voxels, bare), path)
    again = read_volume(path).geometry
    # A rotation by next to nothing cannot be had back from its cosines to the last bit.
    np.testing.assert_allclose(again.direction, first.geometry.direction, rtol=0, atol=1e-12)
    assert replace(again, direction=first.geometry.direction) == first.geometry


def test_a_changed_grid_drops_the_header_fields_of_its_source(tmp_path: Path):
    path = tmp_path / "image.nii"
    write_volume(Volume(voxel_numbers(oblique()), oblique()), path)
    volume = read_volume(path)
    assert isinstance(volume.geometry.nifti, NiftiForm)
    assert Geometry.from_dict(volume.geometry.to_dict()).nifti == volume.geometry.nifti
    moved = replace(volume.geometry, origin_mm=(1.0, 2.0, 3.0))
    assert moved.nifti is None
    write_volume(Volume(volume.voxels, moved), path)
    assert read_volume(path).geometry.origin_mm == (1.0, 2.0, 3.0)


def test_scaled_and_big_endian_nifti_is_read_as_nibabel_reads_it(tmp_path: Path):
    voxels = voxel_numbers(oblique()).astype(">i2")
    image = nibabel.Nifti1Image(voxels, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    image.header.set_slope_inter(0.5, -1000)
    nibabel.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.voxels.dtype == np.float32
    assert np.allclose(volume.voxels, nibabel.load(tmp_path / "a.nii").get_fdata())
    assert np.array_equal(volume.voxels, sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii"))).T)


def test_a_slightly_sheared_nifti_that_simpleitk_refuses_is_read_and_its_header_kept(tmp_path: Path):
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[0, 1] = 0.01
    image = nibabel.Nifti1Image(voxel_numbers(oblique((20, 20, 5))), affine)
    nibabel.save(image, tmp_path / "in.nii")
    with pytest.raises(RuntimeError):
        sitk.ReadImage(str(tmp_path / "in.nii"))
    volume = read_volume(tmp_path / "in.nii")
    corners = np.array([[0, 0, 0], [19, 0, 0], [0, 19, 0], [19, 19, 4]])
    expected = nibabel.affines.apply_affine(affine, corners) * [-1, -1, 1]
    assert np.abs(volume.geometry.index_to_lps(corners) - expected).max() < 0.5
    write_volume(volume, tmp_path / "out.nii")
    assert np.array_equal(nibabel.load(tmp_path / "out.nii").affine, nibabel.load(tmp_path / "in.nii").affine)


def test_one_time_point_of_a_4d_nifti_counts_as_3d(tmp_path: Path):
    voxels = voxel_numbers(oblique())
    nibabel.save(nibabel.Nifti1Image(voxels[..., None], np.eye(4)), tmp_path / "a.nii")
    assert np.array_equal(read_volume(tmp_path / "a.nii").voxels, voxels)


def test_label_maps_of_whole_floats_are_accepted(tmp_path: Path):
    geometry = oblique()
    labels = labels_of(voxel_numbers(geometry)).astype(np.float64)
    write_volume(Volume(labels, geometry), tmp_path / "a.nii.gz")
    segmentation = read_segmentation(tmp_path / "a.nii.gz")
    assert segmentation.layers[0].dtype == np.uint8
    assert np.array_equal(segmentation.labelmap(), labels)
    assert [s.name for s in segmentation.segments] == [f"segment_{int(v)}" for v in np.unique(labels) if v]


def test_large_label_values_are_kept(tmp_path: Path):
    geometry = oblique()
    labels = (voxel_numbers(geometry) == 3).astype(np.uint16) * 40000
    for ending in LABEL_FORMATS:
        write_segmentation(Segmentation.from_labelmap(labels, geometry), tmp_path / f"a{ending}")
        back = read_segmentation(tmp_path / f"a{ending}")
        assert [s.value for s in back.segments] == [40000] and np.array_equal(back.labelmap(), labels)


def test_every_result_says_that_it_is_for_research(tmp_path: Path):
    geometry = oblique()
    segmentation = Segmentation.from_labelmap(labels_of(voxel_numbers(geometry)), geometry)
    for ending in LABEL_FORMATS:
        path = tmp_path / f"a{ending}"
        write_segmentation(segmentation, path, comment="made by a test")
        content = gzip.decompress(path.read_bytes()) if ending == ".nii.gz" else path.read_bytes()
        assert NOTICE.encode() in content
        assert b"made by a test" in content
    assert nibabel.load(tmp_path / "a.nii").header["descrip"].item().decode() == f"made by a test. {NOTICE}"
    write_segmentation(segmentation, tmp_path / "a.nii", comment="a long story, " * 9)
    told = nibabel.load(tmp_path / "a.nii").header["descrip"].item().decode()
    assert told.startswith("a long story") and told.endswith(f". {NOTICE}") and len(told) == 79


def test_the_same_segmentation_makes_the_same_bytes(tmp_path: Path):
    geometry = oblique()
    segmentation = Segmentation.from_labelmap(labels_of(voxel_numbers(geometry)), geometry)
    for ending in LABEL_FORMATS:
        contents = []
        for name in ("a", "b"):
            write_segmentation(segmentation, tmp_path / f"{name}{ending}")
            contents.append((tmp_path / f"{name}{ending}").read_bytes())
        assert contents[0] == contents[1]


@pytest.mark.parametrize("space", ["RAS", "right-anterior-superior", "left-anterior-superior", "LPS"])
def test_nrrd_of_another_space_is_read_in_lps(tmp_path: Path, space: str):
    geometry = oblique()
    flip = {"r": [-1, -1, 1], "l": [1, -1, 1] if "anterior" in space else [1, 1, 1]}[space[0].lower()]
    voxels = voxel_numbers(geometry)
    header = {
        "space": space,
        "space directions": (geometry.affine[:3, :3] * np.array(flip)[:, None]).T,
        "space origin": np.array(geometry.origin_mm) * flip,
        "kinds": ["domain"] * 3,
    }
    nrrd.write(str(tmp_path / "a.nrrd"), voxels, header)
    nrrd.write(str(tmp_path / "a.seg.nrrd"), (voxels > 30).astype(np.uint8), header | {"Segment0_ID": "a"})
    assert geometry.difference(read_volume(tmp_path / "a.nrrd").geometry) is None
    assert geometry.difference(read_segmentation(tmp_path / "a.seg.nrrd").geometry) is None


def test_the_pixels_outlive_the_reader(tmp_path: Path):
    geometry = oblique((40, 40, 40))
    write_volume(Volume(voxel_numbers(geometry), geometry), tmp_path / "a.mha")
    volume = read_volume(tmp_path / "a.mha")
    others = [read_volume(tmp_path / "a.mha") for _ in range(5)]
    assert np.array_equal(volume.voxels, voxel_numbers(geometry)) and others
