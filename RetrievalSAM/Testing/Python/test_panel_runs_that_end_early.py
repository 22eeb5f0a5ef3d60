"""Runs that are cancelled, that fail, and workers that are deaf or dead: told in words, and the scene as before."""

from __future__ import annotations

import os
import signal
import unittest
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import phantoms
import psutil
import slicer
import slicer.util
from panel_testing import nodes_of_scene, wait_until
from RetrievalSAMModule.clients import worker_client
from RetrievalSAMModule.scene import segments_in_file, volume_files
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted

WAITS = {"threshold": THRESHOLDS, "partials": 1, "progress": 3, "wait": True}
DEAF = {"threshold": THRESHOLDS, "partials": 1, "progress": 1, "deaf": True}
GOOD = {"threshold": THRESHOLDS, "result": {"report": REPORT}}
DIES = {"threshold": THRESHOLDS, "partials": 1, "exit": 3}


class RunTest(ScriptedTest):
    def setUp(self) -> None:
        super().setUp()
        self.before = nodes_of_scene()

    def start(self) -> None:
        self.grown: list[bool] = []
        self.panel.segmenting.grown.connect(lambda: self.grown.append(True))
        self.press_segment()

    def start_and_grow(self) -> None:
        self.start()
        wait_until(lambda: self.grown, "a partial result")
        self.assertNotEqual(nodes_of_scene(), self.before)

    def wait_for_end(self) -> None:
        wait_until(lambda: self.panel.segmenting.state != "running", "the run's end")
        self.wait_until_quiet()

    def check_scene_is_as_before(self) -> None:
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertEqual(nodes_of_scene(), self.before)
        self.assertEqual(self.segment_ui.segmentButton.text, "Segment")

    def check_next_run_works(self) -> None:
        self.start()
        self.wait_for_end()
        self.check_result()

    def check_result(self) -> None:
        segmentation = self.result()
        for name, mask in self.truth.items():
            np.testing.assert_array_equal(phantoms.mask_of(segmentation, name, self.volume), mask)


class CancelTest(RunTest):
    script = scripted(segment=[WAITS, GOOD])

    def setUp(self) -> None:
        super().setUp()
        # On a busy computer a worker that listens may need longer than a user is to wait.
        patient = mock.patch.object(worker_client, "PATIENCE_MS", 600_000)
        patient.start()
        self.addCleanup(patient.stop)

    def test_a_cancelled_run_leaves_the_scene_as_it_was_and_the_next_one_works(self) -> None:
        self.start_and_grow()
        self.assertEqual(self.segment_ui.segmentButton.text, "Cancel")
        self.assertFalse(self.segment_ui.progressBar.isHidden())
        self.assertTrue(self.panel.action_bar.widget.isHidden(), "it is told of once")
        self.assertIn("Segmenting: 2 of 3, 4 s left", self.segment_ui.statusLabel.text)
        worker = self.module.logic.computer.process_id()
        self.segment_ui.segmentButton.click()
        self.assertIn("Stopping", self.segment_ui.statusLabel.text)
        self.wait_for_end()
        self.check_scene_is_as_before()
        self.assertIn("The scene is as it was before", self.segment_ui.statusLabel.text)
        self.check_next_run_works()
        self.assertEqual(self.module.logic.computer.process_id(), worker, "a worker that listens was replaced")

    def test_a_second_click_on_cancel_changes_nothing(self) -> None:
        self.start_and_grow()
        self.segment_ui.segmentButton.click()
        self.segment_ui.segmentButton.click()
        self.wait_for_end()
        self.check_scene_is_as_before()
        self.assertEqual(len(self.requests("cancel")), 1)


class DeafWorkerTest(RunTest):
    script = scripted(segment=[DEAF, GOOD])

    def test_a_worker_that_does_not_hear_the_cancel_is_replaced(self) -> None:
        self.start_and_grow()
        deaf = psutil.Process(self.module.logic.computer.process_id())
        self.segment_ui.segmentButton.click()
        self.wait_for_end()
        self.check_scene_is_as_before()
        wait_until(lambda: not deaf.is_running(), "the deaf worker's end")
        self.check_next_run_works()

    def test_requests_behind_the_deaf_one_are_sent_again(self) -> None:
        self.start_and_grow()
        answers: list[dict] = []
        self.module.logic.computer.request("ping", on_result=answers.append)
        self.segment_ui.segmentButton.click()
        wait_until(lambda: answers, "the answer to the request behind")
        self.check_scene_is_as_before()

    def test_the_window_does_not_wait_for_the_deaf_worker(self) -> None:
        """Cancelling returns with the run still on: nothing in the click waits for the worker."""
        self.start_and_grow()
        self.segment_ui.segmentButton.click()
        self.assertEqual(self.panel.segmenting.state, "running")
        self.wait_for_end()


