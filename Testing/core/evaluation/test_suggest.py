"""What to annotate next, with the bundled encoder and real files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from reviewed_cases import GRID, stripes, subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.evaluation.suggest import Suggestions, suggest
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.segmentation.output.report import (
    LibraryReport,
    ModelReport,
    SegmentationReport,
    SegmentOnSlice,
    SegmentReport,
    SliceReport,
    TargetReport,
    read_report,
)
from RetrievalSAMLib.volumes import Volume, write_volume
from Testing.core.volumes.dicom_series import write_series


@pytest.fixture(scope="module")
def embedder() -> SliceEmbedder:
    return SliceEmbedder(build_encoder("bundled"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> SupportLibrary:
    made = SupportLibrary.create(tmp_path_factory.mktemp("support") / "library")
    made.add(*subject(1))
    made.add(*subject(2), annotated_slices=(3, 5, 7))
    return made


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files: one like the library, a near-duplicate of a case of it, an unlike one, and that one's near-duplicate."""
    folder = tmp_path_factory.mktemp("volumes")
    copy = subject(1)[0]
    noise = np.random.default_rng(3).normal(0, 3, GRID.size)
    made = {
        "copy": Volume((copy.voxels + noise).astype(np.int16), GRID),
        "like": subject(9)[0],
        "unlike": stripes(),
        "unlike again": stripes(1),
    }
    for name, volume in made.items():
        write_volume(volume, folder / f"{name}.nrrd")
    return {name: str(folder / f"{name}.nrrd") for name in made}


def order(found: Suggestions) -> list[str]:
    return [Path(one.file).stem for one in found.volumes]


def report_on(file: str, confidence: float, plane_axis: int = 2) -> SegmentationReport:
    """A report on a volume: sure but for slice 8."""
    from RetrievalSAMLib.volumes import read_volume

    volume = read_volume(file)
    rows = [
        SliceReport(n, {"Large": SegmentOnSlice(0.1 if n == 8 else confidence, 50.0, ())}) for n in range(GRID.size[2])
    ]
    model = ModelReport("bundled", "0" * 64, 256, "bundled")
    return SegmentationReport(
        target=TargetReport(GRID.size, GRID.spacing_mm, GRID.origin_mm, GRID.direction, volume.content_hash()),
        library=LibraryReport("library", 2),
        model=model,
        encoder=model,
        preset="fast",
        settings={},
        plane="axial",
        plane_axis=plane_axis,
        segments=(SegmentReport("Large", 1, 500.0, confidence),),
        slices=tuple(rows),
        verdict="in-library",
        seconds={},
        peak_memory_bytes=1,
    )


def test_an_unlike_volume_comes_first_and_a_near_duplicate_last(
    library: SupportLibrary, volumes: dict[str, str], embedder: SliceEmbedder
) -> None:
    files = [volumes["copy"], volumes["like"], volumes["unlike"]]
    found = suggest(library.cases(), files, embedder, cache=library.cache_dir)
    assert order(found) == ["unlike", "like", "copy"]
    scores = [one.score for one in found.volumes]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.5 > scores[-1]
    assert [one.score for one in found.volumes] == [one.novelty for one in found.volumes]
    copy = found.volumes[-1]
    assert copy.nearest is not None and copy.nearest.case == "case-001" and copy.nearest.similarity > 0.99
    assert found.volumes[0].note is None and found.cases == 2


def test_what_is_ranked_counts_as_known_for_the_rest(
    library: SupportLibrary, volumes: dict[str, str], embedder: SliceEmbedder
) -> None:
    found = suggest(library.cases(), [volumes[n] for n in ("unlike", "unlike again", "like")], embedder)
    assert order(found)[0] in ("unlike", "unlike again") and order(found)[1] == "like"
    assert found.volumes[2].novelty < 0.5 * found.volumes[0].novelty


def test_an_empty_library_begins_with_the_most_typical_volume(
    volumes: dict[str, str], embedder: SliceEmbedder, tmp_path: Path
) -> None:
    empty = SupportLibrary.create(tmp_path / "empty")
    found = suggest(empty.cases(), [volumes[n] for n in ("unlike", "copy", "like")], embedder, cache=empty.cache_dir)
    assert order(found)[0] in ("copy", "like") and order(found)[1] == "unlike"
    assert found.volumes[0].novelty == 1.0 and found.volumes[0].nearest is None
    (only,) = suggest([], [volumes["unlike"]], embedder).volumes
    assert len(only.slices) == 3


