"""The window that says what to annotate next: the ranking, the slices to draw, and drawing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import phantoms
import qt
import slicer
import slicer.util
import vtk
from panel_testing import PanelTest, texts, wait_until
from RetrievalSAMModule.scene.slice_views import world_to_voxel
from RetrievalSAMModule.scene.volume_files import write_volume
from scripted_panel import REPORT, ScriptedTest, library_of, scripted

LONG = "A volume whose name is much longer than any column of this table can be wide " * 2
CODE = "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure~SCT^10200004"
CODE += "^Liver~^^~Anatomic codes - DICOM master list~^^~^^"
WAITS = {"progress": 3, "wait": True}
TILTED = phantoms.rotated(phantoms.IJK_TO_RAS, 24, (1, 2, 0.5))


def volume_told(file: int, **fields: Any) -> dict[str, Any]:
    """What the worker says of the volume that was sent as number `file`."""
    told = {
        "file": file,
        "score": 0.5,
        "novelty": 0.5,
        "uncertainty": None,
        "nearest": {"case": "Case 1", "similarity": 0.8},
        "plane": "axial",
        "plane_axis": 2,
        "slices": [8, 3],
        "note": None,
    }
    return told | fields


class SuggestTest(ScriptedTest):
    def open_window(self) -> None:
        self.assertTrue(self.library_ui.suggestButton.enabled)
        self.library_ui.suggestButton.click()
        self.wait_until_quiet()

    def rank(self) -> None:
        self.assertTrue(self.suggest_ui.suggestButton.enabled, self.suggest_ui.suggestButton.toolTip)
        self.suggest_ui.suggestButton.click()

    def listed(self) -> list[str]:
        items = self.suggest_ui.volumesList
        return [items.item(row).text() for row in range(items.count)]

    def check_only(self, *names: str) -> None:
        items = self.suggest_ui.volumesList
        for row in range(items.count):
            item = items.item(row)
            item.setCheckState(qt.Qt.Checked if item.text() in names else qt.Qt.Unchecked)

    def slice_buttons(self) -> list[qt.QPushButton]:
        found = self.suggest_ui.slicesPlace.findChildren(qt.QPushButton)
        return [one for one in found if not one.isHidden()]


class ChoosingTest(SuggestTest):
    script = scripted(library_suggest=[WAITS])

    def test_nothing_can_be_ranked_without_a_checked_volume_and_the_button_says_so(self) -> None:
        self.open_window()
        self.assertEqual(self.listed(), ["Subject 3"])
        self.assertTrue(self.suggest_ui.suggestButton.enabled)
        self.check_only()
        self.assertFalse(self.suggest_ui.suggestButton.enabled)
        self.assertIn("Check at least one volume", self.suggest_ui.suggestButton.toolTip)
        self.assertFalse(self.suggest_ui.drawButton.enabled)
        self.panel.library.close()
        self.assertIn("library first", self.suggest_ui.progressLabel.text)

    def test_the_list_follows_the_scene_and_keeps_what_was_unchecked(self) -> None:
        self.open_window()
        self.check_only()
        phantoms.add_volume(phantoms.subject(4)[0], LONG)
        wait_until(lambda: len(self.listed()) == 2, "the list")
        items = self.suggest_ui.volumesList
        self.assertEqual([items.item(row).checkState() for row in (0, 1)], [qt.Qt.Unchecked, qt.Qt.Checked])
        self.assertEqual(items.item(1).toolTip(), LONG)
        slicer.mrmlScene.RemoveNode(self.volume)
        wait_until(lambda: self.listed() == [LONG], "the list")

    def test_files_and_reports_go_to_the_worker_as_they_are_and_can_be_taken_off(self) -> None:
        self.open_window()
        files = [self.folder / name for name in ("a.nii.gz", "b.nrrd", "a.json")]
        self.user.will_answer(files, [files[0]])
        self.suggest_ui.addFilesButton.click()
        self.suggest_ui.addFilesButton.click()
        self.assertEqual(self.listed(), ["Subject 3", "a.nii.gz", "b.nrrd", "a.json (report)"])
        self.suggest_ui.volumesList.setCurrentRow(0)
        self.assertFalse(self.suggest_ui.removeFileButton.enabled, "a volume of the scene stays there")
        self.suggest_ui.volumesList.setCurrentRow(2)
        self.suggest_ui.removeFileButton.click()
        self.check_only("a.nii.gz", "a.json (report)")
        self.rank()
        wait_until(lambda: self.requests("library.suggest"), "the request")
        asked = self.requests("library.suggest")[0]["with"]
        self.assertEqual((asked["files"], asked["reports"]), ([str(files[0])], [str(files[2])]))
        self.suggest_ui.suggestButton.click()

    def test_volumes_of_the_scene_travel_as_files_that_are_deleted_afterwards(self) -> None:
        self.open_window()
        self.rank()
        wait_until(lambda: self.panel.suggesting.progress is not None, "progress")
        (file,) = self.requests("library.suggest")[0]["with"]["files"]
        expected = self.folder / "expected.nrrd"
        write_volume(self.volume, expected)
        self.assertEqual(Path(file).read_bytes(), expected.read_bytes())
        self.assertNotIn("Subject", file)
        wait_until(lambda: "2 of 3" in self.suggest_ui.progressLabel.text, "progress")
        self.suggest_ui.suggestButton.click()
        self.wait_until_quiet()
        self.assertIn("Stopped", self.suggest_ui.progressLabel.text)
        self.assertFalse(Path(file).parent.exists())

    def test_the_report_of_a_run_goes_along_while_the_volume_is_as_it_was(self) -> None:
        self.press_segment()
        self.wait_until_quiet()
        self.open_window()
        self.rank()
        wait_until(lambda: self.panel.suggesting.progress is not None, "progress")
        (report,) = self.requests("library.suggest")[0]["with"]["reports"]
        self.assertEqual(json.loads(Path(report).read_text(encoding="utf-8")), REPORT)
        self.suggest_ui.suggestButton.click()
        self.wait_until_quiet()
        slicer.util.arrayFromVolume(self.volume)[:] = 0
        slicer.util.arrayFromVolumeModified(self.volume)
        self.rank()
        wait_until(lambda: len(self.requests("library.suggest")) == 2, "the request")
        self.assertIsNone(self.requests("library.suggest")[1]["with"]["reports"])
        self.suggest_ui.suggestButton.click()

    def test_a_volume_without_voxels_is_told(self) -> None:
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow")
        self.open_window()
        self.check_only("Hollow")
        self.rank()
        self.assertIn("'Hollow' has no voxels", self.user.reads())
        self.assertEqual(self.requests("library.suggest"), [])


RANKED = {
    "cases": 1,
    "plane": "axial",
    "volumes": [
        volume_told(1, novelty=0.8, uncertainty=0.7),
        volume_told(0, slices=[5, 10, 2], novelty=0.2),
        volume_told(2, note="shows nothing new"),
    ],
    "unreadable": [{"file": 3, "message": "it is broken"}],
}


class RankingTest(SuggestTest):
    script = scripted(library_suggest=[{"progress": 2, "result": RANKED}])

    def setUp(self) -> None:
        super().setUp()
        for name in ("Second", LONG, "Broken"):
            phantoms.add_volume(phantoms.subject(4)[0], name, TILTED)
        self.open_window()
        self.rank()
        self.wait_until_quiet()

    def test_the_ranking_says_why_in_plain_words_and_what_to_draw(self) -> None:
        self.assertEqual(
            texts(self.suggest_ui.rankTable),
            [
                ["1", "Second", "Unlike all cases of the library; low confidence when it was segmented", "8, 3"],
                ["2", "Subject 3", "Much like Case 1", "5, 10, 2"],
                ["3", LONG, "Shows nothing new", "8, 3"],
            ],
        )
        table = self.suggest_ui.rankTable
        self.assertEqual(table.item(2, 1).toolTip(), LONG)
        self.assertLess(table.columnWidth(1), 200)
        self.assertIn("Novelty 0.80, uncertainty 0.70, nearest case Case 1 (0.80)", self.suggest_ui.detailLabel.text)
        self.assertIn("Broken: it is broken", self.suggest_ui.leftOutLabel.text)
        self.assertEqual([one.text for one in self.slice_buttons()], ["8", "3"], "the first is chosen")

    def test_a_slice_is_shown_where_the_volume_has_it(self) -> None:
        self.suggest_ui.rankTable.selectRow(1)
        wait_until(lambda: len(self.slice_buttons()) == 3, "the buttons")
        self.slice_buttons()[1].click()
        self.assertEqual(self.on_display("Subject 3")[2], 10)
        self.suggest_ui.rankTable.selectRow(0)
        self.suggest_ui.rankTable.cellActivated.emit(0, 0)
        self.assertIn("Second is on display at slice 8", self.suggest_ui.statusLabel.text)
        self.assertEqual(self.on_display("Second")[2], 8)

    def on_display(self, name: str) -> list[int]:
        """The voxel where the three slice views meet."""
        volume = slicer.util.getNode(name)
        shown = {one.GetBackgroundVolumeID() for one in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
        self.assertEqual(shown, {volume.GetID()})
        views = [slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}") for name in ("Red", "Yellow", "Green")]
        frames = [slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3] for view in views]
        normals = np.array([frame[:, 2] for frame in frames])
        world = np.linalg.solve(normals, [frame[:, 2] @ frame[:, 3] for frame in frames])
        return world_to_voxel(volume, world).round().astype(int).tolist()

    def test_drawing_begins_with_the_segments_of_the_library_on_the_volumes_own_slices(self) -> None:
        self.draw()
        volume, segmentation = slicer.util.getNode("Second"), slicer.util.getNode("Drawn on Second")
        content = segmentation.GetSegmentation()
        for number, (name, color) in enumerate(phantoms.COLORS.items()):
            segment = content.GetNthSegment(number)
            self.assertEqual(segment.GetName(), name)
            np.testing.assert_allclose(segment.GetColor(), color, atol=0.01)
            self.assertFalse(phantoms.mask_of(segmentation, name, volume).any())
        editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        self.assertIs(editor.GetSegmentationNode(), segmentation)
        self.assertIs(editor.GetSourceVolumeNode(), volume)
        self.assertEqual(editor.GetSelectedSegmentID(), content.GetNthSegmentID(0))
        # The views look along the tilted volume's own axes.
        axes = TILTED[:3, :3] / np.linalg.norm(TILTED[:3, :3], axis=0)
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            normal = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 2]
            self.assertAlmostEqual(float(np.abs(axes.T @ normal).max()), 1.0, places=3)
        self.assertEqual(self.on_display("Second")[2], 8)
        ui = self.library_ui
        self.assertFalse(ui.addSection.collapsed)
        self.assertIs(ui.addVolumeSelector.currentNode(), volume)
        self.assertIs(ui.addSegmentationSelector.currentNode(), segmentation)
        self.assertEqual(ui.addSlicesSelector.currentText, "Only the axial slices that I drew")

    def test_drawing_is_gone_on_with_and_another_segmentation_has_all_slices_annotated(self) -> None:
        self.draw()
        self.draw()
        self.assertEqual(len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")), 1)
        other = phantoms.add_segmentation(slicer.util.getNode("Second"), phantoms.subject(4)[1])
        self.library_ui.addSegmentationSelector.setCurrentNode(other)
        self.assertEqual(self.library_ui.addSlicesSelector.currentText, "All slices")

    def draw(self) -> None:
        self.suggest_ui.rankTable.selectRow(0)
        with mock.patch.object(slicer.util, "selectModule") as selected:
            self.suggest_ui.drawButton.click()
        selected.assert_called_once_with("SegmentEditor")
        self.wait_until_names_are_checked()

    def wait_until_names_are_checked(self) -> None:
        wait_until(lambda: not self.module.logic.librarian.busy, "the librarian")

    def test_a_volume_that_is_gone_is_told_and_a_closed_scene_leaves_no_row_of_it(self) -> None:
        slicer.mrmlScene.RemoveNode(slicer.util.getNode("Second"))
        self.slice_buttons()[0].click()
        self.assertIn("no more in the scene", self.suggest_ui.statusLabel.text)
        slicer.mrmlScene.Clear(0)
        self.assertEqual(texts(self.suggest_ui.rankTable), [])
        self.assertFalse(self.suggest_ui.drawButton.enabled)

    def test_everything_can_be_reached_by_the_keyboard_and_enter_presses_no_button(self) -> None:
        for name, widget in vars(self.suggest_ui).items():
            if isinstance(widget, qt.QPushButton):
                self.assertTrue(widget.focusPolicy & qt.Qt.TabFocus, name)
                self.assertFalse(widget.autoDefault, name)
        self.assertFalse(self.suggest_ui.rankTable.tabKeyNavigation, "Tab must lead out of the table")
        self.assertLessEqual(self.panel.suggest_window.widget.minimumSizeHint.width(), 760)


class EndsEarlyTest(SuggestTest):
    script = scripted(
        library_suggest=[
            {"fault": {"code": "input", "message": "the volume cannot be read"}},
            {"progress": 1, "exit": 3},
            WAITS,
            WAITS,
        ]
    )

    def test_faults_and_a_dead_worker_are_told_and_the_next_ranking_begins(self) -> None:
        self.open_window()
        self.rank()
        self.wait_until_quiet()
        self.assertIn("cannot be read", self.user.reads())
        self.assertIn("could not be ranked", self.suggest_ui.progressLabel.text)
        self.rank()
        self.wait_until_quiet()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.assertFalse(self.user.has_message())
        self.rank()
        wait_until(lambda: self.panel.suggesting.progress is not None, "progress")
        self.press_segment()
        wait_until(lambda: self.panel.segmenting.state == "proposed", "the run")
        wait_until(lambda: len(self.requests("library.suggest")) == 4, "the ranking after the run")
        self.suggest_ui.suggestButton.click()
        for asked in self.requests("library.suggest"):
            self.wait_until_quiet()
            self.assertFalse(Path(asked["with"]["files"][0]).exists())


class BothTest(SuggestTest):
    script = scripted(
        library_describe=[{"result": library_of("A", "B")}],
        library_review=[WAITS, WAITS],
        library_suggest=[WAITS],
    )

    def test_a_ranking_does_not_wait_behind_a_review(self) -> None:
        self.panel.reviewing.start()
        wait_until(lambda: self.panel.reviewing.progress is not None, "the review")
        self.open_window_while_busy()
        self.rank()
        wait_until(lambda: self.panel.suggesting.progress is not None, "the ranking")
        self.assertIn("Waits", self.panel.reviewing.told)
        self.suggest_ui.suggestButton.click()
        wait_until(lambda: len(self.requests("library.review")) == 2, "the review to continue")
        self.panel.reviewing.cancel()

    def open_window_while_busy(self) -> None:
        self.library_ui.suggestButton.click()


class RealSuggestTest(PanelTest):
    """With the real worker, from an empty library to a case with a few drawn slices."""

    def test_the_drawn_slices_of_the_first_suggestion_become_a_case_of_these_slices_alone(self) -> None:
        folder = self.folder / "Trunks"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()
        for number in (1, 2):
            phantoms.add_volume(phantoms.subject(number)[0], f"Subject {number}", TILTED)
        file = self.folder / "subject-3.nrrd"
        write_volume(phantoms.add_volume(phantoms.subject(3)[0], "Third", TILTED), file)
        slicer.mrmlScene.RemoveNode(slicer.util.getNode("Third"))
        self.library_ui.suggestButton.click()
        self.user.will_answer([file])
        self.suggest_ui.addFilesButton.click()
        self.suggest_ui.suggestButton.click()
        self.wait_until_quiet()
        rows = texts(self.suggest_ui.rankTable)
        self.assertEqual({row[1] for row in rows}, {"Subject 1", "Subject 2", "subject-3.nrrd"})
        self.assertEqual([row[0] for row in rows], ["1", "2", "3"])

        row = next(n for n, one in enumerate(rows) if one[1] == "subject-3.nrrd")
        self.suggest_ui.rankTable.selectRow(row)
        with mock.patch.object(slicer.util, "selectModule"):
            self.suggest_ui.drawButton.click()
        self.wait_until_quiet()
        segmentation, volume = slicer.util.getNode("Drawn on subject-3"), slicer.util.getNode("subject-3")
        slices = sorted(map(int, rows[row][3].split(", ")))
        for name, mask in phantoms.subject(3)[1].items():
            drawn = np.zeros_like(mask)
            drawn[slices] = mask[slices]
            segment_id = segmentation.GetSegmentation().AddEmptySegment("", name, phantoms.COLORS[name])
            slicer.util.updateSegmentBinaryLabelmapFromArray(drawn.astype(np.uint8), segmentation, segment_id, volume)
        self.wait_until_quiet()
        self.assertTrue(self.library_ui.addButton.enabled, self.library_ui.addButton.toolTip)
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        (record,) = folder.glob("cases/*/case.json")
        told = json.loads(record.read_text(encoding="utf-8"))
        held = [n for n in slices if any(mask[n].any() for mask in phantoms.subject(3)[1].values())]
        self.assertGreater(len(held), 1)
        self.assertEqual([one["annotated_slices"] for one in told["segments"]], [held, held])
        self.assertEqual({one["name"] for one in told["segments"]}, {"Liver", "Spleen"})
        self.assertEqual(told["plane"], "axial")

    def test_the_segments_to_draw_carry_the_codes_of_the_library(self) -> None:
        self.open_library()
        volume, drawn = phantoms.add_subject(3)
        content = drawn.GetSegmentation()
        segment = content.GetSegment(content.GetSegmentIdBySegmentName("Liver"))
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), CODE)
        folder = self.folder / "Coded"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()
        self.library_ui.addVolumeSelector.setCurrentNode(volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(drawn)
        self.wait_until_quiet()
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        other = phantoms.add_volume(phantoms.subject(4)[0], "Subject 4")
        self.library_ui.suggestButton.click()
        self.suggest_ui.suggestButton.click()
        self.wait_until_quiet()
        rows = [row[1] for row in texts(self.suggest_ui.rankTable)]
        self.assertEqual(rows[0], "Subject 4", "the volume that is a case already teaches less")
        self.suggest_ui.rankTable.selectRow(0)
        with mock.patch.object(slicer.util, "selectModule"):
            self.suggest_ui.drawButton.click()
        self.wait_until_quiet()
        begun = self.library_ui.addSegmentationSelector.currentNode()
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        self.assertEqual(begun.GetNodeReferenceID(role), other.GetID())
        content = begun.GetSegmentation()
        codes = {}
        for number in range(content.GetNumberOfSegments()):
            text = vtk.reference("")
            content.GetNthSegment(number).GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
            codes[content.GetNthSegment(number).GetName()] = text.get()
        self.assertIn("10200004", codes["Liver"])
