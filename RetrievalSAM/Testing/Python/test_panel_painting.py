"""What the Segment Editor's brushes do in a result: undone stroke by stroke, and never over a locked segment.

Strokes go the way that they go in Slicer: through its own logic, by the choices of the editor's node.
"""

from __future__ import annotations

import unittest
from typing import Any

import numpy as np
import phantoms
import qt
import slicer
import vtk
from corrected_panel import CorrectionsTest
from panel_testing import wait_until
from vtk.util.numpy_support import vtk_to_numpy

_HAS_LOGIC = hasattr(slicer, "vtkSlicerSegmentEditorLogic")


@unittest.skipUnless(_HAS_LOGIC, "before Slicer 5.13 strokes can only be made with the mouse")
class PaintingTest(CorrectionsTest):
    def begin(self) -> Any:
        """A result that is edited, and Slicer's logic that follows the editor's node."""
        self.get_result()
        self.wait_until_seen()
        self.editor = self.panel.corrections_panel.editor
        self.node = self.editor.widget.mrmlSegmentEditorNode()
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetSegmentEditorNode(self.node)
        return self.panel.correcting

    def wait_until_seen(self) -> None:
        wait_until(lambda: not self.panel.correcting._unseen, "segments to be looked at")

    def stroke(self, name: str, index: int, where: np.ndarray, erase: bool = False) -> None:
        """One stroke of the brush on an axial slice, or of the eraser; `where` is bool (rows, columns)."""
        self.editor.choose(self.panel.segmenting.proposal.segment_ids[name])
        logic = self.logic
        logic.UpdateReferenceGeometryImage()
        logic.ResetModifierLabelmapToDefault()
        logic.UpdateMaskLabelmap()
        modifier = logic.GetModifierLabelmap()
        columns, rows, slices = modifier.GetDimensions()
        voxels = vtk_to_numpy(modifier.GetPointData().GetScalars()).reshape(slices, rows, columns)
        voxels[:] = 0
        voxels[index] = where
        modifier.Modified()
        mode = logic.ModificationModeRemove if erase else logic.ModificationModeAdd
        logic.ModifySegmentByLabelmap(self.result(), self.node.GetSelectedSegmentID(), modifier, mode, False, False)
        self.wait_until_seen()

    def square(self, row: int, column: int, side: int = 6) -> np.ndarray:
        where = np.zeros(self.mask().shape[1:], dtype=bool)
        where[row : row + side, column : column + side] = True
        return where

    def point(self, voxel: tuple[float, float, float]) -> None:
        button = self.corrections_ui.insideButton
        button.click()
        node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
        world = phantoms.world_of(self.volume, voxel)
        slicer.mrmlScene.GetNodeByID(node_id).AddControlPointWorld(vtk.vtkVector3d(*world))
        button.click()

    def test_each_stroke_is_undone_and_done_again_by_itself(self) -> None:
        self.begin()
        states = [self.mask()]
        self.assertFalse(self.bar_ui.undoButton.enabled)
        for place in ((2, 2, False), (30, 2, False), (3, 3, True)):
            self.stroke("Liver", 4, self.square(*place[:2]), erase=place[2])
            states.append(self.mask())
        self.assertFalse(any(np.array_equal(a, b) for a, b in zip(states, states[1:], strict=False)))
        for wanted in reversed(states[:-1]):
            self.assertTrue(self.bar_ui.undoButton.enabled)
            self.bar_ui.undoButton.click()
            np.testing.assert_array_equal(self.mask(), wanted)
        self.assertFalse(self.bar_ui.undoButton.enabled)
        self.assertEqual(self.panel.correcting.corrected, [])
        for wanted in states[1:]:
            self.bar_ui.redoButton.click()
            np.testing.assert_array_equal(self.mask(), wanted)
        self.assertFalse(self.bar_ui.redoButton.enabled)
        self.assertEqual(self.panel.correcting.corrected, [4])

    def test_points_and_strokes_are_undone_in_the_order_in_which_they_came(self) -> None:
        correcting = self.begin()
        self.corrections_ui.previewCheckBox.click()  # points show nothing before they are carried on
        before = self.mask()
        self.point((10, 10, 6))
        self.stroke("Liver", 4, self.square(2, 2))
        painted = self.mask()
        self.point((12, 12, 6))
        self.bar_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), painted)
        self.assertEqual(correcting.prompts.count()[0], 1)
        self.bar_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), before)
        self.assertEqual(correcting.prompts.count()[0], 1)
        self.bar_ui.undoButton.click()
        self.assertEqual(correcting.prompts.count()[0], 0)
        self.assertFalse(self.bar_ui.undoButton.enabled)
        self.bar_ui.redoButton.click()
        self.assertEqual(correcting.prompts.count()[0], 1)
        np.testing.assert_array_equal(self.mask(), before)
        self.bar_ui.redoButton.click()
        np.testing.assert_array_equal(self.mask(), painted)
        self.bar_ui.redoButton.click()
        self.assertEqual(correcting.prompts.count()[0], 2)
        for points, mask in ((1, painted), (1, before), (0, before)):
            self.bar_ui.undoButton.click()
            self.assertEqual(correcting.prompts.count()[0], points)
            np.testing.assert_array_equal(self.mask(), mask)
        self.corrections_ui.previewCheckBox.click()

    def test_something_new_takes_the_place_of_what_was_undone(self) -> None:
        self.begin()
        self.stroke("Liver", 4, self.square(2, 2))
        self.bar_ui.undoButton.click()
        self.assertTrue(self.bar_ui.redoButton.enabled)
        self.stroke("Liver", 5, self.square(2, 2))
        self.assertFalse(self.bar_ui.redoButton.enabled)
        self.bar_ui.undoButton.click()
        self.point((10, 10, 6))
        self.assertFalse(self.bar_ui.redoButton.enabled)

    def test_a_stroke_over_another_segment_is_one_step_for_both(self) -> None:
        self.begin()
        self.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        before = {name: self.mask(name) for name in ("Liver", "Spleen")}
        index = int(np.flatnonzero(before["Spleen"].any(axis=(1, 2)))[0])
        self.stroke("Liver", index, before["Spleen"][index] != 0)
        self.assertFalse(self.mask("Spleen")[index].any())
        self.bar_ui.undoButton.click()
        for name, mask in before.items():
            np.testing.assert_array_equal(self.mask(name), mask)

    def test_after_a_propagation_undo_begins_with_what_was_painted_since(self) -> None:
        self.begin()
        self.stroke("Liver", 4, self.square(2, 2))
        painted = self.mask()
        self.propagate()
        carried = self.mask()
        self.stroke("Liver", 9, self.square(2, 2))
        self.bar_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), carried)
        self.assertNotIn("before the propagation", self.bar_ui.statusLabel.text)
        self.bar_ui.undoButton.click()
        np.testing.assert_array_equal(self.mask(), painted)

    def test_brushes_leave_other_segments_alone_until_the_user_chooses_otherwise(self) -> None:
        self.begin()
        spleen = self.mask("Spleen")
        index = int(np.flatnonzero(spleen.any(axis=(1, 2)))[0])
        everything = np.ones(spleen.shape[1:], dtype=bool)
        self.stroke("Liver", index, everything)
        np.testing.assert_array_equal(self.mask("Spleen"), spleen)
        self.assertFalse((self.mask() & spleen).any())
        self.assertTrue((self.mask()[index] | spleen[index]).all())

        self.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        self.stroke("Liver", index, everything)
        self.assertFalse(self.mask("Spleen")[index].any())
        self.begin()  # the choice was for that result
        self.assertEqual(self.node.GetMaskMode(), slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)

    def test_a_locked_segment_is_never_painted_over_whatever_is_chosen(self) -> None:
        self.begin()
        spleen, node = self.mask("Spleen"), self.node
        index = int(np.flatnonzero(spleen.any(axis=(1, 2)))[0])
        everything = np.ones(spleen.shape[1:], dtype=bool)
        segment = self.result().GetSegmentation().GetSegment(self.panel.segmenting.proposal.segment_ids["Spleen"])
        status = slicer.vtkSlicerSegmentationsModuleLogic
        node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        status.SetSegmentStatus(segment, status.Completed)
        for mode in (node.OverwriteAllSegments, node.OverwriteVisibleSegments, node.OverwriteNone):
            node.SetOverwriteMode(mode)
            node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
            self.stroke("Liver", index, everything)
            np.testing.assert_array_equal(self.mask("Spleen"), spleen)
            self.assertFalse((self.mask() & spleen).any())
        status.SetSegmentStatus(segment, status.InProgress)
        node.SetOverwriteMode(node.OverwriteAllSegments)
        node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        self.stroke("Liver", index, everything)
        self.assertFalse(self.mask("Spleen")[index].any())

    def test_the_editor_has_no_second_undo_and_no_keys_of_its_own(self) -> None:
        self.begin()
        self.assertFalse(self.editor.widget.undoEnabled)
        keys = [key.toString() for key in _keys_of(self.panel.corrections_panel.widget.window())]
        for key in self.panel.corrections_panel.keys.active():
            self.assertEqual(keys.count(key), 1, f"{key} is the key of two things, of which Qt runs none")


def _keys_of(window: Any) -> list[Any]:
    return [one.key for one in window.findChildren(qt.QShortcut) if one.enabled]