def test_three_to_five_slices_with_something_on_them_are_named_by_the_file(
    library: SupportLibrary, volumes: dict[str, str], embedder: SliceEmbedder, tmp_path: Path
) -> None:
    volume = subject(4)[0]
    voxels = volume.voxels.copy()
    voxels[:, :, :6] = voxels.min()
    flipped = replace(volume.geometry, direction=(1, 0, 0, 0, 1, 0, 0, 0, -1))
    for name, geometry in (("up", volume.geometry), ("down", flipped)):
        file = tmp_path / f"{name}.nrrd"
        write_volume(Volume(voxels, geometry), file)
        (one,) = suggest(library.cases(), [str(file)], embedder).volumes
        assert one.plane == "axial" and one.plane_axis == 2
        assert len(one.slices) == len(set(one.slices)) == 3 and set(one.slices) <= set(range(6, 12))


def test_reports_add_uncertainty_to_volumes_and_to_slices(
    library: SupportLibrary, volumes: dict[str, str], embedder: SliceEmbedder, tmp_path: Path
) -> None:
    files = [volumes["copy"], volumes["like"]]
    sure, unsure = report_on(volumes["like"], 0.95), report_on(volumes["copy"], 0.05)
    found = suggest(library.cases(), files, embedder, reports=[sure, unsure])
    assert order(found) == ["copy", "like"] and order(suggest(library.cases(), files, embedder)) == ["like", "copy"]
    copy, like = found.volumes
    assert copy.uncertainty == pytest.approx(0.95, abs=0.01) and like.uncertainty == pytest.approx(0.12, abs=0.01)
    assert like.score == pytest.approx((like.novelty + like.uncertainty) / 2, abs=1e-3)  # type: ignore[operator]
    assert min(abs(index - 8) for index in like.slices) <= 1
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(sure))
    assert read_report(path) == sure
    with pytest.raises(InputError, match="none of these volumes"):
        suggest(library.cases(), [volumes["unlike"]], embedder, reports=[sure])


def test_what_cannot_be_read_is_listed_and_the_rest_ranked(
    library: SupportLibrary, volumes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, told = tmp_path / "notes.nii.gz", tmp_path / "told.json"
    broken.write_text("none")
    command = ["library", "suggest", str(library.path), str(broken), volumes["like"], volumes["unlike"]]
    assert main([*command, "--json", str(told), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "warning: left out" in said.err and "notes.nii.gz" in said.err
    rows = said.out.splitlines()
    assert "unlike.nrrd" in rows[1] and "like.nrrd" in rows[2] and "slices" in rows[1]
    content = json.loads(told.read_text())
    assert [Path(one["file"]).name for one in content["volumes"]] == ["unlike.nrrd", "like.nrrd"]
    assert [Path(one["file"]).name for one in content["unreadable"]] == ["notes.nii.gz"]
    assert main(["library", "suggest", str(library.path), str(broken)]) == 2
    assert "no volume can be read" in capsys.readouterr().err
    assert main(["library", "suggest", str(library.path), volumes["like"], "--report", str(broken)]) == 2
    assert "no report of a run" in capsys.readouterr().err


def test_series_are_chosen_where_there_are_some_and_what_was_seen_is_told(
    library: SupportLibrary, volumes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (2, 5):
        write_series(tmp_path / "disc" / str(number), values=subject(number)[0].voxels, number=number)
    command = ["library", "suggest", str(library.path), str(tmp_path / "disc"), volumes["like"], "--json", "-"]
    assert main(command) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in answer["unreadable"]] == [str(tmp_path / "disc")]
    assert "--series" in answer["unreadable"][0]["message"]
    assert main([*command, "--series", "5", "--straighten", "--spacing", "1,1,1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["unreadable"] == [] and len(answer["volumes"]) == 2


def test_what_is_seen_in_a_volume_is_told(
    library: SupportLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    volume = subject(3)[0]
    padding = np.zeros(volume.voxels.shape, bool)
    padding[0] = True
    file = tmp_path / "padded.nrrd"
    write_volume(Volume(volume.voxels.astype(np.float32), volume.geometry, padding), file)
    assert main(["library", "suggest", str(library.path), str(file), "--json", "-"]) == 0
    told = capsys.readouterr()
    (warning,) = json.loads(told.out)["warnings"]
    assert warning["file"] == str(file) and "NaN or infinite" in warning["text"]
    assert f"warning: {file}: {warning['text']}" in told.err
