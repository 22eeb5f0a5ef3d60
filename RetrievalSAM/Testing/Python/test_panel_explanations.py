"""What a slice was drawn from, and whether the volume is like the library's at all, in plain words."""

from __future__ import annotations

import copy
from typing import Any

import phantoms
import qt
import slicer
import slicer.util
from panel_testing import wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted

_KNOWN, _OWN, _OTHER = ("Case 1", 4), ("", 2), ("Case 1", 7)


def support(place: tuple[str, int], similarity: float, attention: float | None) -> dict[str, Any]:
    return {"case": place[0], "slice": place[1], "similarity": similarity, "attention": attention}


def report(attention: bool = True, **changed: Any) -> dict[str, Any]:
    """One in which slice 3 has supports for both segments, one of them a corrected slice of the volume."""
    told = copy.deepcopy(REPORT) | changed
    share = (lambda value: value) if attention else (lambda _value: None)
    told["slices"][3]["segments"] = {
        "Liver": {
            "area_mm2": 100.0,
            "confidence": 0.9,
            "supports": [support(_KNOWN, 0.8, share(0.3)), support(_OWN, 0.9, share(0.5))],
        },
        "Spleen": {
            "area_mm2": 50.0,
            "confidence": 0.7,
            "supports": [support(_KNOWN, 0.95, share(0.1)), support(_OTHER, 0.6, share(0.2))],
        },
    }
    return told


class ExplanationTest(ScriptedTest):
    report = report()

    def setUp(self) -> None:
        type(self).script = scripted(
            segment=[{"threshold": THRESHOLDS, "result": {"report": self.report}}],
            library_slices=[{"result": {"files": [None, None]}}],
            library_case=[{"fault": {"code": "input", "message": "The case is not there."}}],
        )
        super().setUp()
        self.segment(self.volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.wait_until_quiet()

    def show(self, index: int) -> None:
        table = self.results_ui.worstTable
        rows = {int(table.item(row, 0).text()): row for row in range(table.rowCount)}
        table.selectRow(rows[index])
        wait_until(lambda: f"Slice {index} " in self.results_ui.supportsLabel.text, "the slice on display")
        self.wait_until_quiet()

    def rows(self) -> list[list[str]]:
        table = self.results_ui.supportsTable
        return [[table.item(row, column).text() for column in (1, 2, 3)] for row in range(table.rowCount)]


class AttentionTest(ExplanationTest):
    def test_supports_come_with_slice_similarity_and_share_of_attention(self) -> None:
        self.show(3)
        self.assertEqual(
            self.rows(),
            [
                ["this volume\nslice 2", "0.90", "25 %"],
                ["Case 1\nslice 4", "0.95", "20 %"],
                ["Case 1\nslice 7", "0.60", "10 %"],
            ],
        )
        self.assertFalse(self.results_ui.supportsTable.isColumnHidden(3))
        self.assertIn("for Liver, Spleen", self.results_ui.supportsTable.item(1, 1).toolTip())

    def test_pictures_are_asked_for_slices_of_the_library_only(self) -> None:
        self.show(3)
        asked = self.requests("library.slices")[-1]["with"]["slices"]
        self.assertEqual(asked, [{"case": "Case 1", "slice": 4}, {"case": "Case 1", "slice": 7}])

    def test_a_double_click_on_a_corrected_slice_goes_there_and_on_another_loads_its_case(self) -> None:
        self.show(3)
        table = self.results_ui.supportsTable
        table.cellDoubleClicked.emit(0, 1)
        red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
        height = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())[2, 3]
        self.assertAlmostEqual(height, phantoms.IJK_TO_RAS[2, 3] + 2 * phantoms.IJK_TO_RAS[2, 2], places=3)
        self.show(3)
        table.cellDoubleClicked.emit(1, 1)
        self.wait_until_quiet()
        self.assertEqual(self.requests("library.case")[-1]["with"]["case"], "1")
        self.assertIn("The case is not there.", self.user.reads())

    def test_a_slice_without_a_known_share_has_no_column_for_it(self) -> None:
        self.show(5)
        self.assertEqual([row[0] for row in self.rows()], ["Case 1\nslice 4"])
        self.assertTrue(self.results_ui.supportsTable.isColumnHidden(3))


