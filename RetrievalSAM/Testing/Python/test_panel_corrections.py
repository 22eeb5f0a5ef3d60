"""Slices that the user corrects are seen, carried on and never changed; every propagation can be taken back."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import phantoms
import slicer
import slicer.util
from panel_testing import nodes_of_scene, wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted
from test_panel_geometry import add_transform, rotation

GOOD = {"threshold": THRESHOLDS, "partials": 1, "result": {"report": REPORT}}
# Other thresholds: what the worker gives after a correction differs from before on every slice but the corrected ones.
_MOVED = [["Liver", 141, 3000, phantoms.COLORS["Liver"]], ["Spleen", 66, 120, phantoms.COLORS["Spleen"]]]
_REFINED = {**REPORT, "refinement": {"corrected": [4], "recomputed": {}, "changed": {}, "reused": True}}
REFINES = {"threshold": _MOVED, "partials": 1, "progress": 1, "result": {"report": _REFINED}}


class CorrectionsTest(ScriptedTest):
    script = scripted(segment=[GOOD], refine=[REFINES])

    def get_result(self, volume: Any = None) -> Any:
        self.segment(volume or self.volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.wait_until_quiet()
        return self.result()

    def mask(self, name: str = "Liver", volume: Any = None) -> np.ndarray:
        return phantoms.mask_of(self.result(), name, volume or self.volume)

    def draw(self, index: int, name: str = "Liver", axis: int = 2, volume: Any = None) -> np.ndarray:
        """Change one slice; what it is then, as the volume has its voxels."""
        volume = volume or self.volume
        changed = ~np.take(self.mask(name, volume), index, axis=2 - axis)
        phantoms.edit_slice(self.result(), name, volume, index, changed, axis)
        return changed

    def wait_for(self, slices: list[int]) -> None:
        wait_until(lambda: self.panel.correcting.corrected == slices, f"the slices {slices} to be seen")

    def said(self) -> str:
        """The line that names the corrected slices, without its links."""
        import re

        return re.sub("<[^>]*>", "", self.corrections_ui.correctedLabel.text)

    def propagate(self) -> None:
        self.assertTrue(self.corrections_ui.propagateButton.enabled, self.corrections_ui.propagateButton.toolTip)
        self.corrections_ui.propagateButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the corrections to be carried on")
        self.wait_until_quiet()


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
        self.corrections_ui.correctedLabel.emit("linkActivated(QString)", "4")
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
        moved = self.truth_of(_MOVED)["Liver"]
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
                self.results_ui.discardButton.click()

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
        self.results_ui.acceptButton.click()
        np.testing.assert_array_equal(phantoms.mask_of(segmentation, "Liver", self.volume), mask)
        self.assertFalse(self.corrections_ui.undoButton.enabled)

    def test_discard_puts_the_scene_back_to_before_the_first_run(self) -> None:
        before = nodes_of_scene()
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        self.results_ui.discardButton.click()
        self.assertEqual(nodes_of_scene(), before)
        self.assertEqual(self.panel.correcting.corrected, [])


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
        before, _after = self.propagated()
        drawn = self.draw(9)
        self.wait_for([4, 9])
        latest = self.mask()
        self.corrections_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), before)
        self.corrections_ui.redoButton.click()
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
        self.results_ui.discardButton.click()
        self.assertEqual(self.panel.segmenting.state, "idle")


class EndsEarlyTest(CorrectionsTest):
    waits = {"threshold": _MOVED, "partials": 1, "progress": 3, "wait": True}
    dies = {"threshold": _MOVED, "partials": 1, "exit": 3}
    fails = {"threshold": _MOVED, "partials": 1, "fault": {"code": "memory", "message": "The memory ran out."}}

    def begin(self) -> np.ndarray:
        """A corrected result that is being carried on; the mask before."""
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        before = self.mask()
        self.corrections_ui.propagateButton.click()
        return before

    def begin_and_grow(self) -> np.ndarray:
        """The same when it shows itself."""
        grown: list[bool] = []
        before = self.begin()
        self.panel.segmenting.grown.connect(lambda: grown.append(True))
        wait_until(lambda: grown, "a partial result")
        self.assertFalse(np.array_equal(self.mask_so_far(), before))
        return before

    def mask_so_far(self) -> np.ndarray:
        return phantoms.mask_of(self.panel.segmenting.proposal.segmentation, "Liver", self.volume)

    def end(self) -> None:
        wait_until(lambda: self.panel.segmenting.state != "running", "the end")
        self.wait_until_quiet()

    def check_as_before(self, before: np.ndarray) -> None:
        np.testing.assert_array_equal(self.mask(), before)
        self.wait_for([4])
        self.assertEqual(self.corrections_ui.propagateButton.text, "Propagate corrections")
        self.assertFalse(self.corrections_ui.undoButton.enabled)
        self.propagate()
        self.assertTrue(self.corrections_ui.undoButton.enabled)


class CancelledTest(EndsEarlyTest):
    script = scripted(segment=[GOOD], refine=[EndsEarlyTest.waits, REFINES])

    def test_cancel_puts_the_corrected_result_back(self) -> None:
        before = self.begin_and_grow()
        self.assertEqual(self.corrections_ui.propagateButton.text, "Cancel")
        self.assertIn("2 of 3, 4 s left", self.corrections_ui.statusLabel.text)
        self.assertFalse(self.results_ui.acceptButton.enabled)
        self.corrections_ui.propagateButton.click()
        self.assertIn("Stopping", self.corrections_ui.statusLabel.text)
        self.end()
        self.assertIn("The scene is as it was before", self.corrections_ui.statusLabel.text)
        self.check_as_before(before)

    def test_what_is_drawn_meanwhile_stays_when_it_is_cancelled(self) -> None:
        before = self.begin_and_grow()
        drawn = ~self.mask_so_far()[9]
        segmentation = self.panel.segmenting.proposal.segmentation
        phantoms.edit_slice(segmentation, "Liver", self.volume, 9, drawn)
        self.corrections_ui.propagateButton.click()
        self.end()
        before[9] = drawn
        np.testing.assert_array_equal(self.mask(), before)
        self.wait_for([4, 9])

    def test_a_scene_that_is_closed_ends_it(self) -> None:
        self.begin_and_grow()
        slicer.mrmlScene.Clear(0)
        self.end()
        self.assertEqual(self.panel.segmenting.state, "idle")

    def test_a_volume_that_is_deleted_ends_it_and_the_corrections_stay(self) -> None:
        before = self.begin_and_grow()
        segmentation = self.panel.segmenting.proposal.segmentation
        again = phantoms.add_volume(phantoms.subject(3)[0], "Again")
        slicer.mrmlScene.RemoveNode(self.volume)
        self.end()
        self.assertIn("the volume was deleted", self.corrections_ui.statusLabel.text)
        np.testing.assert_array_equal(phantoms.mask_of(segmentation, "Liver", again), before)

    def test_a_reload_in_mid_propagation_leaves_the_corrected_result(self) -> None:
        before = self.begin_and_grow()
        segmentation = self.panel.segmenting.proposal.segmentation
        self.module.reload()
        np.testing.assert_array_equal(phantoms.mask_of(segmentation, "Liver", self.volume), before)


class DrawnMeanwhileTest(EndsEarlyTest):
    script = scripted(segment=[GOOD], refine=[REFINES])

    def test_what_is_drawn_while_corrections_are_carried_on_stays_on_top_of_the_result(self) -> None:
        drawn: list[np.ndarray] = []

        def draw_once() -> None:
            if not drawn:
                drawn.append(~self.mask_so_far()[9])
                segmentation = self.panel.segmenting.proposal.segmentation
                phantoms.edit_slice(segmentation, "Liver", self.volume, 9, drawn[0])

        self.get_result()
        corrected = self.draw(4)
        self.wait_for([4])
        self.panel.segmenting.grown.connect(draw_once)
        self.propagate()
        self.wait_for([4, 9])
        self.assertEqual(self.panel.correcting.edited, {9: ["Liver"]}, "it is a correction of the new result")
        expected = slicer.util.arrayFromVolume(self.volume) >= 141
        expected[4], expected[9] = corrected, drawn[0]
        np.testing.assert_array_equal(self.mask(), expected)


class DyingTest(EndsEarlyTest):
    script = scripted(segment=[GOOD], refine=[EndsEarlyTest.dies, REFINES])

    def test_a_worker_that_dies_costs_no_correction(self) -> None:
        before = self.begin()
        self.end()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.assertIn("as it was before", self.corrections_ui.statusLabel.text)
        self.check_as_before(before)


class FailingTest(EndsEarlyTest):
    script = scripted(segment=[GOOD], refine=[EndsEarlyTest.fails, REFINES])

    def test_a_fault_is_told_in_words_and_costs_no_correction(self) -> None:
        before = self.begin()
        self.end()
        self.assertIn("The memory ran out.", self.user.reads())
        self.check_as_before(before)

    def test_a_disk_that_does_not_take_the_segments(self) -> None:
        from RetrievalSAMModule import segmenting
        from RetrievalSAMModule.volume_files import SceneError

        self.get_result()
        self.draw(4)
        self.wait_for([4])
        with mock.patch.object(segmenting, "write_result", mock.Mock(side_effect=SceneError("is the disk full?"))):
            self.corrections_ui.propagateButton.click()
        self.assertIn("is the disk full?", self.user.reads())
        self.assertEqual(self.panel.segmenting.state, "proposed")
        self.assertEqual(self.requests("refine"), [])


class ProvenanceTest(CorrectionsTest):
    added = {"case": {"name": "case-002"}, "notes": []}
    script = scripted(segment=[GOOD], refine=[REFINES], library_add=[{"result": added}])

    def add(self) -> dict[str, Any]:
        self.assertTrue(self.library_ui.addButton.enabled, self.library_ui.addButton.toolTip)
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        return self.requests("library.add")[-1]["with"]

    def accept(self) -> None:
        self.results_ui.acceptButton.click()
        self.wait_until_quiet()

    def test_an_untouched_result_is_a_models(self) -> None:
        self.get_result()
        self.accept()
        asked = self.add()
        self.assertEqual(asked["made_by"], {"model": "bundled", "model_sha256": "0" * 64, "corrected": None})
        self.assertEqual(asked["plane"], "axial")

    def test_corrected_slices_are_named_carried_on_or_not(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        segmentation = self.result()
        self.draw(9)
        self.accept()
        phantoms.edit_slice(segmentation, "Spleen", self.volume, 11, np.ones(phantoms.SHAPE[1:], bool))
        self.assertEqual(self.add()["made_by"]["corrected"], [4, 9, 11])

    def test_a_result_that_still_waits_is_known_too(self) -> None:
        segmentation = self.get_result()
        self.library_ui.addVolumeSelector.setCurrentNode(self.volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(segmentation)
        self.draw(4)
        self.assertEqual(self.add()["made_by"]["corrected"], [4])

    def test_what_a_person_drew_is_a_persons(self) -> None:
        volume, drawn = phantoms.add_subject(1)
        self.library_ui.addVolumeSelector.setCurrentNode(volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(drawn)
        asked = self.add()
        self.assertNotIn("made_by", asked)
        self.assertNotIn("plane", asked)

    def test_a_saved_scene_keeps_where_the_segments_come_from(self) -> None:
        self.get_result()
        self.draw(4)
        self.accept()
        scene = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(scene)))
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(scene))
        self.wait_until_quiet()
        self.library_ui.addVolumeSelector.setCurrentNode(slicer.util.getNode("Subject 3"))
        self.library_ui.addSegmentationSelector.setCurrentNode(slicer.util.getNode("Segments of Subject 3"))
        self.assertEqual(self.add()["made_by"]["corrected"], [4])
