"""A first case without a library: named, drawn or clicked on a few slices, filled, corrected, and saved."""

from __future__ import annotations

import json

import numpy as np
import phantoms
import qt
import slicer
import vtk
from corrected_panel import MOVED
from panel_testing import PanelTest, inside_slicer, nodes_of_scene, wait_until
from scripted_panel import REPORT, THRESHOLDS, library_of, scripted

FILLED = {**REPORT, "refinement": {"corrected": [2], "recomputed": {}, "changed": {}, "reused": False}}
FILLS = {"threshold": THRESHOLDS, "progress": 1, "result": {"report": FILLED}}


class FirstCaseTest(PanelTest):
    """A volume, and no library."""

    def setUp(self) -> None:
        super().setUp()
        self.voxels, self.truth = phantoms.subject(3)
        self.volume = phantoms.add_volume(self.voxels, "Subject 3")
        slicer.util.setSliceViewerLayers(background=self.volume, fit=True)
        self.wait_until_quiet()

    def name_structure(self, name: str) -> None:
        ui = self.first_case_ui
        ui.volumeSelector.setCurrentNode(self.volume)
        ui.structureEdit.text = name
        self.assertTrue(ui.addStructureButton.enabled, ui.addStructureButton.toolTip)
        ui.addStructureButton.click()

    def drawing(self) -> slicer.vtkMRMLSegmentationNode:
        return self.panel.segmenting.proposal.segmentation

    def draw(self, name: str, slices: list[int], axis: int = 2) -> None:
        for index in slices:
            wanted = np.take(self.truth[name], index, axis=2 - axis)
            phantoms.edit_slice(self.drawing(), name, self.volume, index, wanted, axis)
        wait_until(lambda: set(slices) <= set(self.panel.correcting.corrected), "the drawn slices to be seen")

    def fill(self) -> None:
        button = self.bar_ui.propagateButton
        self.assertTrue(button.enabled, button.toolTip)
        self.assertEqual(button.text, "Fill the volume")
        button.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the volume to be filled")
        self.wait_until_quiet()

    def mask(self, name: str) -> np.ndarray:
        return phantoms.mask_of(self.drawing(), name, self.volume)


class ScriptedFirstCaseTest(FirstCaseTest):
    script = scripted(
        start=[FILLS, {**FILLS, "threshold": MOVED}],
        library_create=[{"result": library_of()}],
        library_describe=[{"result": library_of("Case 1")}],
        library_add=[{"result": {"case": library_of("Case 1")["cases"][0], "notes": []}}],
    )

    def test_what_is_missing_is_said_before_anything_can_be_done(self) -> None:
        ui = self.first_case_ui
        ui.volumeSelector.setCurrentNode(None)
        self.assertIn("Choose a volume", ui.addStructureButton.toolTip)
        ui.volumeSelector.setCurrentNode(self.volume)
        self.assertIn("Type the name", ui.addStructureButton.toolTip)
        self.assertFalse(ui.addStructureButton.enabled)
        self.name_structure("Liver")
        self.assertFalse(self.bar_ui.propagateButton.enabled)
        self.assertIn("Draw the structure", self.bar_ui.propagateButton.toolTip)
        self.assertIn("Fill the volume first", self.bar_ui.keepButton.toolTip)
        ui.structureEdit.text = "Liver"
        self.assertIn("of that name already", ui.addStructureButton.toolTip)
        self.bar_ui.discardButton.click()

    def test_drawn_slices_fill_the_volume_and_undo_brings_the_drawing_back(self) -> None:
        self.name_structure("Liver")
        self.name_structure("Spleen")
        self.draw("Liver", [2, 4])
        self.draw("Spleen", [7])
        self.fill()
        (asked,) = self.requests("start")
        self.assertEqual((asked["with"]["plane"], asked["with"]["drawn"]), ("axial", [2, 4, 7]))
        self.assertNotIn("folder", asked["with"])
        for name, slices in (("Liver", [2, 4]), ("Spleen", [7])):
            np.testing.assert_array_equal(self.mask(name)[slices], self.truth[name][slices], err_msg=name)
            self.assertTrue(self.mask(name)[5].any(), f"{name} was not filled")
        self.assertEqual(self.panel.segmenting.state, "proposed")
        self.bar_ui.undoButton.click()
        self.assertEqual(self.panel.segmenting.state, "drawn")
        self.assertFalse(self.mask("Liver")[5].any())
        self.bar_ui.redoButton.click()
        self.assertTrue(self.mask("Liver")[5].any())
        # A correction fills anew, from it and from what was drawn.
        phantoms.edit_slice(self.drawing(), "Liver", self.volume, 5, ~self.truth["Liver"][5])
        wait_until(lambda: 5 in self.panel.correcting.corrected, "the correction to be seen")
        self.fill()
        self.assertEqual(self.requests("start")[1]["with"]["drawn"], [2, 4, 5, 7])
        self.bar_ui.discardButton.click()
        self.assertEqual(nodes_of_scene(), sorted(n for n in nodes_of_scene() if "Segmentation" not in n))

    def test_clicks_stand_for_drawn_slices_each_time_that_the_volume_is_filled(self) -> None:
        self.name_structure("Liver")
        self.corrections_ui.insideButton.click()
        node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
        world = phantoms.world_of(self.volume, (15, 22, 3))
        slicer.mrmlScene.GetNodeByID(node_id).AddControlPointWorld(vtk.vtkVector3d(*world))
        self.fill()
        asked = self.requests("start")[0]["with"]
        self.assertNotIn("slices", asked)
        self.assertEqual([point["segment"] for point in asked["points"]], ["Liver"])
        self.fill()
        self.assertEqual(self.requests("start")[1]["with"]["points"], asked["points"])

    def test_slices_are_taken_along_the_axis_in_which_they_were_drawn(self) -> None:
        self.name_structure("Liver")
        index, wanted = 9, np.zeros(phantoms.SHAPE[::2], bool)
        wanted[2:9, 10:30] = True
        phantoms.edit_slice(self.drawing(), "Liver", self.volume, index, wanted, axis=1)
        wait_until(lambda: self.panel.correcting.corrected == [index], "the coronal slice to be seen")
        self.bar_ui.propagateButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        asked = self.requests("start")[0]["with"]
        self.assertEqual((asked["plane"], asked["drawn"]), ("coronal", [index]))

    def test_masks_are_cleaned_unless_the_user_has_switched_that_off(self) -> None:
        for wanted in (True, False):
            self.segment_ui.cleanCheckBox.setChecked(wanted)
            self.name_structure("Liver")
            self.draw("Liver", [3])
            self.fill()
            self.assertEqual(self.requests("start")[-1]["with"].get("clean"), None if wanted else [])
            self.bar_ui.discardButton.click()
        self.segment_ui.cleanCheckBox.setChecked(True)

    def test_a_looked_at_empty_slice_is_told_to_end_the_structure(self) -> None:
        self.name_structure("Liver")
        self.draw("Liver", [3])
        self.panel.correcting.mark(9, True)
        self.fill()
        self.assertEqual(self.requests("start")[0]["with"]["drawn"], [3, 9])

    def test_the_segment_editor_edits_the_structure_that_was_named_last(self) -> None:
        self.name_structure("Liver")
        self.name_structure("Spleen")
        editor = self.panel.corrections_panel.editor
        self.assertTrue(editor.widget.visible or not inside_slicer)
        content = self.drawing().GetSegmentation()
        self.assertEqual(content.GetSegment(editor.segment_id).GetName(), "Spleen")
        self.assertIs(editor.widget.sourceVolumeNode(), self.volume)
        self.bar_ui.discardButton.click()
        self.assertIsNone(editor.widget.mrmlSegmentEditorNode())
        self.assertIsInstance(editor.widget, qt.QWidget)


