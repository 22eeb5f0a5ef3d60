"""The slice that points and boxes lie on shows at once what they do; no other slice is touched."""

from __future__ import annotations

import numpy as np
import phantoms
import slicer
import vtk
from panel_testing import PanelTest, wait_until


class PreviewTest(PanelTest):
    def setUp(self) -> None:
        super().setUp()
        voxels, self.truth = phantoms.subject(3)
        self.volume = phantoms.add_volume(voxels, "Subject 3")
        slicer.util.setSliceViewerLayers(background=self.volume, fit=True)
        self.wait_until_quiet()

    def mask(self, name: str = "Liver") -> np.ndarray:
        return phantoms.mask_of(self.panel.segmenting.proposal.segmentation, name, self.volume)

    def click_into(self, voxel: tuple[float, float, float], inside: bool = True) -> None:
        ui = self.corrections_ui
        button = ui.insideButton if inside else ui.outsideButton
        if not button.checked:
            button.click()
        node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
        world = phantoms.world_of(self.volume, voxel)
        slicer.mrmlScene.GetNodeByID(node_id).AddControlPointWorld(vtk.vtkVector3d(*world))

    def begin(self) -> None:
        ui = self.first_case_ui
        ui.volumeSelector.setCurrentNode(self.volume)
        ui.structureEdit.text = "Liver"
        ui.addStructureButton.click()

    def test_a_click_is_shown_on_its_slice_alone_taken_back_and_carried_on(self) -> None:
        self.begin()
        j, i = np.argwhere(self.truth["Liver"][3]).mean(axis=0)
        self.click_into((i, j, 3))
        wait_until(lambda: self.mask()[3].any(), "the slice to be shown")
        first = self.mask()
        self.assertEqual(np.flatnonzero(first.any(axis=(1, 2))).tolist(), [3])
        self.assertGreater(phantoms.dice(first[3], self.truth["Liver"][3]), 0.7)
        self.assertTrue(first[3, round(j), round(i)])
        wait_until(lambda: self.panel.correcting.corrected == [3], "the slice to count as drawn")

        outside = np.argwhere(first[3])[0]
        self.click_into((float(outside[1]), float(outside[0]), 3), inside=False)
        wait_until(lambda: not self.mask()[3, outside[0], outside[1]], "the second click to be shown")
        self.bar_ui.undoButton.click()
        wait_until(lambda: np.array_equal(self.mask(), first), "the second click to be taken back")
        self.bar_ui.redoButton.click()
        wait_until(lambda: not self.mask()[3, outside[0], outside[1]], "the second click to be back")
        self.bar_ui.undoButton.click()
        wait_until(lambda: np.array_equal(self.mask(), first), "the second click to be taken back again")

        # What was seen is what is carried on.
        self.bar_ui.propagateButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the volume to be filled")
        self.wait_until_quiet()
        after = self.mask()
        np.testing.assert_array_equal(after[3], first[3])
        self.assertTrue(after[5].any())
        self.bar_ui.discardButton.click()

    def test_other_segments_are_not_painted_over(self) -> None:
        self.begin()
        segmentation = self.panel.segmenting.proposal.segmentation
        self.first_case_ui.structureEdit.text = "Locked"
        self.first_case_ui.addStructureButton.click()
        half = self.truth["Liver"][3].copy()
        half[:, : round(float(np.argwhere(half).mean(axis=0)[1]))] = False
        phantoms.edit_slice(segmentation, "Locked", self.volume, 3, half)
        j, i = np.argwhere(self.truth["Liver"][3] & ~half).mean(axis=0)
        self.click_into((i, j, 3))
        wait_until(lambda: self.mask()[3].any(), "the slice to be shown")
        self.assertFalse((self.mask()[3] & half).any())
        np.testing.assert_array_equal(self.mask("Locked")[3], half)
        self.bar_ui.discardButton.click()

    def test_switched_off_nothing_is_shown_before_it_is_carried_on(self) -> None:
        self.begin()
        self.corrections_ui.previewCheckBox.click()
        self.click_into((15, 22, 3))
        self.wait_until_quiet()
        slicer.app.processEvents()
        self.assertFalse(self.mask()[3].any())
        self.corrections_ui.previewCheckBox.click()
        self.bar_ui.discardButton.click()
