"""The window of the library's review: what it says, what can be done there, and how it gives way to a run."""

from __future__ import annotations

import csv
import importlib.util
import unittest
from pathlib import Path
from typing import Any, get_args

import numpy as np
import phantoms
import qt
import slicer
import slicer.util
from panel_testing import PanelTest, nodes_of_scene, texts, wait_until
from RetrievalSAMModule.scene.slice_views import world_to_voxel
from RetrievalSAMModule.texts import review_view, wording
from scripted_panel import NO_REVIEW, ScriptedTest, library_of, scripted

LONG = "A case whose name is much longer than any column of this table can be wide " * 2
WAITS = {"progress": 3, "wait": True}


def flag(kind: str, text: str = "it is odd", segments: tuple[str, ...] = (), slices: tuple[int, ...] = ()) -> dict:
    return {"kind": kind, "text": text, "segments": list(segments), "slices": list(slices)}


def case(name: str, *flags: dict, dice: dict[str, float | None] | None = None, axis: int | None = 2) -> dict[str, Any]:
    dice = dice if dice is not None else {"Liver": 0.9, "Spleen": 0.8}
    known = [one for one in dice.values() if one is not None]
    worst = [{"index": 7, "segment": "Spleen", "dice": 0.1}, {"index": 4, "segment": "Liver", "dice": 0.2}]
    return {
        "name": name,
        "id": f"id of {name}",
        "plane": "axial",
        "plane_axis": axis,
        "sparse": False,
        "dice": {"mean": sum(known) / len(known) if known else None, "segments": dice},
        "flags": list(flags),
        "worst_slices": worst if axis is not None else [],
        "influence": None,
    }


def review(*cases: dict) -> dict[str, Any]:
    return {"cases": list(cases), "computed": len(cases), "seconds": 3.0}


def known(found: dict[str, Any], current: bool = True) -> dict[str, Any]:
    return {"result": {"review": found, "finished": "2026-01-02T03:04:05+00:00", "current": current}}


FOUND = review(
    case("Bad", flag("swapped", "`Liver` and `Spleen` lie the other way round", ("Liver", "Spleen"), (9, 5))),
    case("Broken", flag("damaged", "a file is damaged"), dice={"Liver": None, "Spleen": None}, axis=None),
    case("Good", flag("color", "another colour: is it right?", ("Spleen",))),
)
THREE = library_of("Bad", "Broken", "Good")


class ReviewWindowTest(ScriptedTest):
    def open_window(self) -> None:
        self.assertTrue(self.library_ui.reviewButton.enabled)
        self.library_ui.reviewButton.click()
        self.wait_until_quiet()

    def review(self) -> None:
        self.open_window()
        self.assertTrue(self.review_ui.reviewButton.enabled, self.review_ui.reviewButton.toolTip)
        self.review_ui.reviewButton.click()

    def rows(self) -> list[list[str]]:
        return texts(self.review_ui.findingsTable)

    def choose(self, case_name: str, segments: str) -> None:
        row = next(n for n, one in enumerate(self.rows()) if one[:2] == [case_name, segments])
        self.review_ui.findingsTable.selectRow(row)


class TooFewTest(ReviewWindowTest):
    script = scripted()

    def test_one_case_cannot_be_reviewed_and_the_button_says_why(self) -> None:
        self.open_window()
        self.assertFalse(self.review_ui.reviewButton.enabled)
        self.assertIn("at least two cases", self.review_ui.reviewButton.toolTip)
        self.assertIn("at least two cases", self.review_ui.progressLabel.text)
        self.assertIn("has not been reviewed yet", self.review_ui.summaryLabel.text)
        for button in ("showButton", "removeButton", "undoButton", "exportButton"):
            self.assertFalse(getattr(self.review_ui, button).enabled, button)


class FoundTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_review=[{"progress": 2, "result": FOUND}],
        library_last_review=[{"result": NO_REVIEW}, known(FOUND)],
    )

    def setUp(self) -> None:
        super().setUp()
        self.review()
        self.wait_until_quiet()

    def test_what_is_odd_comes_first_in_plain_words(self) -> None:
        self.assertEqual(
            self.rows(),
            [
                ["Broken", "(all)", "", "A file is damaged; the case was left out"],
                ["Bad", "Liver, Spleen", "0.80", "Segments seem to be swapped"],
                ["Good", "Spleen", "0.80", "Another color than in most cases"],
                ["Good", "Liver", "0.90", ""],
                ["Broken", "Liver", "", ""],
                ["Broken", "Spleen", "", ""],
            ],
        )
        self.assertIn("To look at: 3", self.review_ui.summaryLabel.text)
        self.assertNotIn("changed", self.review_ui.summaryLabel.text)
        self.assertEqual(self.review_ui.reviewButton.text, "Review")
        (asked,) = self.requests("library.review")
        self.assertEqual(asked["with"], {"folder": str(self.folder), "model": "bundled", "device": "auto"})

    def test_a_row_tells_more_when_it_is_selected_and_stays_selected_when_sorted_otherwise(self) -> None:
        self.assertFalse(self.review_ui.showButton.enabled)
        self.choose("Bad", "Liver, Spleen")
        self.assertEqual(self.review_ui.detailLabel.text, "Bad: 'Liver' and 'Spleen' lie the other way round.")
        self.choose("Good", "Spleen")
        self.assertEqual(self.review_ui.detailLabel.text, "Good: Another colour: is it right?")
        self.choose("Good", "Liver")
        self.assertEqual(self.review_ui.detailLabel.text, "Good: Nothing is odd here.")
        self.choose("Bad", "Liver, Spleen")
        buttons = self.review_ui.slicesPlace.findChildren(qt.QPushButton)
        self.assertEqual([one.text for one in buttons if not one.isHidden()], ["9", "5"])
        self.review_ui.orderSelector.setCurrentIndex(self.review_ui.orderSelector.findData("case"))
        self.assertEqual([row[0] for row in self.rows()], ["Bad", "Broken", "Broken", "Broken", "Good", "Good"])
        self.assertIn("Bad:", self.review_ui.detailLabel.text)

    def test_a_click_on_a_column_sorts_and_another_turns_it_round_with_unknown_dice_last(self) -> None:
        header = self.review_ui.findingsTable.horizontalHeader()
        header.sectionClicked.emit(2)
        self.assertEqual([row[2] for row in self.rows()], ["0.80", "0.80", "0.90", "", "", ""])
        header.sectionClicked.emit(2)
        self.assertEqual([row[2] for row in self.rows()], ["0.90", "0.80", "0.80", "", "", ""])
        self.assertEqual(self.review_ui.orderSelector.currentText, "Dice")

    def test_nobody_is_removed_without_a_yes(self) -> None:
        self.choose("Good", "Liver")
        self.user.will_answer(False)
        self.review_ui.removeButton.click()
        self.assertIn("Remove Good from the library?", self.user.reads())
        self.wait_until_quiet()
        self.assertEqual(self.requests("library.remove"), [])

    def test_the_table_is_written_without_a_path(self) -> None:
        file = self.folder / "review.csv"
        self.user.will_answer(file)
        self.review_ui.exportButton.click()
        with file.open(encoding="utf-8-sig", newline="") as lines:
            written = list(csv.reader(lines))
        self.assertEqual(written[0], ["Case", "Segment", "Dice", "What is odd", "Details", "Slices"])
        told = "'Liver' and 'Spleen' lie the other way round"
        self.assertEqual(written[2], ["Bad", "Liver, Spleen", "0.8000", "Segments seem to be swapped", told, "9 5"])
        self.assertEqual(len(written), 7)
        self.assertNotIn(str(self.folder), file.read_text(encoding="utf-8-sig"))
        self.assertEqual([one.name for one in self.folder.glob("review*")], ["review.csv"])

    def test_a_table_that_cannot_be_written_is_told(self) -> None:
        self.user.will_answer(self.folder / "no such folder" / "review.csv")
        self.review_ui.exportButton.click()
        self.assertIn("'review.csv' cannot be written", self.user.reads())

    def test_texts_of_german_length_fit(self) -> None:
        for button, text in (
            (self.library_ui.reviewButton, "Bibliothek überprüfen..."),
            (self.library_ui.suggestButton, "Was als Nächstes annotieren..."),
            (self.review_ui.showButton, "In der Szene zeigen"),
            (self.review_ui.removeButton, "Fall entfernen..."),
            (self.review_ui.undoButton, "Entfernen rückgängig machen"),
        ):
            button.text = text
        row = (
            self.library_ui.reviewButton.minimumSizeHint.width() + self.library_ui.suggestButton.minimumSizeHint.width()
        )
        self.assertLess(row, 420, "the panel is about 460 wide")
        self.choose("Bad", "Liver, Spleen")
        self.assertLessEqual(self.panel.review_window.widget.minimumSizeHint.width(), 760)

    def test_everything_can_be_reached_by_the_keyboard_and_enter_presses_no_button(self) -> None:
        for name, widget in vars(self.review_ui).items():
            if isinstance(widget, qt.QPushButton):
                self.assertTrue(widget.focusPolicy & qt.Qt.TabFocus, name)
                self.assertFalse(widget.autoDefault, name)
        self.assertFalse(self.review_ui.findingsTable.tabKeyNavigation, "Tab must lead out of the table")


class NothingOddTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": library_of("Good", LONG)}],
        library_last_review=[known(review(case("Good"), case(LONG)), current=False)],
    )

    def test_the_review_that_the_library_keeps_is_shown_without_a_run(self) -> None:
        self.open_window()
        self.assertEqual(self.requests("library.review"), [])
        self.assertIn("Nothing odd was found", self.review_ui.summaryLabel.text)
        self.assertIn("The library has changed since", self.review_ui.summaryLabel.text)
        self.assertEqual(len(self.rows()), 4)

    def test_a_long_name_is_shortened_and_whole_in_the_tool_tip(self) -> None:
        self.open_window()
        table = self.review_ui.findingsTable
        row = next(n for n, one in enumerate(self.rows()) if one[0] == LONG)
        self.assertEqual(table.item(row, 0).toolTip(), LONG)
        self.assertLess(table.columnWidth(0), 200)
        self.assertLessEqual(self.panel.review_window.widget.minimumSizeHint.width(), 760)


class CancelTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_review=[WAITS, {"result": FOUND}],
        library_last_review=[known(FOUND)],
    )

    def test_a_cancelled_review_says_that_the_next_one_continues(self) -> None:
        self.review()
        wait_until(lambda: "2 of 3" in self.review_ui.progressLabel.text, "progress")
        self.assertEqual(self.review_ui.reviewButton.text, "Cancel")
        self.review_ui.closeButton.click()
        self.assertIn("2 of 3", self.library_ui.reviewLabel.text, "it goes on when the window is closed")
        self.library_ui.reviewButton.click()
        self.review_ui.reviewButton.click()
        self.wait_until_quiet()
        self.assertIn("continues where it stopped", self.review_ui.progressLabel.text)
        self.assertEqual(self.library_ui.reviewLabel.text, "")
        self.review_ui.reviewButton.click()
        self.wait_until_quiet()
        self.assertEqual(len(self.requests("library.review")), 2)
        self.assertEqual(self.review_ui.progressLabel.text, "")


class GivingWayTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_review=[WAITS, {"result": FOUND}],
        library_last_review=[known(FOUND)],
    )

    def test_a_run_goes_first_and_the_review_continues_by_itself(self) -> None:
        self.review()
        wait_until(lambda: "2 of 3" in self.review_ui.progressLabel.text, "progress")
        self.press_segment()
        self.assertEqual(self.panel.segmenting.state, "running")
        self.assertFalse(self.segment_ui.inputSelector.enabled)
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "proposed")
        told = [one["do"] for one in self.everything() if one["do"] in ("library.review", "segment", "cancel")]
        self.assertEqual(told, ["library.review", "cancel", "segment", "library.review"])
        self.assertIn("To look at: 3", self.review_ui.summaryLabel.text)

    def test_the_panel_answers_while_a_review_goes_on(self) -> None:
        self.review()
        wait_until(lambda: "2 of 3" in self.review_ui.progressLabel.text, "progress")
        before = len(self.requests("estimate"))
        self.segment_ui.presetSelector.setCurrentIndex(1)
        wait_until(lambda: len(self.requests("estimate")) > before, "the estimate")
        wait_until(lambda: not self.module.logic.librarian.busy, "the librarian")
        self.assertIn("Takes roughly", self.segment_ui.estimateLabel.text)
        self.assertTrue(self.panel.reviewing.running)
        self.review_ui.reviewButton.click()


class DeafTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_review=[{"progress": 1, "deaf": True}, {"result": FOUND}],
        library_last_review=[known(FOUND)],
    )

    def test_a_run_does_not_wait_for_a_review_that_does_not_hear(self) -> None:
        self.review()
        wait_until(lambda: self.panel.reviewing.progress is not None, "progress")
        self.press_segment()
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "proposed")
        self.assertIn("To look at: 3", self.review_ui.summaryLabel.text)

    def test_a_library_that_is_closed_ends_its_review(self) -> None:
        self.review()
        wait_until(lambda: self.panel.reviewing.progress is not None, "progress")
        self.panel.library.close()
        self.wait_until_quiet()
        self.assertFalse(self.panel.reviewing.running)
        self.assertEqual(self.rows(), [])
        self.assertIn("Open or create a library", self.review_ui.progressLabel.text)


class KilledTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_review=[{"progress": 2, "exit": 3}, {"result": FOUND}],
        library_last_review=[{"result": NO_REVIEW}, known(FOUND)],
    )

    def test_a_worker_that_dies_is_told_once_and_the_next_review_works(self) -> None:
        self.review()
        self.wait_until_quiet()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.assertFalse(self.user.has_message())
        self.assertIn("continues where it stopped", self.review_ui.progressLabel.text)
        self.assertEqual(self.review_ui.reviewButton.text, "Review")
        self.review_ui.reviewButton.click()
        self.wait_until_quiet()
        self.assertEqual(len(self.rows()), 6)


class ChangedTest(ReviewWindowTest):
    script = scripted(
        library_describe=[{"result": THREE}, {"result": library_of("Bad", "Good", removed=["Broken"])}],
        library_remove=[{"result": {"id": "id of Broken", "name": "Broken"}}],
        library_review=[WAITS, {"result": FOUND}],
        library_last_review=[known(FOUND), known(FOUND, current=False), known(FOUND)],
    )

    def test_a_case_that_goes_leaves_the_table_and_begins_a_review_under_way_anew(self) -> None:
        self.review()
        wait_until(lambda: self.panel.reviewing.progress is not None, "progress")
        self.choose("Broken", "(all)")
        self.user.will_answer(True)
        self.review_ui.removeButton.click()
        self.assertIn("Undo remove brings it back", self.user.reads())
        self.wait_until_quiet()
        self.assertEqual(self.requests("library.remove")[0]["with"]["case"], "id of Broken")
        self.assertEqual({row[0] for row in self.rows()}, {"Bad", "Good"})
        self.assertTrue(self.review_ui.undoButton.enabled)
        self.assertEqual(len(self.requests("library.review")), 2)


class WordsTest(unittest.TestCase):
    def test_a_segment_without_a_slice_of_its_own_goes_to_its_worst(self) -> None:
        rows = review_view.rows_of(review(case("One", flag("volume", segments=("Liver",)), flag("hurts"))))
        slices = {(row.segments, row.kind): row.slices for row in rows}
        self.assertEqual(slices[("Liver",), "volume"], (4,))
        self.assertEqual(slices[(), "hurts"], (7, 4))
        self.assertEqual(slices[("Spleen",), None], (7,))

    @unittest.skipUnless(importlib.util.find_spec("msgspec"), "the core's packages are not installed")
    def test_every_kind_of_finding_has_words_and_the_worker_s_rank(self) -> None:
        from RetrievalSAMLib.evaluation.flags import SEVERITY, Kind

        self.assertEqual(review_view.SEVERITY, SEVERITY)
        for kind in get_args(Kind):
            self.assertNotEqual(wording.finding(kind), kind)


TILTED = phantoms.rotated(phantoms.IJK_TO_RAS, 24, (1, 2, 0.5))
FLIPPED = np.array([[1.5, 0, 0, -31], [0, -1.5, 0, 30], [0, 0, -4, 24], [0, 0, 0, 1.0]])


