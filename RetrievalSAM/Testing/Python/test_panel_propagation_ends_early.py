"""Propagations that are cancelled or fail, and what is drawn meanwhile: told in words, and no correction is lost."""

from __future__ import annotations

from unittest import mock

import numpy as np
import phantoms
import slicer
import slicer.util
from corrected_panel import GOOD, MOVED, REFINES, CorrectionsTest
from panel_testing import wait_until
from scripted_panel import scripted


class EndsEarlyTest(CorrectionsTest):
    waits = {"threshold": MOVED, "partials": 1, "progress": 3, "wait": True}
    dies = {"threshold": MOVED, "partials": 1, "exit": 3}
    fails = {"threshold": MOVED, "partials": 1, "fault": {"code": "memory", "message": "The memory ran out."}}

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
        self.assertEqual(self.segment_ui.segmentButton.text, "Segment", "one button cancels")
        self.assertFalse(self.segment_ui.segmentButton.enabled)
        self.assertTrue(self.segment_ui.progressBar.isHidden())
        self.assertFalse(self.bar_ui.progressBar.isHidden())
        self.assertIn("2 of 3, 4 s left", self.corrections_ui.statusLabel.text)
        self.assertFalse(self.bar_ui.keepButton.enabled)
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
        from RetrievalSAMModule.scene import volume_files

        self.get_result()
        self.draw(4)
        self.wait_for([4])
        before = self.mask()
        failure = mock.Mock(side_effect=OSError(28, "No space left on device"))
        with mock.patch.object(volume_files, "write_slab", failure):
            self.corrections_ui.propagateButton.click()
            self.end()
        self.assertIn("'corrected.seg.nrrd' could not be written; is the disk full?", self.user.reads())
        self.assertEqual(self.panel.segmenting.state, "proposed")
        self.assertEqual(self.requests("refine"), [])
        np.testing.assert_array_equal(self.mask(), before)
        self.wait_for([4])
