"""The commands as a person uses them, one after the other."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_volumes import GEOMETRY, blob

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.volumes import read_segmentation, read_volume, write_segmentation


def test_a_volume_is_segmented_on_its_own_grid_with_a_report_and_logits(
    library: Path, image: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report, logits = tmp_path / "r.nii.gz", tmp_path / "r.json", tmp_path / "r.npz"
    table = tmp_path / "r.csv"
    assert (
        main(
            [
                "segment",
                str(library),
                str(image),
                "-o",
                str(output),
                "--report",
                str(report),
                "--logits",
                str(logits),
                "--table",
                str(table),
                "--clean",
                "none",  # logits are those before cleaning
            ]
        )
        == 0
    )
    said = capsys.readouterr()
    assert "not a medical device" in said.out and said.err == ""
    found = read_segmentation(output)
    assert found.geometry == read_volume(image).geometry
    content = json.loads(report.read_text())
    assert content["plane_axis"] == 2 and [s["index"] for s in content["slices"]] == list(range(8))
    assert [(s["name"], s["value"]) for s in content["segments"]] == [("Left half", 1), ("Right half", 2)]
    assert content["verdict"] in ("in-library", "uncertain", "unlike-library")
    assert content["settings"]["gate"] > 0 and len(content["model"]["sha256"]) == 64
    assert str(tmp_path) not in report.read_text() and image.name not in report.read_text()
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row, segment in zip(rows, content["segments"], strict=True):
        assert row["segment"] == segment["name"]
        assert float(row["volume_ml"]) * 1000 == pytest.approx(segment["volume_mm3"], rel=1e-4)
        assert float(row["confidence"]) == pytest.approx(segment["confidence"], rel=1e-4)
    with np.load(logits) as data:
        assert data["logits"].dtype == np.float32 and data["logits"].shape == (2, 8, 24, 20)
        assert data["segments"].tolist() == ["Left half", "Right half"] and data["slices"].tolist() == list(range(8))
        best = data["logits"].argmax(0) + 1
        expected = np.where(data["logits"].max(0) > 0, best, 0)
    assert np.array_equal(expected.transpose(2, 1, 0), found.labelmap())
    assert found.labelmap().any()
    areas = {
        name: sum(s["segments"][name]["area_mm2"] for s in content["slices"]) for name in ("Left half", "Right half")
    }
    for segment in content["segments"]:
        assert segment["volume_mm3"] == pytest.approx(areas[segment["name"]] * 5.0)


def test_the_order_in_which_cases_were_added_does_not_matter(library: Path, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert main(["library", "create", str(other)]) == 0
    for seed in (2, 0, 1):
        folder = library.parent
        assert (
            main(
                [
                    "library",
                    "add",
                    str(other),
                    "--image",
                    str(folder / f"image{seed}.nii.gz"),
                    "--segmentation",
                    str(folder / f"drawn{seed}.seg.nrrd"),
                ]
            )
            == 0
        )
    results = []
    for number, path in enumerate((library, other)):
        assert main(["segment", str(path), str(image), "-o", str(tmp_path / f"{number}.nrrd")]) == 0
        results.append(read_segmentation(tmp_path / f"{number}.nrrd").labelmap())
    assert np.array_equal(*results)


def test_only_the_chosen_segment_and_region_are_searched(library: Path, image: Path, tmp_path: Path) -> None:
    output = tmp_path / "r.seg.nrrd"
    assert (
        main(
            [
                "segment",
                str(library),
                str(image),
                "-o",
                str(output),
                "--segments",
                "left half",
                "--roi",
                "0,20,0,24,2,5",
            ]
        )
        == 0
    )
    found = read_segmentation(output)
    assert found.names == ("Left half",) and found.geometry == read_volume(image).geometry
    slices = np.flatnonzero(found.mask(0).any(axis=(0, 1)))
    assert len(slices) and slices.min() >= 2 and slices.max() < 5


def test_slicers_own_numbers_are_replaced_by_the_librarys(library: Path, image: Path, tmp_path: Path) -> None:
    _, drawn = blob(1)
    left, right = drawn.segments
    swapped = replace(drawn, segments=(replace(left, value=2), replace(right, value=1)))
    write_segmentation(swapped, tmp_path / "swapped.seg.nrrd")
    copy = tmp_path / "copy"
    assert main(["library", "create", str(copy)]) == 0
    first = library.parent / "drawn0.seg.nrrd"
    for image_file, file in (
        (library.parent / "image0.nii.gz", first),
        (image, tmp_path / "swapped.seg.nrrd"),
    ):
        assert main(["library", "add", str(copy), "--image", str(image_file), "--segmentation", str(file)]) == 0
    assert main(["library", "list", str(copy), "--json", str(tmp_path / "cases.json")]) == 0
    cases = json.loads((tmp_path / "cases.json").read_text())["cases"]
    assert [{s["name"]: s["value"] for s in c["segments"]} for c in cases] == [{"Left half": 1, "Right half": 2}] * 2


def test_evaluating_against_itself_is_perfect(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(drawn), str(drawn), "--json", str(tmp_path / "e.json")]) == 0
    assert [s["dice"] for s in json.loads((tmp_path / "e.json").read_text())["segments"]] == [1.0, 1.0]
    assert "1.000" in capsys.readouterr().out


def test_a_removed_case_comes_back(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "remove", str(library), "case-003"]) == 0
    assert main(["library", "list", str(library)]) == 0
    assert "case-003" not in capsys.readouterr().out.split("restore", 1)[-1].split("\n", 1)[1]
    assert main(["library", "restore", str(library), "case-003"]) == 0
    assert main(["library", "verify", str(library)]) == 0


def test_a_damaged_file_is_named_and_changes_nothing(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    victim = next(copy.glob("cases/*/v1/image.nrrd"))
    content = bytearray(victim.read_bytes())
    content[-20] ^= 1
    victim.write_bytes(content)
    capsys.readouterr()
    assert main(["library", "verify", str(copy)]) == 1
    assert victim.relative_to(copy).as_posix() in capsys.readouterr().out
    assert victim.read_bytes() == bytes(content)


def test_an_unexpected_error_names_a_log_file(
    library: Path,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import platformdirs

    from RetrievalSAMLib.segmentation.settings import presets

    def broken(name: str, supports: int | None) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(presets, "preset", broken)
    monkeypatch.setattr(platformdirs, "user_log_path", lambda *_, **__: tmp_path)
    assert main(["segment", str(library), str(image), "-o", str(tmp_path / "r.nrrd")]) == 1
    log = next(tmp_path.glob("error-*.log"))
    assert str(log) in capsys.readouterr().err and "a bug" in log.read_text()
    assert GEOMETRY.size == (20, 24, 8) and not (tmp_path / "r.nrrd").exists()


def test_half_of_the_processors_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from RetrievalSAMLib.models import device

    before = torch.get_num_threads()
    monkeypatch.setattr(device, "available_processors", lambda: 8)
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        device.share_processors()
        assert torch.get_num_threads() == 4
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        torch.set_num_threads(3)
        device.share_processors()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
