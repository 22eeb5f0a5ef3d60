"""Cases from files by the library panel: series are chosen in a list, values of label maps get names, names change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import phantoms
import qt
import SimpleITK
from panel_testing import PanelTest, texts, wait_until
from scripted_panel import REPORT, ScriptedTest, scripted

SPACING = (1.5, 1.5, 4.0)


def write_image(path: Path, array: np.ndarray) -> Path:
    """An array (slice, row, column) on the grid of all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    SimpleITK.WriteImage(image, str(path))
    return path


def write_series(folder: Path, array: np.ndarray, number: int, description: str) -> None:
    """The same as a DICOM series."""
    folder.mkdir(parents=True)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, plane in enumerate(array):
        image = SimpleITK.GetImageFromArray(plane[None].astype(np.int16))
        image.SetSpacing(SPACING)
        image.SetOrigin((0.0, 0.0, k * SPACING[2]))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"1.2.3.{number}.{k + 1}",
            "0008|0060": "CT",
            "0008|103e": description,
            "0010|0010": "Doe^Jane",
            "0020|000d": "1.2.3",
            "0020|000e": f"1.2.3.{number}",
            "0020|0011": str(number),
            "0020|0013": str(k + 1),
            "0020|0032": f"0\\0\\{k * SPACING[2]}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"slice{k:03d}.dcm"))
        writer.Execute(image)


class FilesTest(PanelTest):
    @property
    def window(self):
        return self.panel.library_panel.add_files

    def open_empty_library(self) -> None:
        folder = self.folder / "New library"
        folder.mkdir()
        self.user.will_answer(folder)
        self.library_ui.createButton.click()
        self.wait_until_quiet()

    def open_window(self) -> None:
        self.library_ui.addFilesButton.click()
        self.addCleanup(self.window.widget.hide)

    def choose(self, button: str, path: Path) -> None:
        self.user.will_answer(path)
        getattr(self.window.ui, button).click()
        self.wait_until_quiet()

    def add(self) -> None:
        self.assertTrue(self.window.ui.addButton.enabled, self.window.ui.addButton.toolTip)
        self.window.ui.addButton.click()
        self.wait_until_quiet()

    def labels_of(self, number: int) -> np.ndarray:
        masks = phantoms.subject(number)[1]
        return (masks["Liver"] + 2 * masks["Spleen"].astype(np.uint8)).astype(np.uint8)

    def segments(self) -> list[tuple[str, int]]:
        return [(segment.name, segment.value) for segment in self.panel.library.state.segments]


