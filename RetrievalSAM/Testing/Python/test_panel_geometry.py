"""Segments lie where the anatomy is, voxel by voxel, whatever grid and transforms volume and segmentation have."""

from __future__ import annotations

from typing import Any

import numpy as np
import phantoms
import slicer
import slicer.util
import vtk
from panel_testing import wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted


def rotation(degrees: float, axis: tuple[float, float, float]) -> np.ndarray:
    """A rotation as float64 (4, 4)."""
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *axis)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def add_transform(matrix: np.ndarray, name: str = "Transform") -> slicer.vtkMRMLLinearTransformNode:
    """A linear transform of the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


class GeometryTest(ScriptedTest):
    script = scripted(segment=[{"threshold": THRESHOLDS, "partials": 1, "result": {"report": REPORT}}])

    def run_and_compare(self, volume: Any = None, truth: dict[str, np.ndarray] | None = None) -> Any:
        """Segment; what the scene shows in the volume is what lies between the thresholds there."""
        volume, truth = volume or self.volume, truth or self.truth
        self.segment(volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        segmentation = self.result()
        for name, mask in truth.items():
            np.testing.assert_array_equal(phantoms.mask_of(segmentation, name, volume), mask, err_msg=name)
        self.wait_until_quiet()
        return segmentation

    def centre_in_world(self, segmentation: Any, name: str) -> np.ndarray:
        """The middle of a segment in RAS, in the world."""
        segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)
        return np.asarray(segmentation.GetSegmentCenterRAS(segment_id))

    def expected_centre(self, name: str, to_world: np.ndarray) -> np.ndarray:
        indices = np.argwhere(self.truth[name])
        middle = (indices.min(axis=0) + indices.max(axis=0))[::-1] / 2
        return (to_world @ np.append(middle, 1.0))[:3]


class GridTest(GeometryTest):
    def test_a_patients_left_stays_left(self) -> None:
        """The phantom is unlike its mirror image along every axis."""
        for axis in range(3):
            self.assertFalse(np.array_equal(self.truth["Liver"], np.flip(self.truth["Liver"], axis)))
        segmentation = self.run_and_compare()
        liver, spleen = (self.centre_in_world(segmentation, name) for name in ("Liver", "Spleen"))
        self.assertGreater(liver[0], spleen[0], "low column indices are on the right, R is positive")

    def test_an_oblique_volume(self) -> None:
        oblique = rotation(35, (1, 2, 3)) @ phantoms.IJK_TO_RAS
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Oblique", oblique)
        segmentation = self.run_and_compare(volume)
        segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName("Liver")
        by_slicer = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
        np.testing.assert_array_equal(by_slicer != 0, self.truth["Liver"])

    def test_a_volume_whose_rows_run_the_other_way(self) -> None:
        mirrored = phantoms.IJK_TO_RAS @ np.diag([-1.0, 1, 1, 1])
        self.run_and_compare(phantoms.add_volume(phantoms.subject(3)[0], "Left-handed", mirrored))

    def test_a_volume_in_sagittal_slices(self) -> None:
        sagittal = np.array([[0, 0, 4, -20], [1.5, 0, 0, -30], [0, -1.5, 0, 40], [0, 0, 0, 1.0]])
        self.run_and_compare(phantoms.add_volume(phantoms.subject(3)[0], "Sagittal", sagittal))

    def test_two_volumes_of_one_name(self) -> None:
        voxels = phantoms.subject(4)[0][:, ::-1, :].copy()
        twin = phantoms.add_volume(voxels, "Subject 3")
        truth = {name: (voxels >= low) & (voxels <= high) for name, low, high, _color in THRESHOLDS}
        self.assertEqual(twin.GetName(), self.volume.GetName())
        self.run_and_compare(twin, truth)
        self.assertEqual(self.panel.segmenting.proposal.volume_id, twin.GetID())
        self.bar_ui.keepButton.click()
        self.run_and_compare(self.volume, self.truth)


class TransformTest(GeometryTest):
    MOVED = np.array([[1, 0, 0, 12.0], [0, 1, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1]])

    def test_a_volume_under_a_linear_transform(self) -> None:
        matrix = self.MOVED @ rotation(20, (0, 1, 1))
        self.volume.SetAndObserveTransformNodeID(add_transform(matrix).GetID())
        segmentation = self.run_and_compare()
        np.testing.assert_allclose(
            self.centre_in_world(segmentation, "Liver"),
            self.expected_centre("Liver", matrix @ phantoms.IJK_TO_RAS),
            atol=3,  # half a voxel, and the box of the centre is cut at voxels
        )

    def test_a_volume_under_a_shearing_transform(self) -> None:
        shear = np.eye(4)
        shear[0, 1] = 0.4
        self.volume.SetAndObserveTransformNodeID(add_transform(shear).GetID())
        segmentation = self.run_and_compare()
        self.assertEqual(segmentation.GetTransformNodeID(), self.volume.GetTransformNodeID())

    def test_a_volume_under_a_mirroring_transform(self) -> None:
        mirror = np.diag([-1.0, 1, 1, 1])
        self.volume.SetAndObserveTransformNodeID(add_transform(mirror).GetID())
        segmentation = self.run_and_compare()
        liver, spleen = (self.centre_in_world(segmentation, name) for name in ("Liver", "Spleen"))
        self.assertLess(liver[0], spleen[0])

    def test_an_output_under_another_transform_than_the_volume(self) -> None:
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        output.SetAndObserveTransformNodeID(add_transform(self.MOVED @ rotation(30, (1, 0, 0)), "Its own").GetID())
        self.volume.SetAndObserveTransformNodeID(add_transform(rotation(15, (0, 0, 1)), "The volume's").GetID())
        self.segment_ui.outputSelector.setCurrentNode(output)
        segmentation = self.run_and_compare()
        self.assertEqual(segmentation.GetID(), output.GetID())
        self.assertEqual(segmentation.GetParentTransformNode().GetName(), "Its own")

    def test_a_case_drawn_under_a_transform_is_added_as_it_lies(self) -> None:
        volume, drawn = phantoms.add_subject(1)
        transform = add_transform(self.MOVED @ rotation(25, (1, 1, 0)))
        for node in (volume, drawn):
            node.SetAndObserveTransformNodeID(transform.GetID())
        written = self.written_case(volume, drawn)
        for name, mask in phantoms.subject(1)[1].items():
            np.testing.assert_array_equal(written[name], mask, err_msg=name)

    def test_a_case_whose_segmentation_hangs_under_another_transform(self) -> None:
        """It was drawn on the volume, then both were moved apart in the tree but not in space."""
        volume, drawn = phantoms.add_subject(1)
        drawn.SetAndObserveTransformNodeID(add_transform(self.MOVED).GetID())
        drawn.HardenTransform()
        volume.SetAndObserveTransformNodeID(add_transform(self.MOVED).GetID())
        written = self.written_case(volume, drawn)
        for name, mask in phantoms.subject(1)[1].items():
            np.testing.assert_array_equal(written[name], mask, err_msg=name)

    def test_a_case_whose_segmentation_lies_under_a_transform_of_its_own(self) -> None:
        volume, _drawn = phantoms.add_subject(1)
        volume.SetAndObserveTransformNodeID(add_transform(rotation(25, (1, 1, 0))).GetID())
        masks = phantoms.subject(1)[1]
        for own in (self.MOVED, self.MOVED @ rotation(50, (0, 1, 0))):
            drawn = self.segmentation_under(own, volume, masks)
            written = self.written_case(volume, drawn)
            for name, mask in masks.items():
                np.testing.assert_array_equal(written[name], mask, err_msg=name)

    def segmentation_under(self, own: np.ndarray, volume: Any, masks: dict[str, np.ndarray]) -> Any:
        """Masks of the volume's voxels in a segmentation that has another transform than the volume."""
        to_world = vtk.vtkMatrix4x4()
        volume.GetParentTransformNode().GetMatrixTransformToWorld(to_world)
        in_world = slicer.util.arrayFromVTKMatrix(to_world) @ phantoms.IJK_TO_RAS
        local = phantoms.add_volume(np.zeros(phantoms.SHAPE, np.int16), "Grid", np.linalg.inv(own) @ in_world)
        drawn = phantoms.add_segmentation(local, masks)
        slicer.mrmlScene.RemoveNode(local)
        drawn.SetAndObserveTransformNodeID(add_transform(own, "Its own").GetID())
        return drawn

    def written_case(self, volume: Any, drawn: Any) -> dict[str, np.ndarray]:
        """What is handed to the worker when a case is added, as masks in the image's voxels."""
        import SimpleITK
        from RetrievalSAMModule.scene.segmentation_files import show_segments, write_segments
        from RetrievalSAMModule.scene.volume_files import write_volume

        write_volume(volume, self.folder / "image.nrrd")
        write_segments(drawn, volume, ("Liver", "Spleen"), self.folder / "drawn.seg.nrrd")
        image = SimpleITK.ReadImage(str(self.folder / "image.nrrd"))
        labels = SimpleITK.ReadImage(str(self.folder / "drawn.seg.nrrd"))
        np.testing.assert_allclose(labels.GetOrigin(), image.GetOrigin(), atol=1e-4)
        np.testing.assert_allclose(labels.GetDirection(), image.GetDirection(), atol=1e-6)
        self.assertEqual(labels.GetSize(), image.GetSize())
        again = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Read again")
        again.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        show_segments(self.folder / "drawn.seg.nrrd", again, volume)
        return {name: phantoms.mask_of(again, name, volume) for name in ("Liver", "Spleen")}