class DyingWorkerTest(RunTest):
    script = scripted(segment=[DIES, GOOD])

    def test_a_worker_that_ends_in_mid_run_is_told_of_and_restarts_by_its_button(self) -> None:
        self.start()
        self.wait_for_end()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.check_scene_is_as_before()
        ui = self.panel.setup_panel.ui
        self.assertIn("ended unexpectedly", ui.workerLabel.text)
        self.assertTrue(ui.reportButton.enabled)
        ui.restartButton.click()
        wait_until(lambda: "running" in ui.workerLabel.text, "the fresh worker")
        self.wait_until_quiet()
        self.check_next_run_works()

    def test_the_report_of_the_crash_can_be_copied(self) -> None:
        import qt

        self.start()
        self.wait_for_end()
        self.user.reads()
        self.panel.setup_panel.ui.reportButton.click()
        self.assertIn("ended unexpectedly", qt.QApplication.clipboard().text())


class KilledWorkerTest(RunTest):
    script = scripted(segment=[WAITS, GOOD])

    @unittest.skipUnless(hasattr(signal, "SIGKILL"), "this system has no kill -9")
    def test_a_killed_worker_is_told_of_and_leaves_nothing_behind(self) -> None:
        self.start_and_grow()
        number = self.module.logic.computer.process_id()
        os.kill(number, signal.SIGKILL)
        self.wait_for_end()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.check_scene_is_as_before()
        self.assertFalse(psutil.pid_exists(number), "a zombie is left")
        self.panel.setup_panel.ui.restartButton.click()
        self.wait_until_quiet()
        self.check_next_run_works()

    def test_restart_in_mid_run_ends_the_run(self) -> None:
        self.start_and_grow()
        self.panel.setup_panel.ui.restartButton.click()
        self.wait_for_end()
        self.check_scene_is_as_before()
        self.check_next_run_works()


class UnreadableWorkerTest(RunTest):
    script = scripted(segment=[{"say": "Segmentation fault (core dumped)"}, GOOD])

    def test_a_worker_that_talks_nonsense_is_told_of(self) -> None:
        self.start()
        self.wait_for_end()
        self.assertIn("unreadable", self.user.reads())
        self.check_scene_is_as_before()
        self.check_next_run_works()


class BrokenPartialTest(RunTest):
    script = scripted(segment=[{**GOOD, "partials": 1}])

    def test_a_partial_result_that_cannot_be_read_costs_nothing(self) -> None:
        original, calls = segments_in_file.read_piece, []

        def fails_once(*arguments: Any) -> bytes:
            calls.append(arguments)
            if len(calls) == 1:
                raise OSError("another program holds the file")
            return original(*arguments)

        with mock.patch.object(segments_in_file, "read_piece", fails_once):
            self.start()
            self.wait_for_end()
        self.check_result()


class BrokenResultTest(RunTest):
    script = scripted(segment=[{**GOOD, "partials": 1}, GOOD])

    def test_a_result_that_cannot_be_read_is_told_and_taken_back(self) -> None:
        with mock.patch.object(segments_in_file, "read_piece", mock.Mock(side_effect=EOFError("cut short"))):
            self.start()
            self.wait_for_end()
        self.assertIn("could not be read", self.user.reads())
        self.check_scene_is_as_before()
        self.check_next_run_works()


class FullDiskTest(RunTest):
    script = scripted(
        segment=[
            {
                "threshold": THRESHOLDS,
                "partials": 1,
                "fault": {"code": "disk", "message": "disk: the disk is full. Free some space on it and try again."},
            },
            GOOD,
        ]
    )

    def test_a_disk_that_fills_during_the_run(self) -> None:
        self.start()
        self.wait_for_end()
        self.assertIn("the disk is full. Free some space", self.user.reads())
        self.check_scene_is_as_before()
        self.assertIn("as it was before", self.segment_ui.statusLabel.text)
        self.check_next_run_works()

    def test_a_disk_that_does_not_take_the_volume(self) -> None:
        failure = mock.Mock(side_effect=OSError(28, "No space left on device"))
        with mock.patch.object(volume_files, "write_slab", failure):
            self.start()
            self.wait_for_end()
        self.assertIn("is the disk full? Free some space", self.user.reads())
        self.check_scene_is_as_before()
        self.assertEqual(self.requests("segment"), [])

    def test_a_temporary_folder_that_cannot_be_made(self) -> None:
        import tempfile

        with mock.patch.object(tempfile, "mkdtemp", mock.Mock(side_effect=OSError(28, "No space left on device"))):
            self.start()
        self.assertIn("No space left on device", self.user.reads())
        self.check_scene_is_as_before()


