"""The library's verbs, one after the other, through the real process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from worker_process import WorkerProcess, running

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Volume, read_segmentation, read_volume, write_segmentation
from RetrievalSAMLib.worker.protocol import Progress


def test_a_library_is_made_filled_emptied_and_restored(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    folder, pictures = str(tmp_path / "Bibliothèque é"), str(tmp_path / "pictures")
    made = worker.result("library.create", folder=folder, name="Bälle")
    assert made == {"name": "Bälle", "folder": folder, "segments": [], "cases": [], "removed": [], "damaged": []}
    added = worker.result(
        "library.add",
        folder=folder,
        image=str(files / "image0.nrrd"),
        segmentation=str(files / "drawn0.seg.nrrd"),
        modality="MR",
        plane="coronal",
        segments=["Large"],
    )["case"]
    assert (added["name"], added["modality"], added["plane"]) == ("case-001", "MR", "coronal")
    assert (added["segments"], added["slices"], added["versions"], added["source"]) == (["Large"], 48, 1, "person")
    second = worker.result(
        "library.add", folder=folder, image=str(files / "image1.nrrd"), segmentation=str(files / "drawn1.seg.nrrd")
    )["case"]
    assert (second["plane"], second["slices"], second["segments"]) == ("axial", 12, ["Large", "Small"])
    described = worker.result("library.describe", folder=folder, thumbnails=pictures)
    assert [case["name"] for case in described["cases"]] == ["case-001", "case-002"]
    assert [(s["name"], s["value"]) for s in described["segments"]] == [("Large", 1), ("Small", 2)]
    assert described["segments"][0]["color"] == pytest.approx([0.9, 0.2, 0.1])
    for case in described["cases"]:
        with Image.open(case["thumbnail"]) as picture:
            assert picture.size == (96, 72)
    assert worker.result("library.describe", folder=folder)["cases"][0]["thumbnail"] is None
    removed = worker.result("library.remove", folder=folder, case="case-001")
    assert removed == {"id": added["id"], "name": "case-001"}
    assert worker.result("library.describe", folder=folder)["removed"] == [removed]
    assert worker.result("library.restore", folder=folder, case=added["id"])["case"]["name"] == "case-001"
    assert worker.result("library.verify", folder=folder) == {"damaged": []}


def test_a_damaged_case_is_named_and_the_others_are_described(
    worker: WorkerProcess, files: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "library")
    worker.result("library.create", folder=folder)
    cases = [
        worker.result(
            "library.add",
            folder=folder,
            image=str(files / f"image{number}.nrrd"),
            segmentation=str(files / f"drawn{number}.seg.nrrd"),
        )["case"]
        for number in (0, 1)
    ]
    (tmp_path / "library" / "cases" / cases[0]["id"] / "case.json").write_bytes(b"{}")
    described = worker.result("library.describe", folder=folder)
    assert [case["id"] for case in described["cases"]] == [cases[1]["id"]]
    assert [one["file"] for one in described["damaged"]] == [f"cases/{cases[0]['id']}/case.json"]
    assert worker.result("library.verify", folder=folder)["damaged"] == described["damaged"]


def test_a_case_keeps_its_model_and_the_slices_that_a_person_corrected(
    worker: WorkerProcess, files: Path, tmp_path: Path
) -> None:
    folder, sha256 = str(tmp_path / "library"), "ab" * 32
    worker.result("library.create", folder=folder)

    def add(corrected: list[int] | None) -> str:
        made_by = {"model": "bundled", "model_sha256": sha256, "corrected": corrected}
        return worker.result(
            "library.add",
            folder=folder,
            image=str(files / "image0.nrrd"),
            segmentation=str(files / "drawn0.seg.nrrd"),
            plane="axial",
            made_by=made_by,
        )["case"]["name"]

    by_model, by_both = add(None), add([7, 3, 7])
    library = SupportLibrary.open(folder)
    told = library.get(by_model).provenance
    assert (told.origin, told.model, told.model_sha256, told.corrected_slices) == ("model", "bundled", sha256, None)
    told = library.get(by_both).provenance
    assert (told.origin, told.model, told.model_sha256) == ("corrected", "bundled", sha256)
    assert told.corrected_slices == (3, 7)
    fault = worker.fault(
        "library.add",
        folder=folder,
        image=str(files / "image0.nrrd"),
        segmentation=str(files / "drawn0.seg.nrrd"),
        plane="axial",
        made_by={"model": "bundled", "model_sha256": sha256, "corrected": [12]},
    )
    assert fault.code == "input" and "corrected slices" in fault.thing
    assert len(library.cases()) == 2


def test_a_case_is_given_as_files_that_are_intact(worker: WorkerProcess, library: Path, tmp_path: Path) -> None:
    case = worker.result("library.case", folder=str(library), case="case-001")
    own = SupportLibrary.open(library).get("case-001")
    assert case["id"] == own.id and [s["name"] for s in case["segments"]] == ["Large", "Small"]
    assert read_volume(case["image"]).content_hash() == own.image_hash
    assert read_segmentation(case["segmentation"]).names == ("Large", "Small")
    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    damaged = copy / "cases" / own.id / "v1" / "image.nrrd"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    fault = worker.fault("library.case", folder=str(copy), case="case-001")
    assert fault.code == "damaged" and "image.nrrd" in fault.thing
    found = worker.result("library.verify", folder=str(copy))["damaged"]
    assert [item["file"] for item in found] == [f"cases/{own.id}/v1/image.nrrd"]
    described = worker.result("library.describe", folder=str(copy), thumbnails=str(tmp_path / "pictures"))
    assert [case["thumbnail"] is None for case in described["cases"]] == [True, False]
    done = worker.result("library.repair", folder=str(copy))["done"]
    assert [item["file"] for item in done][:1] == [f"cases/{own.id}"]
    assert worker.result("library.verify", folder=str(copy)) == {"damaged": []}
    assert (copy / "quarantine" / own.id / "v1" / "image.nrrd").is_file()


def test_support_slices_are_drawn_in_the_order_asked_for(worker: WorkerProcess, library: Path, tmp_path: Path) -> None:
    wanted = [("case-002", 5), ("case-001", 5), ("case-009", 1), ("case-002", 6)]
    asked = [{"case": case, "slice": index} for case, index in wanted]
    files = worker.result("library.slices", folder=str(library), slices=asked, thumbnails=str(tmp_path))["files"]
    assert files[2] is None and len({files[0], files[1], files[3]}) == 3
    again = worker.result("library.slices", folder=str(library), slices=asked[3:], thumbnails=str(tmp_path))["files"]
    assert again == [files[3]]
    with Image.open(files[0]) as picture:
        assert picture.size == (128, 128)


def test_files_are_found_previewed_and_added_with_errors_by_file(
    worker: WorkerProcess, files: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for seed in range(2):
        shutil.copy(files / f"image{seed}.nrrd", source / f"scan{seed}.nrrd")
        shutil.copy(files / f"drawn{seed}.seg.nrrd", source / f"scan{seed}.seg.nrrd")
    (source / "notes.nii.gz").write_text("none")
    found = worker.result("library.pairs", source=str(source))
    assert sorted(Path(pair["image"]).name for pair in found["pairs"]) == ["scan0.nrrd", "scan1.nrrd"]
    assert all("scan" not in pair["name"] and pair["problem"] is None for pair in found["pairs"])
    assert [Path(path).name for path in found["unpaired"]] == ["notes.nii.gz"]
    folder = str(tmp_path / "library")
    worker.result("library.create", folder=folder)
    pairs = [{"image": pair["image"], "segmentation": pair["segmentation"]} for pair in found["pairs"]]
    broken = {"image": str(source / "notes.nii.gz"), "segmentation": pairs[0]["segmentation"]}
    result = worker.result("library.add_files", folder=folder, pairs=[pairs[0], broken, pairs[1]], modality="MR")
    assert result["added"] == ["case-001", "case-002"]
    assert [error["file"] for error in result["errors"]] == [broken["image"]]
    assert "notes.nii.gz" in result["errors"][0]["message"]


def test_cases_go_into_one_file_and_come_out_of_it(worker: WorkerProcess, library: Path, tmp_path: Path) -> None:
    archive = tmp_path / "balls.rslib"
    written = worker.result("library.export", folder=str(library), file=str(archive))
    assert written == {"file": str(archive), "cases": 2, "bytes": archive.stat().st_size}
    other = str(tmp_path / "other")
    worker.result("library.create", folder=other)
    assert worker.result("library.import", folder=other, file=str(archive)) == {
        "added": ["case-001", "case-002"],
        "skipped": [],
    }
    again = worker.result("library.import", folder=other, file=str(archive))
    assert again["added"] == [] and [item["name"] for item in again["skipped"]] == ["case-001", "case-002"]
    hashes = [{c.content_hash for c in SupportLibrary.open(path).cases()} for path in (library, other)]
    assert hashes[0] == hashes[1]


def test_names_that_look_like_patients_are_told(worker: WorkerProcess) -> None:
    warnings = worker.result("names.check", names=["case-001", "DOE^JANE", "Liver"])["warnings"]
    assert [warning["name"] for warning in warnings] == ["DOE^JANE"] and warnings[0]["reason"]


def test_weights_that_are_not_there_are_told_and_nothing_is_removed(worker: WorkerProcess, tmp_path: Path) -> None:
    assert worker.fault("models.import", folder=str(tmp_path)).code == "model"
    assert worker.fault("models.remove", name="bundled").code == "model"
    assert worker.fault("models.download", name="sam9").code == "model"


def test_a_worker_killed_while_it_adds_leaves_whole_cases(files: Path, tmp_path: Path) -> None:
    library = SupportLibrary.create(tmp_path / "library")
    pair = {"image": str(files / "image0.nrrd"), "segmentation": str(files / "drawn0.seg.nrrd")}
    with running() as worker:
        worker.ask("1", "library.add_files", folder=str(library.path), pairs=[pair] * 500)
        while (event := worker.until(Progress)[-1]) and isinstance(event, Progress) and event.done < 3:
            pass
        worker.process.kill()
        worker.ended()
    cases = library.cases()
    assert 3 <= len(cases) < 500 and library.verify() == []
    assert cases[-1].load()[0].geometry.size == (48, 48, 12)
    image, drawn = cases[0].load()
    assert library.add(image, drawn).name == f"case-{len(cases) + 1:03d}"


def test_a_label_map_without_names_takes_the_library_s(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "L")
    worker.result("library.create", folder=folder)
    first = {"image": str(files / "image0.nrrd"), "segmentation": str(files / "drawn0.seg.nrrd")}
    worker.result("library.add", folder=folder, **first)
    bare = tmp_path / "bare.nii.gz"
    write_segmentation(read_segmentation(files / "drawn1.seg.nrrd"), bare)
    pairs = [{"image": str(files / "image1.nrrd"), "segmentation": str(bare)}]
    done = worker.result("library.add_files", folder=folder, pairs=pairs)
    assert (done["added"], done["errors"]) == (["case-002"], [])
    assert [s.name for s in SupportLibrary.open(folder).get("case-002").segments] == ["Large", "Small"]


def test_a_series_is_chosen_from_a_list_and_added(worker: WorkerProcess, files: Path, tmp_path: Path) -> None:
    image, disc = read_volume(files / "image1.nrrd"), tmp_path / "disc"
    for number, stop in ((1, 5), (2, 12)):
        write_slices(disc / f"S{number}", image, range(stop), number)
    told = worker.result("dicom.series", source=str(disc))["series"]
    assert [(one["label"], one["slices"], one["chosen"]) for one in told] == [("1", 5, False), ("2", 12, False)]
    folder = str(tmp_path / "library")
    worker.result("library.create", folder=folder)
    request = {"folder": folder, "image": str(disc), "segmentation": str(files / "drawn1.seg.nrrd")}
    assert "2 series" in worker.fault("library.add", **request).message
    assert worker.result("library.add", **request, series=told[1]["uid"])["case"]["slices"] == 12


def write_slices(folder: Path, image: Volume, wanted: range, number: int) -> None:
    """Slices of a volume as a DICOM series, by ITK."""
    import SimpleITK as sitk

    folder.mkdir(parents=True)
    grid, direction = image.geometry, image.geometry.direction_matrix
    for k in wanted:
        slice_ = sitk.GetImageFromArray(image.voxels[:, :, k : k + 1].T.astype("int16"))
        slice_.SetSpacing(grid.spacing_mm)
        position = "\\".join(f"{value:.8g}" for value in grid.index_to_lps([0, 0, k]))
        axes = "\\".join(f"{value:.8g}" for value in (*direction[:, 0], *direction[:, 1]))
        keys = {
            "0008|0060": "MR", "0020|000e": f"1.2.{number}", "0020|0011": str(number), "0020|0032": position,
            "0020|0037": axes,
        }  # fmt: skip
        for key, value in keys.items():
            slice_.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{k}.dcm"))
        writer.Execute(slice_)