class AddFilesTest(FilesTest):
    def test_a_series_is_chosen_in_a_list_that_tells_nothing_of_the_patient(self) -> None:
        for number, text in ((4, "Portal venous"), (7, "Bone")):
            write_series(self.folder / "disc" / str(number), phantoms.subject(number)[0], number, text)
        self.open_empty_library()
        self.open_window()
        self.assertFalse(self.window.ui.seriesSection.visible)
        self.choose("imageFolderButton", self.folder / "disc")
        slices, rows, columns = phantoms.subject(4)[0].shape
        size = f"{columns} x {rows}"
        self.assertEqual(
            texts(self.window.ui.seriesTable),
            [["4", "Portal venous", "CT", str(slices), size], ["7", "Bone", "CT", str(slices), size]],
        )
        self.choose("segmentationButton", write_image(self.folder / "labels.nii.gz", self.labels_of(7)))
        self.assertFalse(self.window.ui.addButton.enabled)
        self.assertIn("Choose the series", self.window.ui.missingLabel.text)
        self.window.ui.seriesTable.selectRow(1)
        self.assertIn("Name the values of the label map: 1, 2", self.window.ui.missingLabel.text)
        for row, name in enumerate(("Liver", "Spleen")):
            self.window.ui.namesTable.item(row, 1).setText(name)
        self.wait_until_quiet()
        self.add()
        self.assertIn("case-001 is in the library", self.window.ui.statusLabel.text)
        self.assertEqual(self.segments(), [("Liver", 1), ("Spleen", 2)])
        (case,) = self.panel.library.state.cases
        self.assertEqual(case.modality, "CT")
        loaded: list[dict] = []
        self.panel.library.ask("library.case", {"case": case.id}, loaded.append, self.fail)
        self.wait_until_quiet()
        stored = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(loaded[0]["image"]))
        np.testing.assert_array_equal(stored, phantoms.subject(7)[0])

        # The next case with these values takes the names; the window asks for none.
        self.choose("imageFileButton", write_image(self.folder / "image.nii.gz", phantoms.subject(5)[0]))
        self.choose("segmentationButton", write_image(self.folder / "labels5.nii.gz", self.labels_of(5)))
        self.assertFalse(self.window.ui.namesSection.visible)
        self.assertFalse(self.window.ui.seriesSection.visible)
        self.add()
        self.assertEqual([one.segments for one in self.panel.library.state.cases], [("Liver", "Spleen")] * 2)

    def test_the_only_series_needs_no_choice_and_names_like_a_patients_are_warned_of(self) -> None:
        write_series(self.folder / "disc", phantoms.subject(4)[0], 4, "Portal venous")
        self.open_library()
        self.open_window()
        self.choose("imageFolderButton", self.folder / "disc")
        self.choose("segmentationButton", write_image(self.folder / "labels.nii.gz", self.labels_of(4)))
        self.window.ui.nameEdit.text = "Doe^John 1970-01-02"
        self.window.ui.nameEdit.editingFinished.emit()
        self.wait_until_quiet()
        self.assertIn("Looks like patient data: Doe^John 1970-01-02", self.window.ui.warningLabel.text)
        self.window.ui.nameEdit.text = ""
        self.add()
        self.assertEqual(len(self.panel.library.state.cases), 3)

    def test_what_cannot_be_added_is_told_and_stays_to_be_mended(self) -> None:
        self.open_library()
        self.open_window()
        self.choose("imageFileButton", write_image(self.folder / "image.nii.gz", phantoms.subject(5)[0]))
        (self.folder / "labels.nii.gz").write_bytes(b"holiday pictures")
        self.choose("segmentationButton", self.folder / "labels.nii.gz")
        self.add()
        self.assertIn("labels.nii.gz", self.user.reads())
        self.assertEqual(len(self.panel.library.state.cases), 2)
        self.assertTrue(self.window.ui.addButton.enabled)
        self.assertEqual(self.window.ui.imageLabel.text, "image.nii.gz")


class ImportNamesTest(FilesTest):
    def test_a_folder_of_nameless_label_maps_is_imported_once_the_values_have_names(self) -> None:
        for number in (4, 5):
            write_image(self.folder / "source" / "images" / f"{number}.nii.gz", phantoms.subject(number)[0])
            write_image(self.folder / "source" / "labels" / f"{number}.nii.gz", self.labels_of(number))
        self.open_empty_library()
        self.user.will_answer(self.folder / "source")
        self.library_ui.importFolderButton.click()
        self.wait_until_quiet()
        dialog = self.panel.library_panel.import_dialog
        self.addCleanup(dialog.close)
        self.assertEqual(texts(dialog.ui.namesTable), [["1", "", "in 2 files"], ["2", "", "in 2 files"]])
        dialog.ui.importButton.click()
        self.assertIn("Name the values of the label maps: 1, 2", dialog.ui.resultLabel.text)
        for row, name in enumerate(("Liver", "Spleen")):
            dialog.ui.namesTable.item(row, 1).setText(name)
        dialog.ui.importButton.click()
        self.wait_until_quiet()
        self.assertIn("Added: 2 cases.", dialog.ui.resultLabel.text)
        self.assertEqual(self.segments(), [("Liver", 1), ("Spleen", 2)])