class RealReviewTest(PanelTest):
    """With the real worker: three cases, one with its labels swapped."""

    def make_library(self) -> Path:
        folder = self.folder / "Trunks"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()
        for number, swapped in ((1, False), (2, True), (3, False)):
            voxels, masks = phantoms.subject(number)
            if swapped:
                masks = {"Liver": masks["Spleen"], "Spleen": masks["Liver"]}
            volume = phantoms.add_volume(voxels, f"Subject {number}")
            self.add(volume, phantoms.add_segmentation(volume, masks), f"Case {number}")
        slicer.mrmlScene.Clear(0)
        return folder

    def add(self, volume: Any, drawn: Any, name: str) -> None:
        faults: list[Any] = []
        self.panel.library.add_from_scene(
            volume,
            drawn,
            ("Liver", "Spleen"),
            name=name,
            modality="CT",
            on_done=lambda _result: None,
            on_fault=faults.append,
            on_stopped=lambda: None,
        )
        self.wait_until_quiet()
        self.assertEqual(faults, [])

    def worst(self) -> list[str]:
        return texts(self.review_ui.findingsTable)[0]

    def test_swapped_labels_come_first_are_shown_removed_brought_back_and_known_after_reopening(self) -> None:
        folder = self.make_library()
        self.library_ui.reviewButton.click()
        self.wait_until_quiet()
        self.review_ui.reviewButton.click()
        self.wait_until_quiet()
        self.assertEqual((self.worst()[0], self.worst()[3]), ("Case 2", "Segments seem to be swapped"))

        self.review_ui.findingsTable.selectRow(0)
        row = self.panel.review_window._chosen()
        before = len(nodes_of_scene())
        self.review_ui.showButton.click()
        self.wait_until_quiet()
        self.assertIn(f"at slice {row.slices[0]}", self.review_ui.statusLabel.text)
        self.assertEqual(self.slice_on_display("Case 2", axis=2), row.slices[0])
        nodes = len(nodes_of_scene())
        self.assertGreater(nodes, before)
        other = self.review_ui.slicesPlace.findChildren(qt.QPushButton)[-1]
        other.click()
        self.wait_until_quiet()
        self.assertEqual(self.slice_on_display("Case 2", axis=2), int(other.text))
        self.assertEqual(len(nodes_of_scene()), nodes, "the copy that is there was not shown again")

        self.user.will_answer(True)
        self.review_ui.removeButton.click()
        self.wait_until_quiet()
        self.assertIn("Case 2", self.user.reads())
        self.assertNotIn("Case 2", {row[0] for row in texts(self.review_ui.findingsTable)})
        self.assertIn("changed since", self.review_ui.summaryLabel.text)
        self.review_ui.undoButton.click()
        self.wait_until_quiet()
        self.assertEqual(self.worst()[0], "Case 2")
        self.assertNotIn("changed since", self.review_ui.summaryLabel.text)

        self.panel.library.close()
        self.assertEqual(texts(self.review_ui.findingsTable), [])
        self.panel.library.open(str(folder))
        self.wait_until_quiet()
        self.assertEqual((self.worst()[0], self.worst()[3]), ("Case 2", "Segments seem to be swapped"))
        self.assertFalse(self.panel.reviewing.running)

    def test_a_case_that_lies_obliquely_or_flipped_is_shown_at_the_slice_of_its_file(self) -> None:
        folder = self.folder / "Tilted"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()
        for name, grid in (("Tilted", TILTED), ("Flipped", FLIPPED)):
            voxels, masks = phantoms.subject(4)
            volume = phantoms.add_volume(voxels, name, grid)
            self.add(volume, phantoms.add_segmentation(volume, masks), name)
            slicer.mrmlScene.Clear(0)
            for view, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
                slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}").SetOrientation(orientation)
            case_id = next(one.id for one in self.panel.library.state.cases if one.name == name)
            shown: list[str] = []
            self.panel.review_window._loading.show(case_id, 2, 8, "Spleen", shown.append, self.fail)
            self.wait_until_quiet()
            self.assertEqual(shown, [name])
            k, j, i = np.argwhere(masks["Spleen"][8:9]).mean(axis=0) + (8, 0, 0)
            np.testing.assert_allclose(self.voxel_on_display(name), (i, j, k), atol=0.6)

    def voxel_on_display(self, name: str) -> np.ndarray:
        """Where the three slice views meet, as (i, j, k) of a volume."""
        normals, offsets = [], []
        for view in ("Red", "Yellow", "Green"):
            matrix = slicer.util.arrayFromVTKMatrix(
                slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}").GetSliceToRAS()
            )
            normals.append(matrix[:3, 2])
            offsets.append(matrix[:3, 2] @ matrix[:3, 3])
        return world_to_voxel(slicer.util.getNode(name), np.linalg.solve(np.array(normals), np.array(offsets)))

    def slice_on_display(self, name: str, axis: int) -> int:
        return round(float(self.voxel_on_display(name)[axis]))