class UnusableChoiceTest(RunTest):
    script = scripted(segment=[GOOD])

    def test_a_region_beside_the_volume(self) -> None:
        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        region.SetCenter(500, 0, 0)
        region.SetSize(20, 20, 20)
        self.segment_ui.regionSelector.setCurrentNode(region)
        self.wait_until_quiet()
        self.before = nodes_of_scene()
        wait_until(lambda: "lies beside" in self.segment_ui.estimateLabel.text, "the panel's word on the region")
        self.start()
        self.assertIn("'Box' lies beside the volume 'Subject 3'. Move it onto the volume", self.user.reads())
        self.check_scene_is_as_before()

    def test_a_region_without_a_size(self) -> None:
        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        region.SetSize(0, 0, 0)
        self.segment_ui.regionSelector.setCurrentNode(region)
        self.before = nodes_of_scene()
        self.start()
        self.assertIn("has no size yet. Draw it", self.user.reads())
        self.check_scene_is_as_before()

    def test_a_volume_without_voxels(self) -> None:
        self.volume.SetAndObserveImageData(None)
        self.start()
        self.assertIn("'Subject 3' has no voxels. Choose another volume", self.user.reads())
        self.check_scene_is_as_before()

    def test_without_a_volume_the_button_says_what_is_missing(self) -> None:
        self.segment_ui.inputSelector.setCurrentNode(None)
        self.assertFalse(self.segment_ui.segmentButton.enabled)
        self.assertIn("Choose a volume", self.segment_ui.segmentButton.toolTip)
        self.assertIn("Choose a volume", self.segment_ui.estimateLabel.text)

    def test_without_a_checked_segment_the_button_says_what_is_missing(self) -> None:
        import qt

        for row in range(self.segment_ui.segmentsList.count):
            self.segment_ui.segmentsList.item(row).setCheckState(qt.Qt.Unchecked)
        self.assertFalse(self.segment_ui.segmentButton.enabled)
        self.assertIn("at least one segment", self.segment_ui.segmentButton.toolTip)

    def test_only_the_checked_segments_are_asked_for(self) -> None:
        import qt

        self.segment_ui.segmentsList.item(0).setCheckState(qt.Qt.Unchecked)
        self.start()
        self.wait_for_end()
        self.assertEqual(self.requests("segment")[-1]["with"]["segments"], ["Spleen"])


class VerdictTest(RunTest):
    script = scripted(segment=[{**GOOD, "result": {"report": {**REPORT, "verdict": "unlike-library"}}}])

    def test_a_volume_unlike_the_library_is_said_in_words(self) -> None:
        self.start()
        self.wait_for_end()
        self.assertIn("unlike anything in this library; do not trust", self.results_ui.verdictLabel.text)


class UnalignedTest(RunTest):
    script = scripted(
        segment=[{**GOOD, "result": {"report": {**REPORT, "verdict": "uncertain", "verdict_because": ["alignment"]}}}]
    )

    def test_a_volume_that_no_case_could_be_aligned_with_is_said_in_words(self) -> None:
        self.start()
        self.wait_for_end()
        self.assertIn("No case of the library could be aligned", self.results_ui.verdictLabel.text)


class OrientationTest(RunTest):
    orientation: ClassVar[dict[str, Any]] = {
        "backwards": True,
        "backwards_cases": ["Case 1"],
        "turned_degrees": -88.2,
    }
    script = scripted(segment=[{**GOOD, "result": {"report": {**REPORT, "orientation": orientation}}}])

    def test_where_headers_and_images_disagree_is_said_in_words(self) -> None:
        self.start()
        self.wait_for_end()
        told = self.results_ui.summaryLabel.text
        self.assertIn("The slices of this volume seem to run the other way: its header may be wrong.", told)
        self.assertIn("The slices of the case Case 1 seem to run the other way", told)
        self.assertIn("turned by about 88 degrees", told)


class ResultsTest(RunTest):
    script = scripted(segment=[GOOD])

    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.wait_for_end()

    def test_a_click_on_a_slice_moves_the_slice_views_there(self) -> None:
        table = self.results_ui.worstTable
        self.assertEqual(table.item(0, 0).text(), "0", "the slice that the run is least sure of comes first")
        table.selectRow(2)
        red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceNode()
        height = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())[2, 3]
        index = int(table.item(2, 0).text())
        self.assertAlmostEqual(height, phantoms.IJK_TO_RAS[2, 3] + index * phantoms.IJK_TO_RAS[2, 2], places=3)

    def test_a_click_on_a_slice_leaves_no_node_behind(self) -> None:
        before = nodes_of_scene()
        self.results_ui.worstTable.selectRow(2)
        self.wait_until_quiet()
        self.assertEqual(nodes_of_scene(), before)

    def test_a_slice_shows_the_examples_behind_it_even_without_a_picture(self) -> None:
        self.results_ui.worstTable.selectRow(1)
        wait_until(lambda: self.results_ui.supportsTable.rowCount == 1, "the examples")
        self.assertIn("Case 1", self.results_ui.supportsTable.item(0, 1).text())
        self.assertIn("Slice 1 was drawn from these", self.results_ui.supportsLabel.text)

    def test_a_result_whose_nodes_were_deleted_can_be_accepted_and_discarded(self) -> None:
        slicer.mrmlScene.RemoveNode(self.result())
        self.bar_ui.discardButton.click()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.start()
        self.wait_for_end()
        slicer.mrmlScene.RemoveNode(self.volume)
        self.bar_ui.keepButton.click()
        self.assertEqual(self.panel.segmenting.state, "idle")
