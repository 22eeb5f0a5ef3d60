"""Slices that the user corrects are seen, carried on and never changed; every propagation can be taken back."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import phantoms
import slicer
import slicer.util
from corrected_panel import GOOD, MOVED, REFINED, REFINES, CorrectionsTest
from panel_testing import nodes_of_scene, wait_until
from scripted_panel import REPORT, scripted
from test_panel_geometry import add_transform, rotation


class SeenTest(CorrectionsTest):
    def test_an_untouched_result_has_no_corrected_slice(self) -> None:
        self.get_result()
        wait_until(lambda: len(self.panel.correcting._compared) == 2, "the comparison of both segments")
        self.assertEqual(self.panel.correcting.corrected, [])
        self.assertIn("No slice is corrected yet", self.said())
        self.assertFalse(self.corrections_ui.propagateButton.enabled)
        self.assertIn("Correct a slice", self.corrections_ui.propagateButton.toolTip)

    def test_edited_slices_are_listed_with_their_segments(self) -> None:
        self.get_result()
        self.draw(10, "Spleen")
        self.draw(4)
        self.wait_for([4, 10])
        self.assertEqual(self.said(), "Corrected slices: 4, 10")
        self.assertIn("4: Liver", self.corrections_ui.correctedLabel.toolTip)
        self.assertIn("10: Spleen", self.corrections_ui.correctedLabel.toolTip)

    def test_a_single_voxel_is_seen_and_its_undoing_too(self) -> None:
        self.get_result()
        before = self.mask()[7]
        edited = before.copy()
        edited[20, 20] ^= True
        phantoms.edit_slice(self.result(), "Liver", self.volume, 7, edited)
        self.wait_for([7])
        phantoms.edit_slice(self.result(), "Liver", self.volume, 7, before)
        self.wait_for([])

    def test_a_click_on_a_corrected_slice_shows_it(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.corrections_ui.correctedLabel.linkActivated.emit("4")
        red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceNode()
        height = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())[2, 3]
        self.assertAlmostEqual(height, phantoms.IJK_TO_RAS[2, 3] + 4 * phantoms.IJK_TO_RAS[2, 2], places=3)

    def test_a_slice_that_was_looked_at_counts_though_it_is_unchanged(self) -> None:
        self.get_result()
        self.results_ui.worstTable.selectRow(2)
        index = int(self.results_ui.worstTable.item(2, 0).text())
        box = self.corrections_ui.rightCheckBox
        wait_until(lambda: box.enabled and box.text == f"Slice {index} is right as it is", "the slice on display")
        box.click()
        self.assertEqual(self.panel.correcting.corrected, [index])
        self.assertTrue(self.corrections_ui.propagateButton.enabled)
        box.click()
        self.assertEqual(self.panel.correcting.corrected, [])

    def test_a_segment_that_was_deleted_or_renamed_corrects_no_slice(self) -> None:
        content = self.get_result().GetSegmentation()
        content.RemoveSegment(content.GetSegmentIdBySegmentName("Spleen"))
        content.GetNthSegment(0).SetName("My liver")
        phantoms.edit_slice(self.result(), "My liver", self.volume, 3, self.mask("My liver")[3] ^ True)
        self.wait_for([3])
        self.propagate()
        names = [content.GetNthSegment(n).GetName() for n in range(content.GetNumberOfSegments())]
        self.assertEqual(names, ["My liver", "Spleen"], "the worker's result has both")
        moved = self.truth_of(MOVED)["Liver"]
        np.testing.assert_array_equal(np.delete(self.mask("My liver"), 3, 0), np.delete(moved, 3, 0))

    def truth_of(self, thresholds: list[list[Any]]) -> dict[str, np.ndarray]:
        voxels = slicer.util.arrayFromVolume(self.volume)
        return {name: (voxels >= low) & (voxels <= high) for name, low, high, _color in thresholds}

    def test_other_segments_of_the_node_are_no_corrections(self) -> None:
        other = phantoms.add_segmentation(self.volume, {"Around": np.zeros(phantoms.SHAPE, bool)}, "Mine")
        self.segment_ui.outputSelector.setCurrentNode(other)
        self.get_result()
        phantoms.edit_slice(other, "Around", self.volume, 2, np.ones(phantoms.SHAPE[1:], bool))
        self.draw(5)
        self.wait_for([5])


class OrientationTest(CorrectionsTest):
    def check(self, volume: Any, axis: int) -> None:
        """Edit one slice along an axis of the voxels that the report names as the sliced one."""
        self.get_result(volume)
        self.panel.segmenting.proposal.report["plane_axis"] = axis
        changed = self.draw(9, axis=axis, volume=volume)
        self.wait_for([9])
        np.testing.assert_array_equal(np.take(self.mask(volume=volume), 9, axis=2 - axis), changed)

    def test_along_every_axis(self) -> None:
        for axis in (0, 1, 2):
            with self.subTest(axis):
                self.check(self.volume, axis)
                self.bar_ui.discardButton.click()

    def test_in_an_oblique_volume_under_a_transform(self) -> None:
        oblique = rotation(35, (1, 2, 3)) @ phantoms.IJK_TO_RAS
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Oblique", oblique)
        volume.SetAndObserveTransformNodeID(add_transform(rotation(20, (0, 1, 1))).GetID())
        self.check(volume, 2)

    def test_in_a_volume_whose_rows_run_the_other_way(self) -> None:
        mirrored = phantoms.IJK_TO_RAS @ np.diag([-1.0, 1, 1, 1])
        self.check(phantoms.add_volume(phantoms.subject(3)[0], "Left-handed", mirrored), 0)

    def test_a_transform_that_moves_volume_and_segments_together_corrects_nothing(self) -> None:
        self.get_result()
        transform = add_transform(rotation(20, (0, 1, 1)))
        for node in (self.volume, self.result()):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.draw(6)
        self.wait_for([6])


class PropagateTest(CorrectionsTest):
    script = scripted(segment=[GOOD], refine=[REFINES])

    def test_the_worker_gets_slices_segments_and_the_settings_of_the_run(self) -> None:
        ui = self.segment_ui
        ui.presetSelector.setCurrentIndex(ui.presetSelector.findData("fast"))
        self.get_result()
        ui.presetSelector.setCurrentIndex(ui.presetSelector.findData("accurate"))  # for the next run
        self.draw(4)
        self.draw(10, "Spleen")
        self.wait_for([4, 10])
        self.propagate()
        asked, first = self.requests("refine")[-1]["with"], self.requests("segment")[-1]["with"]
        self.assertEqual(asked["corrected"], [4, 10])
        self.assertNotIn("points", asked)
        self.assertNotIn("boxes", asked)
        for key in ("folder", "segments", "plane", "roi", "preset", "model", "device"):
            self.assertEqual(asked[key], first[key], key)

    def test_corrected_slices_stay_bit_by_bit_and_the_others_are_the_workers(self) -> None:
        self.get_result()
        drawn = {4: self.draw(4), 8: self.draw(8)}
        self.wait_for([4, 8])
        self.propagate()
        voxels = slicer.util.arrayFromVolume(self.volume)
        expected = voxels >= 141
        for index, mask in drawn.items():
            expected[index] = mask
        np.testing.assert_array_equal(self.mask(), expected)
        self.assertEqual(self.panel.correcting.corrected, [4, 8], "they stay corrected")
        self.assertEqual(self.panel.correcting.edited, {})
        self.assertFalse(self.corrections_ui.propagateButton.enabled, "there is nothing new to carry on")

    def test_slices_of_earlier_propagations_are_sent_along(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        self.draw(10)
        self.wait_for([4, 10])
        self.propagate()
        self.assertEqual([asked["with"]["corrected"] for asked in self.requests("refine")], [[4], [4, 10]])

    def test_an_emptied_segment_goes_along_as_empty(self) -> None:
        self.get_result()
        nothing = np.zeros(phantoms.SHAPE[1:], bool)
        held = [int(k) for k in np.flatnonzero(self.mask("Spleen").any(axis=(1, 2)))]
        for index in held:
            phantoms.edit_slice(self.result(), "Spleen", self.volume, index, nothing)
        self.wait_for(held)
        self.propagate()
        self.assertFalse(self.mask("Spleen")[held].any())

    def test_the_results_stay_on_show_while_corrections_are_carried_on(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        rows: list[int] = []
        self.panel.segmenting.grown.connect(lambda: rows.append(self.results_ui.segmentsTable.rowCount))
        self.propagate()
        self.assertTrue(rows)
        self.assertTrue(all(rows))

    def test_accept_keeps_the_propagated_result(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        segmentation, mask = self.result(), self.mask()
        self.bar_ui.keepButton.click()
        np.testing.assert_array_equal(phantoms.mask_of(segmentation, "Liver", self.volume), mask)
        self.assertFalse(self.corrections_ui.undoButton.enabled)

    def test_discard_puts_the_scene_back_to_before_the_first_run(self) -> None:
        before = nodes_of_scene()
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        self.bar_ui.discardButton.click()
        self.assertEqual(nodes_of_scene(), before)
        self.assertEqual(self.panel.correcting.corrected, [])


class TeachingAtOnceTest(CorrectionsTest):
    learned: ClassVar[dict[str, Any]] = {"cases": 3, "left_out": "", "segments": {"Liver": {"weight": 0.4}}}
    taught: ClassVar[dict[str, Any]] = {"left_out": "", "seconds": 12.0}
    refined: ClassVar[dict[str, Any]] = {**REFINED["refinement"], "taught": taught}
    script = scripted(
        segment=[{**GOOD, "result": {"report": {**REPORT, "learned": learned}}}],
        refine=[{**REFINES, "result": {"report": {**REFINED, "learned": learned, "refinement": refined}}}],
    )

    def test_what_corrections_teach_is_said_and_can_be_switched_off(self) -> None:
        self.get_result()
        box = self.corrections_ui.teachCheckBox
        self.assertFalse(box.isHidden())
        self.assertTrue(box.checked)
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        self.assertNotIn("teach", self.requests("refine")[-1]["with"])
        self.assertIn("have taught a copy of what the library learned", self.bar_ui.statusLabel.text)
        box.click()
        self.draw(6)
        self.wait_for([4, 6])
        self.propagate()
        self.assertIs(self.requests("refine")[-1]["with"]["teach"], False)


class NothingLearnedTest(CorrectionsTest):
    def test_where_nothing_was_learned_nothing_is_said_of_teaching(self) -> None:
        self.get_result()
        self.assertTrue(self.corrections_ui.teachCheckBox.isHidden())


class PublishedMethodTest(CorrectionsTest):
    def test_the_published_method_says_that_it_knows_no_corrections(self) -> None:
        ui = self.segment_ui
        ui.presetSelector.setCurrentIndex(ui.presetSelector.findData("fate-sam"))
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.assertFalse(self.corrections_ui.propagateButton.enabled)
        self.assertIn("knows no corrections", self.corrections_ui.propagateButton.toolTip)


class UndoTest(CorrectionsTest):
    def propagated(self) -> tuple[np.ndarray, np.ndarray]:
        """A result with one correction carried on; the masks before and after it."""
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        before = self.mask()
        self.propagate()
        after = self.mask()
        self.assertFalse(np.array_equal(before, after))
        return before, after

    def test_one_click_brings_the_state_before_the_propagation_back(self) -> None:
        before, after = self.propagated()
        ids = dict(self.panel.segmenting.proposal.segment_ids)
        self.assertTrue(self.corrections_ui.undoButton.enabled)
        self.corrections_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), before)
        self.assertEqual(self.panel.correcting.corrected, [4])
        self.assertEqual(self.panel.correcting.edited, {4: ["Liver"]}, "it can be carried on again")
        self.assertEqual(self.panel.segmenting.proposal.segment_ids, ids)
        self.assertTrue(self.corrections_ui.propagateButton.enabled)
        self.assertFalse(self.corrections_ui.undoButton.enabled)
        self.propagate()
        np.testing.assert_array_equal(self.mask(), after)

    def test_nothing_drawn_after_the_propagation_is_lost_by_the_undo(self) -> None:
        before, after = self.propagated()
        self.wait_until_quiet()
        drawn = self.draw(9)
        self.wait_for([4, 9])
        latest = self.mask()
        self.corrections_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), after)
        self.corrections_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), before)
        self.corrections_ui.redoButton.click()
        np.testing.assert_array_equal(self.mask(), after)
        self.draw(9)
        self.wait_for([4, 9])
        np.testing.assert_array_equal(self.mask(), latest)
        np.testing.assert_array_equal(self.mask()[9], drawn)
        self.assertEqual(self.panel.correcting.corrected, [4, 9])
        self.assertFalse(self.corrections_ui.redoButton.enabled)

    def test_several_propagations_are_taken_back_one_by_one(self) -> None:
        first, _second = self.propagated()
        self.draw(9)
        self.wait_for([4, 9])
        third = self.mask()
        self.propagate()
        for expected in (third, first):
            self.corrections_ui.undoButton.click()
            np.testing.assert_array_equal(self.mask(), expected)
        self.assertFalse(self.corrections_ui.undoButton.enabled)

    def test_the_report_on_show_follows(self) -> None:
        self.propagated()
        self.assertIsNotNone(self.panel.segmenting.proposal.report["refinement"])
        self.corrections_ui.undoButton.click()
        self.assertIsNone(self.panel.segmenting.proposal.report["refinement"])

    def test_marks_come_back(self) -> None:
        self.get_result()
        self.results_ui.worstTable.selectRow(2)
        index = int(self.results_ui.worstTable.item(2, 0).text())
        box = self.corrections_ui.rightCheckBox
        wait_until(lambda: box.enabled and box.text == f"Slice {index} is right as it is", "the slice on display")
        box.click()
        self.propagate()
        self.assertEqual(self.requests("refine")[-1]["with"]["corrected"], [index])
        self.corrections_ui.undoButton.click()
        self.assertEqual(self.panel.correcting.corrected, [index])
        box.click()
        self.assertEqual(self.panel.correcting.corrected, [])

    def test_a_result_whose_segmentation_was_deleted_is_not_undone_but_nothing_breaks(self) -> None:
        self.propagated()
        slicer.mrmlScene.RemoveNode(self.result())
        self.corrections_ui.undoButton.click()
        self.bar_ui.discardButton.click()
        self.assertEqual(self.panel.segmenting.state, "idle")
