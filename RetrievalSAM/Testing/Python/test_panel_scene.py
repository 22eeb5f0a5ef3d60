"""What happens to the scene meanwhile: saved, closed, nodes deleted, the module reloaded. Nothing is lost or left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import phantoms
import psutil
import slicer
import slicer.util
from panel_testing import nodes_of_scene, wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted

WAITS = {"threshold": THRESHOLDS, "partials": 1, "progress": 1, "wait": True}
GOOD = {"threshold": THRESHOLDS, "result": {"report": REPORT}}


class StudyTest(ScriptedTest):
    def test_a_result_lies_in_the_study_of_its_volume_so_that_slicer_exports_it_to_dicom(self) -> None:
        from RetrievalSAMModule.scene.segmentation_files import new_segmentation, put_into_study_of

        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        volume = self.volume
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
        study = hierarchy.CreateStudyItem(patient, "Study")
        segmentation = new_segmentation(volume)
        # Slicer's application makes an item for every node; where only the core runs they are made here.
        for node in (volume, segmentation):
            if hierarchy.GetItemByDataNode(node) == hierarchy.GetInvalidItemID():
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
        put_into_study_of(volume, segmentation)
        self.assertEqual(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(segmentation)), study)
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        self.assertEqual(segmentation.GetNodeReferenceID(role), volume.GetID())


class SettingsTest(ScriptedTest):
    def test_settings_come_back_with_a_saved_scene(self) -> None:
        import qt

        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        ui = self.segment_ui
        ui.regionSelector.setCurrentNode(region)
        ui.outputSelector.setCurrentNode(output)
        ui.presetSelector.setCurrentIndex(ui.presetSelector.findData("fast"))
        ui.planeSelector.setCurrentIndex(ui.planeSelector.findData("coronal"))
        ui.segmentsList.item(1).setCheckState(qt.Qt.Unchecked)
        self.wait_until_quiet()
        scene = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(scene)))

        slicer.mrmlScene.Clear(0)
        self.assertIsNone(ui.inputSelector.currentNode())
        self.assertEqual(self.module.settings.preset, "default")
        slicer.util.loadScene(str(scene))
        self.wait_until_quiet()
        settings = self.module.settings
        self.assertEqual(ui.inputSelector.currentNode().GetName(), "Subject 3")
        self.assertEqual(ui.regionSelector.currentNode().GetName(), "Box")
        self.assertEqual(ui.outputSelector.currentNode().GetName(), "Mine")
        self.assertEqual((settings.preset, settings.plane), ("fast", "coronal"))
        self.assertEqual(ui.presetSelector.itemData(ui.presetSelector.currentIndex), "fast")
        self.assertEqual(ui.planeSelector.itemData(ui.planeSelector.currentIndex), "coronal")
        self.assertEqual(list(settings.skippedSegments), ["Spleen"])
        self.assertEqual(ui.segmentsList.item(1).checkState(), qt.Qt.Unchecked)
        self.assertEqual(settings.libraryFolder, str(self.folder))


class MidRunTest(ScriptedTest):
    script = scripted(segment=[WAITS, GOOD])

    def setUp(self) -> None:
        super().setUp()
        self.before = nodes_of_scene()
        grown: list[bool] = []
        self.panel.segmenting.grown.connect(lambda: grown.append(True))
        self.press_segment()
        wait_until(lambda: grown, "a partial result")

    def wait_for_end(self) -> None:
        wait_until(lambda: self.panel.segmenting.state != "running", "the run's end")
        self.wait_until_quiet()

    def check_next_run_works(self) -> None:
        volume, truth = self.add_input()
        self.segment(volume)
        self.wait_for_end()
        for name, mask in truth.items():
            np.testing.assert_array_equal(phantoms.mask_of(self.result(), name, volume), mask)

    def test_a_scene_that_is_closed_ends_the_run(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.wait_for_end()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertIn("the scene was closed", self.segment_ui.statusLabel.text)
        self.assertFalse([n for n in nodes_of_scene() if "Segmentation" in n])
        self.check_next_run_works()

    def test_an_input_that_is_deleted_ends_the_run(self) -> None:
        slicer.mrmlScene.RemoveNode(self.volume)
        self.wait_for_end()
        self.assertIn("the volume was deleted", self.segment_ui.statusLabel.text)
        self.assertFalse([n for n in nodes_of_scene() if "Segmentation" in n])
        self.assertIsNone(self.segment_ui.inputSelector.currentNode())
        self.check_next_run_works()

    def test_an_output_that_is_deleted_ends_the_run(self) -> None:
        slicer.mrmlScene.RemoveNode(self.panel.segmenting.proposal.segmentation)
        self.wait_for_end()
        self.assertIn("the segmentation was deleted", self.segment_ui.statusLabel.text)
        self.check_next_run_works()

    def test_a_library_that_is_changed_in_mid_run_stays_with_the_run(self) -> None:
        self.panel.library.open(str(self.folder / "Another"))
        wait_until(lambda: self.panel.library.folder.endswith("Another"), "the other library")
        self.assertEqual(self.panel.segmenting.state, "running")
        self.assertEqual(self.requests("segment")[-1]["with"]["folder"], str(self.folder))
        self.segment_ui.segmentButton.click()
        self.wait_for_end()

    def test_leaving_and_coming_back_does_not_disturb_the_run(self) -> None:
        self.module.leave()
        self.module.come_back()
        self.assertEqual(self.panel.segmenting.state, "running")
        self.segment_ui.segmentButton.click()
        self.wait_for_end()
        self.assertEqual(nodes_of_scene(), self.before)


class ReloadTest(ScriptedTest):
    script = scripted(segment=[WAITS])

    def test_a_module_that_is_reloaded_in_mid_run_leaves_nothing_behind(self) -> None:
        before = nodes_of_scene()
        grown: list[bool] = []
        self.panel.segmenting.grown.connect(lambda: grown.append(True))
        self.press_segment()
        wait_until(lambda: grown, "a partial result")
        self.assertNotEqual(nodes_of_scene(), before)
        workers = [psutil.Process(number) for number in self.module.process_ids()]
        self.assertEqual(len(workers), 2)
        temporary = Path(slicer.app.temporaryPath or tempfile.gettempdir())
        own = set(temporary.glob("RetrievalSAM-*"))
        self.assertTrue(own)

        self.module.reload()
        self.assertFalse([worker for worker in workers if worker.is_running()])
        self.assertEqual(nodes_of_scene(), before)
        self.assertFalse([folder for folder in own if folder.exists()])
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.wait_until_quiet()
        self.assertEqual(self.panel.library.folder, str(self.folder), "the library of the scene is open again")


class EnteringTest(ScriptedTest):
    def test_a_panel_that_is_reloaded_while_on_show_looks_at_the_computer_and_opens_the_library(self) -> None:
        asked = len(self.requests("environment"))
        self.module.reload()
        self.wait_until_quiet()
        self.assertEqual(len(self.requests("environment")), asked + 1)
        self.assertEqual(self.panel.library.folder, str(self.folder))

    def test_a_panel_that_is_reloaded_while_another_module_is_on_show_waits_to_be_entered(self) -> None:
        self.module.leave()
        asked = len(self.requests("environment"))
        self.module.reload()
        self.wait_until_quiet()
        self.assertEqual(len(self.requests("environment")), asked)
        self.module.come_back()
        self.wait_until_quiet()
        self.assertEqual(len(self.requests("environment")), asked + 1)

    def test_coming_and_going_after_the_end_of_the_panel_is_no_error(self) -> None:
        self.module.widget.cleanup()
        self.module.leave()
        self.module.come_back()
        self.assertIsNone(self.panel)
