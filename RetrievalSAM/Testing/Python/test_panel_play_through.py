"""From a fresh scene to accepted segments, with the bundled model, by clicks alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from unittest import mock

import numpy as np
import phantoms
import slicer
import slicer.util
import vtk
from panel_testing import PanelTest, inside_slicer, nodes_of_scene, wait_until


class PlayThroughTest(PanelTest):
    def test_from_a_fresh_scene_to_accepted_segments(self) -> None:
        self.create_library()
        for number in (1, 2):
            self.add_to_library(number)
        self.assertEqual([case.name for case in self.panel.library.state.cases], ["Subject 1", "Subject 2"])

        voxels, truth = phantoms.subject(3)
        volume = phantoms.add_volume(voxels, "Subject 3")
        before = nodes_of_scene()
        grown, read = self.run_watched(volume)
        # The window hands on what the worker wrote; it reads the volume, piece by piece, and no mask.
        self.assertEqual(set(read), {"arrayFromVolume"})
        self.assertGreaterEqual(len(grown), 2, "nothing was shown before the run was over")
        self.check_segments(volume, truth)

        self.bar_ui.discardButton.click()
        self.wait_until_quiet()
        self.assertEqual(nodes_of_scene(), before)
        self.assertEqual(self.panel.segmenting.state, "idle")

        self.run_watched(volume)
        segmentation = self.result()
        self.bar_ui.keepButton.click()
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertIs(slicer.mrmlScene.GetNodeByID(segmentation.GetID()), segmentation)
        # The result is offered to the library.
        self.assertFalse(self.library_ui.addSection.collapsed)
        self.assertEqual(self.library_ui.addVolumeSelector.currentNode().GetID(), volume.GetID())
        self.assertEqual(self.library_ui.addSegmentationSelector.currentNode().GetID(), segmentation.GetID())
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        self.assertEqual(len(self.panel.library.state.cases), 3)
        if not inside_slicer:
            self.assertNotIn("torch", sys.modules)

    def create_library(self) -> None:
        folder = self.folder / "Trunk library"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()
        self.assertIn("Trunk library", self.library_ui.nameLabel.text)
        self.assertFalse(self.segment_ui.segmentButton.enabled)

    def add_to_library(self, number: int) -> None:
        volume, drawn = phantoms.add_subject(number)
        ui = self.library_ui
        ui.addVolumeSelector.setCurrentNode(volume)
        ui.addSegmentationSelector.setCurrentNode(drawn)
        ui.addNameEdit.text = f"Subject {number}"
        ui.addModalitySelector.setCurrentText("CT")
        self.assertTrue(ui.addButton.enabled, ui.addButton.toolTip)
        ui.addButton.click()
        self.wait_until_quiet()

    def run_watched(self, volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[list[int], list[str]]:
        """Segment; how many segments the scene showed each time that it grew, and what was read of the scene."""
        grown: list[int] = []
        read: list[str] = []

        def grow() -> None:
            proposal = self.panel.segmenting.proposal
            grown.append(proposal.segmentation.GetSegmentation().GetNumberOfSegments())

        def watched(name: str):
            original = getattr(slicer.util, name)

            def call(*arguments, **options):
                read.append(name)
                return original(*arguments, **options)

            return mock.patch.object(slicer.util, name, call)

        self.panel.segmenting.grown.connect(grow)
        self.segment_ui.inputSelector.setCurrentNode(volume)
        self.wait_until_quiet()
        with watched("arrayFromVolume"), watched("arrayFromSegmentBinaryLabelmap"):
            self.press_segment()
            self.assertEqual(self.segment_ui.segmentButton.text, "Cancel")
            wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.panel.segmenting.grown.disconnect(grow)
        self.wait_until_quiet()
        return grown, read

    def check_segments(self, volume: slicer.vtkMRMLScalarVolumeNode, truth: dict[str, np.ndarray]) -> None:
        segmentation = self.result()
        self.assertIn("looks like those of the library", self.results_ui.summaryLabel.text)
        for name, mask in truth.items():
            found = phantoms.mask_of(segmentation, name, volume)
            segment = segmentation.GetSegmentation().GetSegment(
                segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)
            )
            np.testing.assert_allclose(segment.GetColor(), phantoms.COLORS[name], atol=0.01)
            self.assertGreater(phantoms.dice(found, mask), 0.5, name)
            flipped = max(phantoms.dice(np.flip(found, axis), mask) for axis in (0, 1, 2))
            self.assertGreater(
                phantoms.dice(found, mask), flipped + 0.1, f"{name} cannot be told from its mirror image"
            )
        ml = {self.results_ui.segmentsTable.item(row, 0).text(): row for row in range(2)}
        self.assertEqual(set(ml), {"Liver", "Spleen"})


class RealRunTest(PanelTest):
    def setUp(self) -> None:
        super().setUp()
        self.open_library()

    def test_a_run_of_the_real_model_stops_by_cancel_and_goes_again(self) -> None:
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Subject 3")
        before = nodes_of_scene()
        stages: list[str] = []
        self.panel.segmenting.progressed.connect(lambda stage, *_numbers: stages.append(stage))
        self.segment(volume)
        wait_until(lambda: "segmenting" in stages, "the model at work")
        self.segment_ui.segmentButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the run's end")
        self.assertEqual(nodes_of_scene(), before)
        self.assertIn("The scene is as it was before", self.segment_ui.statusLabel.text)
        self.segment(volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the second run")
        self.assertEqual(self.result().GetSegmentation().GetNumberOfSegments(), 2)

    def test_a_volume_of_another_kind_is_not_passed_off_as_a_good_result(self) -> None:
        noise = np.random.default_rng(7).normal(0, 300, phantoms.SHAPE).astype(np.int16)
        self.segment(phantoms.add_volume(noise, "Noise"))
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.assertNotIn("looks like those of the library", self.results_ui.summaryLabel.text)
        said = self.results_ui.verdictLabel.text
        self.assertTrue("unlike anything in this library" in said or "cannot be told" in said, said)


def eroded(mask: np.ndarray, times: int) -> np.ndarray:
    """A mask (k, j, i) that has lost so many voxels at its edge on every slice."""
    for _time in range(times):
        mask = np.logical_and.reduce([mask, *(np.roll(mask, step, axis) for axis in (1, 2) for step in (-1, 1))])
    return mask


class CorrectionLoopTest(PanelTest):
    def setUp(self) -> None:
        super().setUp()
        self.library_folder = self.open_library()
        voxels, self.truth = phantoms.subject(3)
        self.volume = phantoms.add_volume(voxels, "Subject 3")
        # This user draws the liver tighter than the library's cases do.
        self.truth["Liver"] = eroded(self.truth["Liver"], 2)

    def run_to_end(self, press: Callable[[], None]) -> None:
        press()
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.wait_until_quiet()

    def masks(self) -> dict[str, np.ndarray]:
        return {name: phantoms.mask_of(self.result(), name, self.volume) for name in self.truth}

    def test_correct_two_slices_propagate_undo_propagate_and_teach(self) -> None:
        self.run_to_end(lambda: self.segment(self.volume))
        first = self.masks()
        corrected = [3, 5]
        for index in corrected:
            for name, mask in self.truth.items():
                phantoms.edit_slice(self.result(), name, self.volume, index, mask[index])
        wait_until(lambda: self.panel.correcting.corrected == corrected, "the corrected slices")
        drawn = self.masks()
        ui = self.corrections_ui
        self.run_to_end(ui.propagateButton.click)
        second = self.masks()
        for name, mask in self.truth.items():
            np.testing.assert_array_equal(second[name][corrected], mask[corrected], err_msg=name)
        report = self.panel.segmenting.proposal.report
        self.assertEqual(list(report["refinement"]["corrected"]), corrected)
        self.assertTrue(report["refinement"]["reused"], "it stands on the run before it")
        self.check_better(first, second, report["refinement"]["changed"])

        ui.undoButton.click()
        for name, mask in self.masks().items():
            np.testing.assert_array_equal(mask, drawn[name], err_msg=name)
        self.run_to_end(ui.propagateButton.click)
        for name, mask in self.masks().items():
            np.testing.assert_array_equal(mask, second[name], err_msg=name)

        self.bar_ui.keepButton.click()
        self.wait_until_quiet()
        self.library_ui.addNameEdit.text = "Taught"
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        self.check_provenance(corrected)

    def test_a_box_and_points_change_the_slice_that_they_are_on(self) -> None:
        self.run_to_end(lambda: self.segment(self.volume))
        before, ui = self.masks()["Liver"], self.corrections_ui
        prompts, color = self.panel.correcting.prompts, (0.5, 0.5, 0.5)
        j, i = np.nonzero(self.truth["Liver"][3])
        prompts.add_box("Liver", color, np.array([i.min(), j.min(), 3.0]), np.array([i.max(), j.max(), 3.0]))
        inside = prompts.point_list("Liver", color, True)
        inside.AddControlPointWorld(vtk.vtkVector3d(*phantoms.world_of(self.volume, (i.mean(), j.mean(), 3))))
        self.run_to_end(ui.propagateButton.click)
        self.assertEqual(self.panel.segmenting.proposal.report["refinement"]["prompted"], {"Liver": [3]})
        after = self.masks()["Liver"]
        wanted = self.truth["Liver"][3]
        self.assertGreater(phantoms.dice(after[3], wanted), phantoms.dice(before[3], wanted))
        self.assertEqual(prompts.count(), (0, 0, 0))
        ui.undoButton.click()
        np.testing.assert_array_equal(self.masks()["Liver"], before)
        self.assertEqual(prompts.count(), (1, 0, 1))

    def check_better(
        self, before: dict[str, np.ndarray], after: dict[str, np.ndarray], changed: dict[str, list[int]]
    ) -> None:
        """The slices that the worker has changed are nearer to what the user wants, taken together."""
        self.assertTrue(changed.get("Liver"), "the corrections reached no other slice")
        found = [(name, index) for name, slices in changed.items() for index in slices]
        overlap = [
            sum(phantoms.dice(masks[name][index], self.truth[name][index]) for name, index in found)
            for masks in (before, after)
        ]
        self.assertGreater(overlap[1], overlap[0])

    def check_provenance(self, corrected: list[int]) -> None:
        records = [
            json.loads(file.read_text(encoding="utf-8")) for file in self.library_folder.glob("cases/*/case.json")
        ]
        (taught,) = [record["provenance"] for record in records if record["name"] == "Taught"]
        self.assertEqual((taught["origin"], taught["corrected_slices"]), ("corrected", corrected))
        self.assertEqual(len(taught["model_sha256"]), 64)
        drawn = [record["provenance"]["origin"] for record in records if record["name"] != "Taught"]
        self.assertEqual(drawn, ["person", "person"])