class RenameTest(FilesTest):
    def test_a_segment_gets_another_name_in_all_cases(self) -> None:
        self.open_library()
        self.assertFalse(self.library_ui.renameButton.enabled, "nothing is chosen yet")
        self.library_ui.caseTable.selectRow(0)
        self.library_ui.renameButton.click()
        window = self.panel.library_panel.rename
        self.addCleanup(window.widget.hide)
        self.wait_until_quiet()
        self.assertEqual([row[1] for row in texts(window.ui.namesTable)], ["Liver", "Spleen"])
        self.assertFalse(window.ui.renameButton.enabled)
        window.ui.namesTable.item(1, 1).setText("")
        self.assertIn("needs a name", window.ui.renameButton.toolTip)
        window.ui.namesTable.item(1, 1).setText("Kidney")
        self.assertTrue(window.ui.renameButton.enabled)
        window.ui.renameButton.click()
        self.wait_until_quiet()
        self.assertIn("Changed: 2 cases.", window.ui.statusLabel.text)
        self.assertEqual([case.segments for case in self.panel.library.state.cases], [("Liver", "Kidney")] * 2)
        self.assertEqual([case.versions for case in self.panel.library.state.cases], [2, 2])
        self.assertFalse(window.ui.renameButton.enabled, "the names are these now")

    def test_a_name_that_another_segment_has_is_refused_in_words(self) -> None:
        self.open_library()
        self.library_ui.caseTable.selectRow(0)
        self.library_ui.renameButton.click()
        window = self.panel.library_panel.rename
        self.addCleanup(window.widget.hide)
        self.wait_until_quiet()
        window.ui.namesTable.item(1, 1).setText("Liver")
        window.ui.renameButton.click()
        self.wait_until_quiet()
        self.assertIn("two of its segments would be named `Liver`", self.user.reads())
        self.assertEqual([case.segments for case in self.panel.library.state.cases], [("Liver", "Spleen")] * 2)


class BatchSeriesTest(ScriptedTest):
    script = scripted(
        dicom_series=[
            {
                "result": {
                    "series": [
                        {"label": label, "uid": f"1.{label}", "description": text, "modality": "MR", "part": "",
                         "slices": 12, "size": [40, 36], "chosen": False}
                        for label, text in (("2", "T1"), ("5", "T2"))
                    ]
                }
            }
        ],
        segment=[{"result": {"report": REPORT, "warnings": [{"file": "f", "text": "it was seen"}]}}],
    )  # fmt: skip

    def test_series_of_a_folder_are_segmented_one_by_one(self) -> None:
        (self.folder / "disc").mkdir()
        (self.folder / "out").mkdir()
        self.segment_ui.severalButton.click()
        self.wait_until_quiet()
        self.batch_ui.volumesList.item(0).setCheckState(qt.Qt.Unchecked)
        self.user.will_answer(self.folder / "disc", self.folder / "out")
        self.batch_ui.addFolderButton.click()
        self.wait_until_quiet()
        asked = self.panel.batch_window._series
        self.addCleanup(asked.widget.hide)
        self.assertEqual([row[1] for row in texts(asked.ui.seriesTable)], ["T1", "T2"])
        self.assertFalse(asked.ui.addButton.enabled)
        asked.ui.seriesTable.selectAll()
        asked.ui.addButton.click()
        self.batch_ui.outputButton.click()
        self.batch_ui.startButton.click()
        wait_until(lambda: not self.panel.batching.running, "the end of the queue")
        sent = [request["with"] for request in self.requests("segment")]
        self.assertEqual([one["series"] for one in sent], ["2", "5"])
        self.assertEqual({one["image"] for one in sent}, {str(self.folder / "disc")})
        self.assertEqual([Path(one["output"]).name for one in sent], ["disc 2.seg.nrrd", "disc 5.seg.nrrd"])
        self.assertTrue(all("it was seen" in row[2] for row in texts(self.batch_ui.queueTable)))
