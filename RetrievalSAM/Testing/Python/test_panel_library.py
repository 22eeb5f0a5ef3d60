"""The library panel with the real worker: cases in and out of a library, and what can be wrong with one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import phantoms
import qt
import SimpleITK
import slicer
import slicer.util
from panel_testing import PanelTest, nodes_of_scene, wait_until


class LibraryTest(PanelTest):
    def names(self, hidden: bool = True) -> list[str]:
        """First line of the rows of the table; those on show, or all."""
        table = self.library_ui.caseTable
        rows = [row for row in range(table.rowCount) if hidden or not table.isRowHidden(row)]
        return [table.item(row, 1).text().splitlines()[0] for row in rows]

    def choose(self, name: str) -> None:
        self.library_ui.caseTable.selectRow(self.names().index(name))

    def click(self, button: str) -> None:
        widget = getattr(self.library_ui, button)
        self.assertTrue(widget.enabled, f"{button} is not enabled")
        widget.click()
        self.wait_until_quiet()

    @property
    def status(self) -> str:
        return self.library_ui.statusLabel.text

    def file_of(self, folder: Path, case: str, kind: str) -> Path:
        """A file of a case, as the worker names it."""
        told: list[dict] = []
        wanted = next(one.id for one in self.panel.library.state.cases if one.name == case)
        self.panel.library.ask("library.case", {"case": wanted}, told.append, self.fail)
        self.wait_until_quiet()
        return Path(told[0][kind])


class CasesTest(LibraryTest):
    def test_the_search_hides_what_does_not_fit(self) -> None:
        self.open_library()
        self.assertEqual(self.names(), ["Case 1", "Case 2"])
        for text, expected in (("case 2", ["Case 2"]), ("CT liver", ["Case 1", "Case 2"]), ("kidney", [])):
            self.library_ui.searchEdit.text = text
            self.assertEqual(self.names(hidden=False), expected, text)
        self.library_ui.searchEdit.text = ""

    def test_a_removed_case_comes_back_by_undo(self) -> None:
        self.open_library()
        self.assertFalse(self.library_ui.removeButton.enabled, "nothing is chosen yet")
        self.assertFalse(self.library_ui.undoButton.enabled)
        self.choose("Case 1")
        self.click("removeButton")
        self.assertEqual(self.names(), ["Case 2"])
        self.assertIn("Case 1 is in the library's trash", self.status)
        self.click("undoButton")
        self.assertEqual(self.names(), ["Case 1", "Case 2"])
        self.assertFalse(self.library_ui.undoButton.enabled)

    def test_a_loaded_case_cannot_be_saved_over_the_librarys_files(self) -> None:
        folder = self.open_library()
        files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        self.choose("Case 1")
        self.click("loadButton")
        self.assertIn("Case 1 is in the scene", self.status)
        volume = slicer.util.getNode("Case 1")
        segmentation = slicer.util.getNode("Segments of Case 1")
        voxels, masks = phantoms.subject(1)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), voxels)
        for name, mask in masks.items():
            np.testing.assert_array_equal(phantoms.mask_of(segmentation, name, volume), mask)
        for number in range(slicer.mrmlScene.GetNumberOfNodes()):
            node = slicer.mrmlScene.GetNthNode(number)
            if node.IsA("vtkMRMLStorageNode"):
                self.assertNotIn(str(folder), node.GetFileName() or "")
        slicer.util.saveScene(str(self.folder / "scene.mrb"))
        self.assertEqual({file: file.read_bytes() for file in files}, files)

    def test_a_library_travels_as_one_file(self) -> None:
        self.open_library()
        archive = self.folder / "trunk.rslib"
        self.user.will_answer(archive)
        self.click("exportButton")
        self.assertIn("Written to trunk.rslib: 2 cases.", self.status)

        empty = self.folder / "Another"
        empty.mkdir()
        self.user.will_answer(empty, archive)
        self.click("createButton")
        self.click("importFileButton")
        self.assertEqual(self.names(), ["Case 1", "Case 2"])
        self.assertIn("Added: 2 cases.", self.status)

    def test_a_file_that_is_no_library_is_not_imported(self) -> None:
        self.open_library()
        archive = self.folder / "trunk.rslib"
        archive.write_bytes(b"holiday pictures")
        self.user.will_answer(archive)
        self.click("importFileButton")
        self.assertIn("trunk.rslib", self.user.reads())
        self.assertEqual(self.names(), ["Case 1", "Case 2"])

    def test_changing_ones_mind_in_a_file_dialog_changes_nothing(self) -> None:
        self.open_library()
        self.user.will_answer("", "", "", "", "")
        for button in ("openButton", "createButton", "importFolderButton", "importFileButton", "exportButton"):
            self.click(button)
        self.assertEqual(self.names(), ["Case 1", "Case 2"])


class DamageTest(LibraryTest):
    def test_verify_says_which_file_is_damaged(self) -> None:
        folder = self.open_library()
        self.click("verifyButton")
        self.assertIn("Every file is as it was written", self.status)
        file = self.file_of(folder, "Case 2", "segmentation")
        file.write_bytes(file.read_bytes()[:-20])
        self.user.will_answer(False)
        self.click("verifyButton")
        message = self.user.reads()
        self.assertIn("Damaged in this library: 1 file.", message)
        self.assertIn(file.name, message)
        self.assertIn("Case 2", message)
        self.assertEqual(self.names(), ["Case 1", "Case 2"])

    def test_a_damaged_library_is_put_in_order_where_the_user_wants_it(self) -> None:
        folder = self.open_library()
        file = self.file_of(folder, "Case 2", "segmentation")
        damaged = file.read_bytes()[:-20]
        file.write_bytes(damaged)
        self.user.will_answer(True)
        self.click("verifyButton")
        self.user.reads()
        self.assertIn("quarantine", self.user.reads())
        self.assertEqual(self.names(), ["Case 1"])
        self.assertIn("in order again", self.status)
        aside = [found.read_bytes() for found in folder.glob(f"quarantine/*/*/{file.name}")]
        self.assertEqual(aside, [damaged])
        self.click("verifyButton")
        self.assertIn("Every file is as it was written", self.status)

    def test_a_case_that_cannot_be_read_is_left_out_and_told(self) -> None:
        folder = self.open_library()
        self.file_of(folder, "Case 1", "image").parents[1].joinpath("case.json").write_text("{", encoding="utf-8")
        self.user.will_answer(folder)
        self.click("openButton")
        self.assertEqual(self.names(), ["Case 2"])
        self.assertIn("1 case damaged and left out", self.library_ui.nameLabel.text)

    def test_a_damaged_case_is_not_loaded(self) -> None:
        folder = self.open_library()
        file = self.file_of(folder, "Case 1", "image")
        file.write_bytes(file.read_bytes()[:-20])
        before = nodes_of_scene()
        self.choose("Case 1")
        self.click("loadButton")
        self.assertIn(file.name, self.user.reads())
        self.assertEqual(nodes_of_scene(), before)

    def test_a_missing_file_of_a_case_ends_the_run_in_words(self) -> None:
        folder = self.open_library()
        file = self.file_of(folder, "Case 1", "image")
        file.unlink()
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Subject 3")
        before = nodes_of_scene()
        self.segment(volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run's end")
        message = self.user.reads()
        self.assertIn(file.name, message)
        self.assertIn("missing", message)
        self.assertEqual(nodes_of_scene(), before)

    def test_a_library_that_is_deleted_meanwhile_is_told_once(self) -> None:
        folder = self.open_library()
        self.segment_ui.inputSelector.setCurrentNode(phantoms.add_volume(phantoms.subject(3)[0], "Subject 3"))
        self.wait_until_quiet()
        shutil.rmtree(folder)
        self.choose("Case 1")
        self.click("removeButton")
        self.assertIn("Trunk library", self.user.reads())
        self.assertFalse(self.user.has_message())
        self.assertIn("No library is open", self.library_ui.nameLabel.text)
        self.assertFalse(self.segment_ui.segmentButton.enabled)
        self.assertIn("library first", self.segment_ui.segmentButton.toolTip)

    def test_a_folder_that_is_no_library_is_not_opened(self) -> None:
        folder = self.folder / "Holiday"
        folder.mkdir()
        self.user.will_answer(folder)
        self.click("openButton")
        self.assertIn("Holiday", self.user.reads())
        self.assertIn("No library is open", self.library_ui.nameLabel.text)

    def test_a_damaged_list_of_cases_is_told(self) -> None:
        folder = self.copy_of_library()
        (folder / "library.json").write_text("{", encoding="utf-8")
        self.user.will_answer(folder)
        self.click("openButton")
        self.assertIn("library.json", self.user.reads())


class AddCaseTest(LibraryTest):
    def choose_nodes(self, volume, segmentation) -> None:
        self.library_ui.addVolumeSelector.setCurrentNode(volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(segmentation)
        self.wait_until_quiet()

    def test_an_empty_segmentation_cannot_be_added_and_the_button_says_why(self) -> None:
        self.open_library()
        volume, _drawn = phantoms.add_subject(3)
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
        self.choose_nodes(volume, empty)
        self.assertFalse(self.library_ui.addButton.enabled)
        self.assertIn("the segmentation may be empty", self.library_ui.addButton.toolTip)

    def test_segments_without_a_voxel_are_told(self) -> None:
        self.open_library()
        volume, _drawn = phantoms.add_subject(3)
        nothing = phantoms.add_segmentation(volume, {"Liver": np.zeros(phantoms.SHAPE, bool)}, "Nothing")
        self.choose_nodes(volume, nothing)
        self.click("addButton")
        self.assertIn("Nothing of 'Nothing' lies within 'Subject 3'", self.user.reads())
        self.assertEqual(self.names(), ["Case 1", "Case 2"])
        self.assertTrue(self.library_ui.addButton.enabled)

    def test_adding_a_case_leaves_the_scene_as_it_is(self) -> None:
        self.open_library()
        self.choose_nodes(*phantoms.add_subject(3))
        before = nodes_of_scene()
        self.click("addButton")
        self.assertEqual(len(self.names()), 3)
        self.assertEqual(nodes_of_scene(), before)

    def test_only_the_checked_segments_are_added(self) -> None:
        self.open_library()
        self.choose_nodes(*phantoms.add_subject(3))
        self.library_ui.addSegmentsList.item(0).setCheckState(qt.Qt.Unchecked)
        self.library_ui.addNameEdit.text = "Case 3"
        self.click("addButton")
        added = next(case for case in self.panel.library.state.cases if case.name == "Case 3")
        self.assertEqual(added.segments, ("Spleen",))

    def test_a_name_like_a_patients_is_warned_of(self) -> None:
        self.open_library()
        self.choose_nodes(*phantoms.add_subject(3))
        self.assertFalse(self.library_ui.addWarningLabel.text)
        self.library_ui.addNameEdit.text = "Doe^John 1970-01-02"
        self.library_ui.addNameEdit.editingFinished.emit()
        self.wait_until_quiet()
        self.assertIn("Looks like patient data: Doe^John 1970-01-02", self.library_ui.addWarningLabel.text)

    def test_segments_drawn_meanwhile_are_offered(self) -> None:
        self.open_library()
        volume, drawn = phantoms.add_subject(3)
        self.choose_nodes(volume, drawn)
        drawn.GetSegmentation().AddEmptySegment("", "Kidney")
        self.wait_until_quiet()
        items = self.library_ui.addSegmentsList
        self.assertEqual([items.item(row).text() for row in range(items.count)], ["Liver", "Spleen", "Kidney"])


class ImportFolderTest(LibraryTest):
    def write_pair(self, source: Path, name: str, number: int, spacing_differs: bool = False) -> None:
        voxels, masks = phantoms.subject(number)
        labels = masks["Liver"] + 2 * masks["Spleen"].astype(np.uint8)
        for array, folder in ((voxels, "images"), (labels.astype(np.uint8), "labels")):
            (source / folder).mkdir(parents=True, exist_ok=True)
            image = SimpleITK.GetImageFromArray(array)
            image.SetSpacing((2.0, 2.0, 4.0) if spacing_differs and folder == "labels" else (1.5, 1.5, 4.0))
            SimpleITK.WriteImage(image, str(source / folder / f"{name}.nii.gz"))

    def open_dialog(self, source: Path) -> None:
        empty = self.folder / "New library"
        empty.mkdir()
        self.user.will_answer(empty, source)
        self.click("createButton")
        self.click("importFolderButton")
        self.dialog = self.panel.library_panel.import_dialog
        self.addCleanup(self.dialog.close)

    def test_a_bad_pair_is_named_and_the_others_are_added(self) -> None:
        source = self.folder / "source"
        self.write_pair(source, "good", 4)
        self.write_pair(source, "bad", 5, spacing_differs=True)
        self.open_library()  # its cases name the values of the label maps
        self.user.will_answer(source)
        self.click("importFolderButton")
        self.dialog = self.panel.library_panel.import_dialog
        self.addCleanup(self.dialog.close)
        table = self.dialog.ui.pairsTable
        rows = {Path(table.item(row, 0).text()).name.split(".")[0]: row for row in range(table.rowCount)}
        self.assertEqual(set(rows), {"good", "bad"})
        for name, row in rows.items():
            table.item(row, 0).setCheckState(qt.Qt.Checked)
            self.assertEqual(bool(table.item(row, 3).text()), name == "bad", "the preview names what is wrong")
        self.dialog.ui.importButton.click()
        self.wait_until_quiet()
        told = self.dialog.ui.resultLabel.text
        self.assertIn("Added: 1 case.", told)
        self.assertIn("bad.nii.gz", told)
        self.assertEqual(len(self.names()), 3)

    def test_files_of_an_unknown_format_are_left_out_in_words(self) -> None:
        source = self.folder / "source"
        source.mkdir()
        (source / "scan.docx").write_text("no image", encoding="utf-8")
        self.open_dialog(source)
        self.assertIn("holds no pair of image and segmentation", self.dialog.ui.resultLabel.text)
        self.assertFalse(self.dialog.ui.importButton.enabled)

    def test_an_image_without_a_partner_is_named(self) -> None:
        source = self.folder / "source"
        self.write_pair(source, "good", 4)
        shutil.copy(source / "images" / "good.nii.gz", source / "images" / "alone.nii.gz")
        self.open_dialog(source)
        self.assertIn("alone.nii.gz", self.dialog.ui.unpairedLabel.text)

    def test_a_file_that_only_looks_like_an_image_is_named(self) -> None:
        source = self.folder / "source"
        self.write_pair(source, "good", 4)
        (source / "images" / "good.nii.gz").write_bytes(b"holiday pictures")
        self.open_dialog(source)
        table, names = self.dialog.ui.pairsTable, self.dialog.ui.namesTable
        table.item(0, 0).setCheckState(qt.Qt.Checked)
        for row, name in enumerate(("Liver", "Spleen")):
            names.item(row, 1).setText(name)
        self.dialog.ui.importButton.click()
        self.wait_until_quiet()
        self.assertIn("Added: 0 cases.", self.dialog.ui.resultLabel.text)
        self.assertIn("good.nii.gz", self.dialog.ui.resultLabel.text)
        self.assertEqual(self.names(), [])


class RememberedTest(LibraryTest):
    def test_the_scene_and_the_user_remember_the_library(self) -> None:
        folder = self.open_library()
        self.assertEqual(self.module.settings.libraryFolder, str(folder))
        self.assertEqual(slicer.app.userSettings().value("RetrievalSAM/LibraryFolder"), str(folder))
        self.assertIsInstance(json.loads((folder / "library.json").read_text(encoding="utf-8")), dict)