class NameOfAPatientTest(FirstCaseTest):
    script = ScriptedFirstCaseTest.script | {
        "names.check": [{"result": {"warnings": [{"name": "Liver", "reason": "a person's name"}]}}]
    }

    def test_saving_as_first_case_makes_the_library_and_asks_before_a_patients_name(self) -> None:
        self.name_structure("Liver")
        self.draw("Liver", [2])
        self.fill()
        self.assertEqual(self.bar_ui.teachButton.text, "Save as first case")
        folder = self.folder / "Livers"
        self.user.will_answer(folder, True)
        self.bar_ui.teachButton.click()
        self.wait_until_quiet()
        self.assertIn("look like patient data", self.user.reads())
        verbs = [one["do"] for one in self.everything() if one["do"].startswith("library.")]
        self.assertLess(verbs.index("library.create"), verbs.index("library.add"))
        added = self.requests("library.add")[0]["with"]
        self.assertEqual((added["folder"], added["made_by"]["corrected"]), (str(folder), [2]))
        self.assertNotIn("name", added)
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertIn("Case 1 is in the library", self.bar_ui.statusLabel.text)


class StoppedFillingTest(FirstCaseTest):
    script = ScriptedFirstCaseTest.script | {"start": [{"wait": True}]}

    def test_a_stopped_filling_leaves_the_drawing(self) -> None:
        self.name_structure("Liver")
        self.draw("Liver", [2])
        self.bar_ui.propagateButton.click()
        self.assertEqual(self.bar_ui.propagateButton.text, "Cancel")
        self.bar_ui.propagateButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the stop")
        self.assertEqual(self.panel.segmenting.state, "drawn")
        np.testing.assert_array_equal(self.mask("Liver")[2], self.truth["Liver"][2])


class RealFirstCaseTest(FirstCaseTest):
    def test_from_two_drawn_slices_to_a_library_of_one_case(self) -> None:
        self.name_structure("Liver")
        self.draw("Liver", [2, 5])
        self.fill()
        found = self.mask("Liver")
        np.testing.assert_array_equal(found[[2, 5]], self.truth["Liver"][[2, 5]])
        self.assertGreater(phantoms.dice(found, self.truth["Liver"]), 0.6)
        folder = self.folder / "Livers"
        folder.mkdir()
        self.user.will_answer(folder)
        self.bar_ui.teachButton.click()
        self.wait_until_quiet()
        self.assertEqual([case.segments for case in self.panel.library.state.cases], [("Liver",)])
        (record,) = (json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("cases/*/case.json"))
        self.assertEqual(record["provenance"]["corrected_slices"], [2, 5])