class ExistingOutputTest(GeometryTest):
    def test_other_segments_stay_as_they_are_also_where_they_overlap(self) -> None:
        around = np.zeros(phantoms.SHAPE, bool)
        around[3:9, 10:40, 5:30] = True  # overlaps the liver
        inside = self.truth["Liver"] & around
        output = phantoms.add_segmentation(self.volume, {"Around": around, "Inside": inside}, "Mine")
        self.segment_ui.outputSelector.setCurrentNode(output)
        self.run_and_compare()
        for name, mask in (("Around", around), ("Inside", inside)):
            np.testing.assert_array_equal(phantoms.mask_of(output, name, self.volume), mask, err_msg=name)
        self.bar_ui.discardButton.click()
        content = output.GetSegmentation()
        self.assertEqual([content.GetNthSegment(n).GetName() for n in range(2)], ["Around", "Inside"])
        self.assertEqual(content.GetNumberOfSegments(), 2)
        for name, mask in (("Around", around), ("Inside", inside)):
            np.testing.assert_array_equal(phantoms.mask_of(output, name, self.volume), mask, err_msg=name)

    def test_a_segment_of_the_same_name_is_replaced_and_comes_back_when_discarded(self) -> None:
        mine = np.zeros(phantoms.SHAPE, bool)
        mine[2:4, 2:6, 2:6] = True
        output = phantoms.add_segmentation(self.volume, {"Liver": mine}, "Mine")
        output.GetSegmentation().GetNthSegment(0).SetColor(0.1, 0.2, 0.3)
        self.segment_ui.outputSelector.setCurrentNode(output)
        self.run_and_compare()
        self.assertEqual(output.GetSegmentation().GetNumberOfSegments(), 2)
        self.bar_ui.discardButton.click()
        self.assertEqual(output.GetSegmentation().GetNumberOfSegments(), 1)
        np.testing.assert_array_equal(phantoms.mask_of(output, "Liver", self.volume), mine)
        np.testing.assert_allclose(output.GetSegmentation().GetNthSegment(0).GetColor(), (0.1, 0.2, 0.3), atol=1e-4)

    def test_a_second_run_replaces_the_segments_of_the_first(self) -> None:
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        self.segment_ui.outputSelector.setCurrentNode(output)
        self.run_and_compare()
        self.user.will_answer(True)
        self.run_and_compare()
        self.assertIn("the run would write over it", self.user.reads())
        self.assertEqual(output.GetSegmentation().GetNumberOfSegments(), 2)


