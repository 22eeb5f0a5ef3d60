"""Points and boxes go to the worker where they lie in the volume's file, once, and come back with the undo."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import phantoms
import qt
import slicer
import slicer.util
import vtk
from panel_testing import nodes_of_scene, wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted
from test_panel_geometry import add_transform, rotation

GOOD = {"threshold": THRESHOLDS, "partials": 1, "result": {"report": REPORT}}
FAILS = {"fault": {"code": "input", "message": "points: none is in the region. Move them."}}


def all_nodes() -> list[str]:
    """IDs of every node, also of those that are not saved."""
    scene = slicer.mrmlScene
    return sorted(scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes()))


class PromptsTest(ScriptedTest):
    script = scripted(segment=[GOOD], refine=[GOOD])

    def get_result(self, volume: Any = None) -> None:
        self.volume = volume or self.volume
        self.segment(self.volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.wait_until_quiet()

    def choose_segment(self, name: str) -> None:
        box = self.corrections_ui.promptSegmentSelector
        box.setCurrentIndex(box.findText(name))

    def show_slice(self, index: int) -> None:
        from RetrievalSAMModule.scene.slice_views import jump_to_voxel

        # In a view across the slices there is no slice on display.
        slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode().RotateToVolumePlane(self.volume)
        jump_to_voxel(self.volume, np.array([24.0, 24, index]))
        wait_until(lambda: self.panel.corrections_panel._slice == index, "the slice to be seen")

    def list_placed_into(self, button: Any) -> Any:
        """The list that a click into a view would add to."""
        button.click()
        application = slicer.app.applicationLogic()
        self.assertEqual(application.GetInteractionNode().GetCurrentInteractionMode(), 1, "Slicer places nothing")
        return slicer.mrmlScene.GetNodeByID(application.GetSelectionNode().GetActivePlaceNodeID())

    def place(self, voxel: tuple[float, float, float], inside: bool = True) -> Any:
        """A point at a voxel index (i, j, k), as by a click into the view."""
        ui = self.corrections_ui
        button = ui.insideButton if inside else ui.outsideButton
        node = self.list_placed_into(button)
        node.AddControlPointWorld(vtk.vtkVector3d(*self.world(voxel)))
        button.click()
        return node

    def world(self, voxel: tuple[float, float, float]) -> np.ndarray:
        return phantoms.world_of(self.volume, voxel)

    def propagate(self) -> dict[str, Any]:
        """What the worker was asked."""
        button = self.corrections_ui.propagateButton
        self.assertTrue(button.enabled, button.toolTip)
        asked = len(self.requests("refine"))
        button.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the corrections to be carried on")
        self.wait_until_quiet()
        self.assertEqual(len(self.requests("refine")), asked + 1)
        return self.requests("refine")[-1]["with"]

    def voxel_in_file(self, asked: dict[str, Any], position_mm: list[float]) -> np.ndarray:
        """The voxel that a position of the request means to a reader of the image file."""
        return np.array(self.image.TransformPhysicalPointToContinuousIndex(position_mm))

    def keep_image(self) -> None:
        """Keep what is written for the worker: it is deleted at the end of a run."""
        import SimpleITK
        from RetrievalSAMModule.scene.volume_files import write_volume

        write_volume(self.volume, self.folder / "kept.nrrd")
        self.image = SimpleITK.ReadImage(str(self.folder / "kept.nrrd"))

    def check_places(self) -> None:
        """A point in and a point out, a box: each is sent as the voxels that it was put on."""
        self.keep_image()
        self.choose_segment("Liver")
        self.place((12, 20, 4))
        self.place((30, 21, 5), inside=False)
        self.choose_segment("Spleen")
        self.show_slice(8)
        self.corrections_ui.boxButton.click()
        spleen = phantoms.mask_of(self.result(), "Spleen", self.volume)[8]
        asked = self.propagate()
        self.assertEqual([(p["segment"], p["positive"]) for p in asked["points"]], [("Liver", True), ("Liver", False)])
        for point, voxel in zip(asked["points"], [(12, 20, 4), (30, 21, 5)], strict=True):
            np.testing.assert_allclose(self.voxel_in_file(asked, point["position_mm"]), voxel, atol=1e-3)
        (box,) = asked["boxes"]
        self.assertEqual(box["segment"], "Spleen")
        corners = np.array([self.voxel_in_file(asked, corner) for corner in box["corners_mm"]])
        rows, columns = np.nonzero(spleen)
        low, high = corners.min(axis=0), corners.max(axis=0)
        np.testing.assert_allclose(low, [max(columns.min() - 2, 0), max(rows.min() - 2, 0), 8], atol=0.05)
        np.testing.assert_allclose(high, [min(columns.max() + 2, 47), min(rows.max() + 2, 47), 8], atol=0.05)
        self.assertEqual(asked["corrected"], [])


class PlacesTest(PromptsTest):
    def test_in_a_plain_volume_positions_are_lps(self) -> None:
        self.get_result()
        self.check_places()
        sent = self.requests("refine")[-1]["with"]["points"][0]["position_mm"]
        ras = self.world((12, 20, 4))
        np.testing.assert_allclose(sent, [-ras[0], -ras[1], ras[2]], atol=1e-6)

    def test_in_an_oblique_volume(self) -> None:
        oblique = rotation(35, (1, 2, 3)) @ phantoms.IJK_TO_RAS
        self.get_result(phantoms.add_volume(phantoms.subject(3)[0], "Oblique", oblique))
        self.check_places()

    def test_in_a_volume_whose_rows_run_the_other_way(self) -> None:
        mirrored = phantoms.IJK_TO_RAS @ np.diag([-1.0, 1, 1, 1])
        self.get_result(phantoms.add_volume(phantoms.subject(3)[0], "Left-handed", mirrored))
        self.check_places()

    def test_in_a_volume_under_a_linear_transform(self) -> None:
        matrix = rotation(20, (0, 1, 1))
        matrix[:3, 3] = (12, -7, 30)
        self.volume.SetAndObserveTransformNodeID(add_transform(matrix).GetID())
        self.get_result()
        self.check_places()

    def test_in_a_volume_under_a_mirroring_transform(self) -> None:
        self.volume.SetAndObserveTransformNodeID(add_transform(np.diag([-1.0, 1, 1, 1])).GetID())
        self.get_result()
        self.check_places()

    def test_points_that_hang_under_a_transform_of_their_own(self) -> None:
        self.get_result()
        self.keep_image()
        node = self.place((12, 20, 4))
        moved = np.eye(4)
        moved[:3, 3] = (3.0, 4.5, 0)  # two columns to the right, three rows forwards: 1.5 mm each
        node.SetAndObserveTransformNodeID(add_transform(moved).GetID())
        asked = self.propagate()
        found = self.voxel_in_file(asked, asked["points"][0]["position_mm"])
        np.testing.assert_allclose(found, (10, 17, 4), atol=1e-3)

    def test_a_box_that_was_moved_and_resized(self) -> None:
        self.get_result()
        self.keep_image()
        self.choose_segment("Liver")
        self.show_slice(5)
        self.corrections_ui.boxButton.click()
        (box,) = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")]
        box.SetCenterWorld(self.world((20.0, 24.0, 6.3)))
        box.SetSize(9 * 1.5, 5 * 1.5, 3.6)
        asked = self.propagate()
        corners = np.array([self.voxel_in_file(asked, corner) for corner in asked["boxes"][0]["corners_mm"]])
        np.testing.assert_allclose(corners.min(axis=0), (16, 22, 6), atol=1e-3)
        np.testing.assert_allclose(corners.max(axis=0), (24, 26, 6), atol=1e-3)

    def test_a_box_that_reaches_beyond_the_volume_is_cut(self) -> None:
        self.get_result()
        self.keep_image()
        self.show_slice(5)
        self.corrections_ui.boxButton.click()
        (box,) = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")]
        box.SetCenterWorld(self.world((0.0, 24.0, 5)))
        asked = self.propagate()
        corners = np.array([self.voxel_in_file(asked, corner) for corner in asked["boxes"][0]["corners_mm"]])
        self.assertAlmostEqual(corners.min(axis=0)[0], 0, places=3)


class PlacingTest(PromptsTest):
    def test_every_segment_has_a_list_inside_and_one_outside_in_its_color_but_lighter(self) -> None:
        self.get_result()
        nodes = {}
        for name in ("Liver", "Spleen"):
            self.choose_segment(name)
            for inside in (True, False):
                nodes[name, inside] = self.place((20, 20, 4), inside)
        self.assertEqual(len({node.GetID() for node in nodes.values()}), 4)
        for (name, _inside), node in nodes.items():
            lighter = 1 - 0.45 * (1 - np.array(phantoms.COLORS[name]))
            np.testing.assert_allclose(node.GetDisplayNode().GetSelectedColor(), lighter, atol=0.01)
        shapes = [nodes["Liver", inside].GetDisplayNode().GetGlyphType() for inside in (True, False)]
        self.assertNotEqual(*shapes)
        self.assertIs(self.place((21, 20, 4)), nodes["Spleen", True], "one list, not one a click")

    def test_the_button_shows_whether_clicks_set_points(self) -> None:
        self.get_result()
        ui, interaction = self.corrections_ui, slicer.app.applicationLogic().GetInteractionNode()
        ui.insideButton.click()
        self.assertTrue(ui.insideButton.checked)
        ui.outsideButton.click()
        self.assertEqual((ui.insideButton.checked, ui.outsideButton.checked), (False, True))
        interaction.SwitchToViewTransformMode()  # as by the Escape key
        self.assertFalse(ui.outsideButton.checked)
        ui.insideButton.click()
        self.choose_segment("Spleen")
        self.assertFalse(ui.insideButton.checked, "the next point would have been the other segment's")
        self.assertNotEqual(interaction.GetCurrentInteractionMode(), interaction.Place)

    def test_leaving_the_module_ends_placing(self) -> None:
        self.get_result()
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        self.corrections_ui.insideButton.click()
        self.module.widget.exit()
        self.assertNotEqual(interaction.GetCurrentInteractionMode(), interaction.Place)
        self.module.widget.enter()

    def test_a_point_under_the_mouse_pointer_is_none_yet(self) -> None:
        self.get_result()
        node = self.list_placed_into(self.corrections_ui.insideButton)
        number = node.AddControlPointWorld(vtk.vtkVector3d(*self.world((20, 20, 4))))
        node.SetNthControlPointPosition(number, *self.world((20, 20, 4)), node.PositionPreview)
        self.assertFalse(self.corrections_ui.propagateButton.enabled)
        self.corrections_ui.insideButton.click()

    def test_the_panel_counts_and_deletes_them(self) -> None:
        self.get_result()
        before = all_nodes()
        self.place((20, 20, 4))
        self.place((20, 22, 7), inside=False)
        self.show_slice(5)
        self.corrections_ui.boxButton.click()
        self.assertEqual(self.corrections_ui.promptsLabel.text, "2 points, 1 box; slices: 4, 5, 7")
        self.corrections_ui.clearButton.click()
        self.assertEqual(self.corrections_ui.promptsLabel.text, "")
        self.assertFalse(self.corrections_ui.propagateButton.enabled)
        self.assertEqual(all_nodes(), before)

    def test_a_list_that_the_user_deletes_is_forgotten(self) -> None:
        self.get_result()
        slicer.mrmlScene.RemoveNode(self.place((20, 20, 4)))
        self.assertFalse(self.corrections_ui.propagateButton.enabled)

    def test_they_are_not_saved_with_a_scene(self) -> None:
        self.get_result()
        before = nodes_of_scene()
        self.place((20, 20, 4))
        self.assertEqual(nodes_of_scene(), before)

    def test_accepting_discarding_and_closing_the_scene_remove_them(self) -> None:
        before = all_nodes()
        self.get_result()
        self.place((20, 20, 4))
        self.bar_ui.discardButton.click()
        self.assertEqual(all_nodes(), before)
        self.get_result()
        self.place((20, 20, 4))
        self.bar_ui.keepButton.click()
        self.assertFalse(slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode"))
        slicer.mrmlScene.Clear(0)


class EndTest(PromptsTest):
    def test_a_module_that_ends_with_points_set_leaves_no_file_behind(self) -> None:
        def folders() -> set[Path]:
            return set(Path(slicer.app.temporaryPath or tempfile.gettempdir()).glob("RetrievalSAM-*"))

        self.get_result()
        own = folders()
        self.assertTrue(own)
        self.place((20, 20, 4))
        self.module.reload()
        ended: list[bool] = []
        qt.QTimer.singleShot(1000, lambda: ended.append(True))  # a preview would have been asked for by then
        wait_until(lambda: ended, "a second")
        self.wait_until_quiet()
        self.assertFalse([folder for folder in own if folder.exists()])
        self.assertFalse([file for folder in folders() for file in folder.rglob("*.nrrd")])


class RefusedTest(PromptsTest):
    def refused(self) -> str:
        """What the user reads instead of a propagation."""
        self.corrections_ui.propagateButton.click()
        self.assertEqual(self.requests("refine"), [])
        self.assertEqual(self.panel.segmenting.state, "proposed")
        return self.user.reads()

    def test_a_point_outside_the_volume_is_named(self) -> None:
        self.get_result()
        self.place((20, 20, 4))
        self.place((20, 48, 4))
        self.assertIn("lies outside the volume", self.corrections_ui.promptsLabel.text)
        self.assertIn("The point 'Inside Liver-2' lies outside the volume 'Subject 3'. Move it", self.refused())

    def test_half_a_voxel_beyond_the_last_middle_is_still_inside(self) -> None:
        self.get_result()
        self.place((47.4, 20, 11.4))
        self.assertEqual(self.corrections_ui.promptsLabel.text, "1 point, 0 boxes; slices: 11")

    def test_a_box_outside_the_volume_or_without_a_size_is_named(self) -> None:
        self.get_result()
        self.show_slice(5)
        self.corrections_ui.boxButton.click()
        (box,) = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")]
        box.SetCenterWorld(self.world((20.0, 24.0, 40)))
        self.assertIn("The box 'Box of Liver' lies outside the volume 'Subject 3'", self.refused())
        box.SetSize(0, 10, 4)
        self.assertIn("The box 'Box of Liver' has no size", self.refused())

    def test_a_point_on_a_corrected_slice_is_named_and_can_be_resolved(self) -> None:
        self.get_result()
        self.place((20, 20, 4))
        self.show_slice(4)
        self.corrections_ui.rightCheckBox.click()
        self.assertIn("on slice 4, which counts as corrected", self.refused())
        self.corrections_ui.rightCheckBox.click()
        self.assertEqual(self.propagate()["corrected"], [])


class UsedOnceTest(PromptsTest):
    def test_they_go_after_a_propagation_and_come_back_with_the_undo(self) -> None:
        self.get_result()
        self.choose_segment("Spleen")
        self.place((20, 20, 4))
        self.show_slice(5)
        self.corrections_ui.boxButton.click()
        first = self.propagate()
        self.assertFalse(slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode"))
        self.assertFalse(slicer.util.getNodesByClass("vtkMRMLMarkupsROINode"))
        self.corrections_ui.undoButton.click()
        again = self.propagate()
        for key in ("points", "boxes"):
            self.assertEqual(len(again[key]), 1)
            self.assertEqual(again[key][0]["segment"], "Spleen")
        np.testing.assert_allclose(again["points"][0]["position_mm"], first["points"][0]["position_mm"], atol=1e-6)
        np.testing.assert_allclose(again["boxes"][0]["corners_mm"], first["boxes"][0]["corners_mm"], atol=1e-6)


class FailedTest(PromptsTest):
    script = scripted(segment=[GOOD], refine=[FAILS, GOOD])

    def test_they_stay_when_the_propagation_fails(self) -> None:
        self.get_result()
        self.place((20, 20, 4))
        first = self.propagate()
        self.assertIn("none is in the region", self.user.reads())
        self.assertEqual(self.propagate()["points"], first["points"])


class StrokesTest(PromptsTest):
    def draw(self, button: Any, *voxels: tuple[float, float, float]) -> Any:
        """A stroke along voxels, ended as a double click ends it."""
        node = self.list_placed_into(button)
        for voxel in voxels:
            node.AddControlPointWorld(vtk.vtkVector3d(*self.world(voxel)))
        slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
        self.assertFalse(button.checked)
        return node

    def test_a_stroke_counts_as_points_along_it_and_is_undone_point_by_point(self) -> None:
        self.get_result()
        self.keep_image()
        self.choose_segment("Liver")
        ui, prompts = self.corrections_ui, self.panel.correcting.prompts
        self.draw(ui.strokeInsideButton, (10, 20, 4), (22, 20, 4), (22, 26, 4))
        self.assertIn("0 points, 1 stroke, 0 boxes; slices: 4", ui.promptsLabel.text)
        ui.undoButton.click()
        along = [point["position_mm"] for point in prompts.points()]
        np.testing.assert_allclose(self.voxel_in_file({}, along[-1]), (22, 20, 4), atol=1e-3)
        ui.redoButton.click()
        self.draw(ui.strokeOutsideButton, (40, 40, 5))
        asked = self.propagate()["points"]
        inside = [self.voxel_in_file({}, p["position_mm"]) for p in asked if p["positive"]]
        (outside,) = (self.voxel_in_file({}, p["position_mm"]) for p in asked if not p["positive"])
        np.testing.assert_allclose(outside, (40, 40, 5), atol=1e-3)
        np.testing.assert_allclose(
            inside, [*((i, 20, 4) for i in (10, 13, 16, 19, 22)), (22, 23, 4), (22, 26, 4)], atol=1e-3
        )
        self.assertTrue(prompts.is_empty)
        self.assertFalse(slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode"))

    def test_a_stroke_that_was_begun_and_not_drawn_leaves_nothing(self) -> None:
        self.get_result()
        self.choose_segment("Liver")
        before = all_nodes()
        for button in (self.corrections_ui.strokeInsideButton, self.corrections_ui.strokeOutsideButton):
            self.draw(button)
        wait_until(lambda: all_nodes() == before, "the empty strokes to go")


class ByItselfTest(PromptsTest):
    def looks(self, count: int) -> int:
        """Requests for a propagation, once the panel has looked so often whether the user still corrects."""
        for _n in range(count):
            self.panel.corrections_panel._by_itself.look()
        wait_until(lambda: self.panel.segmenting.state != "running", "the corrections to be carried on")
        self.wait_until_quiet()
        return len(self.requests("refine"))

    def test_corrections_are_carried_on_after_a_pause_once_and_only_where_that_is_wanted(self) -> None:
        self.get_result()
        self.choose_segment("Liver")
        ui, by_itself = self.corrections_ui, self.panel.corrections_panel._by_itself
        self.place((12, 20, 4))
        self.assertFalse(ui.byItselfCheckBox.checked or by_itself.on)
        ui.byItselfCheckBox.click()
        self.assertEqual(self.looks(20), 0)  # what was set before waits for the next change
        self.place((14, 22, 4))
        node = self.list_placed_into(ui.insideButton)
        self.assertEqual(self.looks(20), 0, "while points are being placed")
        self.assertIsNotNone(node)
        ui.insideButton.click()
        self.assertEqual(self.looks(20), 1)
        self.assertEqual(len(self.requests("refine")[-1]["with"]["points"]), 2)
        self.assertEqual(self.looks(20), 1)
        ui.undoButton.click()
        self.assertEqual(self.looks(20), 1, "what was undone comes back by itself")
        self.panel.exit()
        self.assertFalse(by_itself.on)
