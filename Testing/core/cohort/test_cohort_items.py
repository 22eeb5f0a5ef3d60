"""Which volumes a batch finds, what they are called, and what is wrong with a table, by row."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from RetrievalSAMLib.cohort.items import Item, find_items, in_region, read_items
from RetrievalSAMLib.cohort.work import without_names
from RetrievalSAMLib.errors import InputError


def save(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(file))
    return file


def save_slices(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number in range(3):
        image = SimpleITK.GetImageFromArray(np.full((1, 4, 5), number, dtype=np.int16))
        image.SetOrigin((0.0, 0.0, 3.0 * number))
        image.SetMetaData("0008|0060", "MR")
        SimpleITK.WriteImage(image, str(folder / f"slice{number}.dcm"))
    return folder


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    for name in ("Smith10.nii.gz", "Smith2.nii.gz", "Smith2_seg.nii.gz", "below/Doe.nrrd", "below/Doe.seg.nrrd"):
        save(folder / name)
    save_slices(folder / "study" / "Roe")
    (folder / "notes.txt").write_text("no volume")
    return folder


def named(items: list[Item], folder: Path) -> dict[str, str]:
    return {item.id: item.path.relative_to(folder).as_posix() for item in items}


def test_a_folder_gives_its_images_and_dicom_series_numbered_and_no_segmentation(scans: Path, tmp_path: Path) -> None:
    assert named(find_items([str(scans)], tmp_path / "items.csv"), scans) == {
        "volume-0001": "below/Doe.nrrd",
        "volume-0002": "Smith2.nii.gz",
        "volume-0003": "Smith10.nii.gz",
        "volume-0004": "study/Roe",
    }


def test_a_volume_keeps_its_number_whatever_comes_and_goes(scans: Path, tmp_path: Path) -> None:
    known = tmp_path / "items.csv"
    find_items([str(scans)], known)
    save(scans / "Abel.mha")
    (scans / "Smith2.nii.gz").unlink()
    assert named(find_items([str(scans)], known), scans) == {
        "volume-0005": "Abel.mha",
        "volume-0001": "below/Doe.nrrd",
        "volume-0003": "Smith10.nii.gz",
        "volume-0004": "study/Roe",
    }


def test_patterns_and_files_name_volumes_once(scans: Path, tmp_path: Path) -> None:
    inputs = [str(scans / "Smith*.gz"), str(scans / "Smith2.nii.gz"), str(scans / "**" / "*.nrrd")]
    found = named(find_items(inputs, tmp_path / "items.csv"), scans)
    assert sorted(found.values()) == ["Smith10.nii.gz", "Smith2.nii.gz", "below/Doe.nrrd"]


def test_a_table_gives_ids_paths_beside_it_and_regions(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text('\ufeffid,path,region\nA 1,x/a.nii.gz,\n\nÄ-2,"b,c.nrrd","0,4,1,3,0,2"\n', encoding="utf-8")
    first, second = read_items(table)
    assert (first.id, first.path, first.region) == ("A 1", tmp_path / "x" / "a.nii.gz", None)
    assert (second.id, second.path, second.region) == ("Ä-2", tmp_path / "b,c.nrrd", (0, 4, 1, 3, 0, 2))
    assert "nrrd" not in repr(second) and first.series is None
    table.write_text("path,id,series\ndisc,A,AX T2\ndisc,B,\n", encoding="utf-8")
    assert [item.series for item in read_items(table)] == ["AX T2", None]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,name\na,b\n", "no column 'id'"),
        ("path,id,roi\na,b,\n", "column 'roi'"),
        ("path,id\n", "no rows"),
        ("path,id\n,b\n", "row 2.*names no volume"),
        ("path,id\na,\n", "row 2, id.*empty"),
        ("path,id\na,one\nb,two/three\n", "row 3, id `two/three`.*holds /"),
        ("path,id\na,con\n", "row 2, id `con`"),
        ("path,id\na,=1+1\n", "row 2, id `=1.1`: it begins like a formula"),
        ("path,id\na,Case\n\nb,cASE\n", "row 4: its id `cASE` is that of row 2"),
        ('path,id,region\na,b,"1,2,3"\n', "row 2, region: '1,2,3' is not six"),
        ("path,id,region\na,b,0,4,0,4,0,4\n", "row 2: it has not as many fields"),
        ("path,id\na\n", "row 2: it has not as many fields"),
        ('path,id\n"a,b\n', "row 2: it is no row"),
        ("", "no column 'path'"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path: Path, text: str, told: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_items(table)


def test_places_without_volumes_and_tables_among_others_are_refused(scans: Path, tmp_path: Path) -> None:
    known = tmp_path / "items.csv"
    for inputs in (["nowhere"], [str(tmp_path / "*.nii")], [str(scans / "notes.txt")], ["t.csv", str(scans)]):
        with pytest.raises(InputError):
            find_items(inputs, known)
    assert not known.exists()


def test_no_name_of_a_file_is_left_in_a_message(scans: Path, tmp_path: Path) -> None:
    series = scans / "study" / "Roe"
    shutil.copy(series / "slice0.dcm", series / "Miller.dcm")
    message = f"{series}: the folder has 2 series, first file Miller.dcm. Look in {series.name}."
    assert without_names(message, series) == "the volume: the folder has 2 series, first file .... Look in ...."


def test_a_region_of_the_whole_batch_is_for_volumes_without_one() -> None:
    own, whole = (0, 1, 0, 2, 0, 3), (0, 9, 0, 9, 0, 9)
    assert in_region(Item("a", Path("a"), own), whole).region == own
    assert in_region(Item("b", Path("b")), whole) == Item("b", Path("b"), whole)
    assert in_region(Item("c", Path("c")), None).region is None