class RegionTest(GeometryTest):
    def region(self, centre: np.ndarray, size: tuple[float, float, float], to_world: np.ndarray) -> Any:
        """A box with its middle at a voxel index, its edges along the axes of a rotation."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        node.SetSize(*size)
        to_node = rotation(0, (0, 0, 1))
        to_node[:3, :3] = to_world[:3, :3] / np.linalg.norm(to_world[:3, :3], axis=0)
        to_node[:3, 3] = (to_world @ np.append(centre, 1.0))[:3]
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(to_node))
        return node

    def asked_region(self, volume: Any, region: Any) -> list[int]:
        self.segment_ui.regionSelector.setCurrentNode(region)
        self.run_and_compare(volume)
        return self.requests("segment")[-1]["with"]["roi"]

    def test_a_box_in_a_rotated_volume(self) -> None:
        oblique = rotation(40, (1, 0, 2)) @ phantoms.IJK_TO_RAS
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Oblique", oblique)
        box = self.region(np.array([20.0, 24, 6]), (8 * 1.5, 6 * 1.5, 4 * 4.0), oblique)
        self.assertEqual(self.asked_region(volume, box), [16, 25, 21, 28, 4, 9])

    def test_a_box_under_the_transform_of_the_volume(self) -> None:
        transform = add_transform(rotation(30, (0, 1, 0)))
        box = self.region(np.array([20.0, 24, 6]), (8 * 1.5, 6 * 1.5, 4 * 4.0), phantoms.IJK_TO_RAS)
        for node in (self.volume, box):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.assertEqual(self.asked_region(self.volume, box), [16, 25, 21, 28, 4, 9])

    def test_a_box_that_reaches_beyond_the_volume_is_cut(self) -> None:
        box = self.region(np.array([0.0, 47, 6]), (8 * 1.5, 6 * 1.5, 400.0), phantoms.IJK_TO_RAS)
        self.assertEqual(self.asked_region(self.volume, box), [0, 5, 44, 48, 0, 12])

    def test_without_a_box_the_whole_volume_is_asked_for(self) -> None:
        self.assertIsNone(self.asked_region(self.volume, None))
