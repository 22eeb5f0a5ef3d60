from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_run import made_up_run
from matplotlib.image import imread

from RetrievalSAMLib.demo import contact_sheet
from RetrievalSAMLib.demo.contact_sheet import write_contact_sheet
from RetrievalSAMLib.demo.subject import Subject
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

WIDTH = round(contact_sheet.WIDTH_INCHES * contact_sheet.DPI)


def pixels(path: Path) -> np.ndarray:
    """(h, w, 3) in [0, 1]."""
    picture: np.ndarray = imread(path)[..., :3]
    return picture


def pixels_near(picture: np.ndarray, color: tuple[float, float, float]) -> int:
    return int((np.abs(picture - np.array(color)).max(axis=2) < 0.06).sum())


@pytest.fixture(scope="module")
def sheet(cohort: list[Subject], tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The sheet of a run with a reference."""
    path = tmp_path_factory.mktemp("sheet") / "contact-sheet.png"
    run = made_up_run(cohort[4], cohort[:4])
    write_contact_sheet(path, cohort[4].image, run.segmentation, run.report, run.cases, cohort[4].segmentation)
    return pixels(path)


def test_the_sheet_has_its_width_and_room_for_two_rows_of_slices_and_one_of_supports(
    sheet: np.ndarray,
) -> None:
    assert sheet.shape[1] == WIDTH
    assert 1000 < sheet.shape[0] < 1600


def test_every_segment_is_outlined_in_its_color(sheet: np.ndarray, cohort: list[Subject]) -> None:
    legend_bottom = 270
    for segment in cohort[4].segmentation.segments:
        assert segment.color is not None
        assert pixels_near(sheet[:legend_bottom], segment.color) > 400
        assert pixels_near(sheet[legend_bottom:], segment.color) > 400, segment.name


def test_no_text_or_picture_touches_the_border(sheet: np.ndarray) -> None:
    background = sheet[0, 0]
    for strip in (sheet[:20], sheet[-14:], sheet[:, :45], sheet[:, -45:]):
        assert np.abs(strip - background).max() < 0.02


def test_without_a_reference_nothing_is_dashed_and_there_is_no_dice(
    cohort: list[Subject], tmp_path: Path, sheet: np.ndarray
) -> None:
    run = made_up_run(cohort[4], cohort[:4])
    write_contact_sheet(tmp_path / "sheet.png", cohort[4].image, run.segmentation, run.report, run.cases, slices=4)
    picture = pixels(tmp_path / "sheet.png")
    assert picture.shape[1] == WIDTH and picture.shape[0] < sheet.shape[0]
    # The line of the legend that stands for the reference.
    with_line, without = sheet[148:162, 1660:1720], picture[148:162, 1660:1720]
    assert pixels_near(with_line, (1, 1, 1)) > 10
    assert pixels_near(without, (1, 1, 1)) == 0


def test_slices_keep_their_true_proportions(tmp_path: Path) -> None:
    """A disc of 40 mm on pixels of 1 x 2 mm is drawn round."""
    geometry = Geometry((60, 30, 8), (1, 2, 5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    x, y = np.meshgrid(np.arange(60) - 30, (np.arange(30) - 15) * 2, indexing="ij")
    disc = np.repeat((np.hypot(x, y) < 20)[..., None], 8, axis=2)
    segment = Segment("Disc", 1, (1.0, 0.0, 1.0))
    subject = Subject(
        "subject-01",
        Volume(np.where(disc, 100, 0).astype(np.int16), geometry),
        Segmentation.from_masks((segment,), (disc,), geometry),
    )
    run = made_up_run(subject, [subject], shift=0)
    write_contact_sheet(tmp_path / "disc.png", subject.image, run.segmentation, run.report, run.cases, slices=1)
    picture = pixels(tmp_path / "disc.png")
    top = 300  # below the legend
    rows, columns = np.nonzero(np.abs(picture[top:] - (1, 0, 1)).max(axis=2) < 0.1)
    first = columns < WIDTH / 6
    rows, columns = rows[first], columns[first]
    in_first_row = rows < rows.min() + WIDTH / 6
    height, width = np.ptp(rows[in_first_row]), np.ptp(columns[in_first_row])
    assert width > 100
    assert height == pytest.approx(width, rel=0.06)


def test_an_empty_result_and_a_volume_of_one_slice_are_drawn_too(tmp_path: Path) -> None:
    geometry = Geometry((40, 30, 1), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    image = Volume(np.arange(1200).reshape(40, 30, 1), geometry)
    empty = Segmentation.from_labelmap(np.zeros(geometry.size, np.uint8), geometry, {1: "Thing"})
    run = made_up_run(Subject("subject-01", image, empty), [])
    write_contact_sheet(tmp_path / "sheet.png", image, empty, run.report, [])
    assert pixels(tmp_path / "sheet.png").std() > 0.02


def test_names_in_any_length_and_number_have_room(tmp_path: Path) -> None:
    geometry = Geometry((40, 40, 5), (1, 1, 4), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    rng = np.random.default_rng(0)
    names = {value: f"Structure $number$ {value} " + "with a name " * (value % 5) for value in range(1, 24)}
    labels = rng.integers(0, 24, geometry.size)
    subject = Subject(
        "a case with a name that is long", Volume(rng.normal(size=geometry.size), geometry),
        Segmentation.from_labelmap(labels, geometry, names),
    )  # fmt: skip
    run = made_up_run(subject, [subject])
    write_contact_sheet(
        tmp_path / "sheet.png", subject.image, run.segmentation, run.report, run.cases, subject.segmentation
    )
    picture = pixels(tmp_path / "sheet.png")
    assert picture.shape[1] == WIDTH
    assert np.abs(picture[:, -45:] - picture[0, 0]).max() < 0.02


def test_cases_that_are_not_at_hand_are_left_out(cohort: list[Subject], tmp_path: Path, sheet: np.ndarray) -> None:
    run = made_up_run(cohort[4], cohort[:4])
    write_contact_sheet(tmp_path / "sheet.png", cohort[4].image, run.segmentation, run.report, [], slices=12)
    assert pixels(tmp_path / "sheet.png").shape[0] < sheet.shape[0] - 200


def test_only_the_cases_that_are_shown_are_loaded(
    cohort: list[Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made_up_run(cohort[4], cohort[:4])
    loaded: list[str] = []
    load = MemoryCase.load_image
    monkeypatch.setattr(MemoryCase, "load_image", lambda case: (loaded.append(case.name), load(case))[1])
    write_contact_sheet(tmp_path / "sheet.png", cohort[4].image, run.segmentation, run.report, run.cases, slices=2)
    assert loaded == ["subject-01", "subject-01"]


def test_a_segmentation_of_another_volume_is_refused_and_nothing_is_written(
    cohort: list[Subject], tmp_path: Path
) -> None:
    run = made_up_run(cohort[4], cohort[:4])
    with pytest.raises(InputError, match="different grids"):
        write_contact_sheet(
            tmp_path / "sheet.png",
            cohort[4].image,
            run.segmentation,
            run.report,
            run.cases,
            cohort[0].segmentation,
        )
    with pytest.raises(InputError, match="too few"):
        write_contact_sheet(tmp_path / "sheet.png", cohort[4].image, run.segmentation, run.report, run.cases, slices=0)
    assert list(tmp_path.iterdir()) == []


def test_the_picture_says_that_it_is_for_research_use(cohort: list[Subject], tmp_path: Path) -> None:
    run = made_up_run(cohort[4], cohort[:4])
    write_contact_sheet(tmp_path / "sheet.png", cohort[4].image, run.segmentation, run.report, [], slices=1)
    content = (tmp_path / "sheet.png").read_bytes()
    assert b"For research use only; not a medical device." in content