class NoAttentionTest(ExplanationTest):
    report = report(attention=False)

    def test_without_shares_the_users_own_corrections_and_the_most_similar_come_first(self) -> None:
        self.show(3)
        names = [row[0] for row in self.rows()]
        self.assertEqual(names, ["this volume\nslice 2", "Case 1\nslice 4", "Case 1\nslice 7"])
        self.assertTrue(self.results_ui.supportsTable.isColumnHidden(3))


class LikeTest(ExplanationTest):
    def test_a_volume_like_the_librarys_gets_no_warning(self) -> None:
        self.assertFalse(self.results_ui.verdictFrame.visible)
        self.assertIn("looks like those of the library", self.results_ui.summaryLabel.text)
        self.assertNotIn("learned", self.results_ui.summaryLabel.text)


class LookFirstTest(ExplanationTest):
    report = report(
        look_first=[7, 2, 4],
        look_first_gains=[0.0521, 0.02, 0.001],
        cleaned={
            "Liver": {"islands": 2, "island_voxels": 9, "holes": 1, "hole_voxels": 3, "smoothed_voxels": 40},
            "Spleen": {"islands": 0, "island_voxels": 0, "holes": 0, "hole_voxels": 0, "smoothed_voxels": 4},
        },
        learned={"sha256": "0" * 64, "cases": 4, "left_out": "", "segments": {"Liver": {"weight": 0.5}}},
    )

    def height_mm(self, index: int) -> float:
        return float(phantoms.IJK_TO_RAS[2, 3] + index * phantoms.IJK_TO_RAS[2, 2])

    def test_slices_come_in_the_order_of_their_gain_with_their_place(self) -> None:
        table = self.results_ui.worstTable
        rows = [[table.item(row, column).text() for column in (0, 1, 4)] for row in range(table.rowCount)]
        gains = {7: "+0.052", 2: "+0.020", 4: "+0.001"}
        self.assertEqual(rows, [[str(i), f"S {self.height_mm(i):.1f} mm", gain] for i, gain in gains.items()])
        self.assertFalse(table.isColumnHidden(4))

    def test_a_click_on_the_plot_goes_to_the_slice_under_it(self) -> None:
        label = self.results_ui.plotLabel
        for part, index in ((0.0, 0), (1.0, 11)):
            place = qt.QPointF(part * label.pixmap.width(), 40)
            on_screen = qt.QPointF(label.mapToGlobal(place.toPoint()))
            left, none = qt.Qt.LeftButton, qt.Qt.NoModifier
            event = qt.QMouseEvent(qt.QEvent.MouseButtonRelease, place, on_screen, left, left, none)
            slicer.app.sendEvent(label, event)
            wait_until(lambda index=index: f"slice {index}" in self.results_ui.supportsLabel.text.lower(), "the slice")
            red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
            height = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())[2, 3]
            self.assertAlmostEqual(height, self.height_mm(index), places=3)

    def test_what_was_learned_and_what_was_cleaned_is_told(self) -> None:
        label = self.results_ui.summaryLabel
        self.assertIn("What the library has learned from 4 cases has a part in this result.", label.text)
        self.assertIn("Cleaned of what no example has: 2 loose islands, 1 hole.", label.text)
        self.assertIn("Liver: 2 loose islands, 1 hole", label.toolTip)
        self.assertNotIn("Spleen", label.toolTip)


class UncertainTest(ExplanationTest):
    report = report(verdict="uncertain")

    def test_a_doubt_is_said_mildly(self) -> None:
        self.assertTrue(self.results_ui.verdictFrame.visible)
        self.assertIn("cannot be told; look closely", self.results_ui.verdictLabel.text)
        self.assertNotIn("<b>", self.results_ui.verdictLabel.text)


class UnlikeTest(ExplanationTest):
    report = report(verdict="unlike-library")

    def test_the_warning_is_loud_and_stays_as_long_as_the_result_waits(self) -> None:
        ui = self.results_ui
        warning = "unlike anything in this library; do not trust this mask without looking at every slice"
        self.assertIn(warning, ui.verdictLabel.text)
        self.assertIn("<b>", ui.verdictLabel.text)
        self.assertIn("unlike anything in this library", self.segment_ui.statusLabel.text)
        calm = slicer.app.palette().color(ui.verdictFrame.backgroundRole())
        self.assertNotEqual(ui.verdictFrame.palette.color(ui.verdictFrame.backgroundRole()).name(), calm.name())
        self.show(3)
        self.module.widget.exit()
        self.module.widget.enter()
        self.assertTrue(ui.verdictFrame.visible)
        self.bar_ui.discardButton.click()
        self.assertFalse(ui.verdictFrame.visible)
