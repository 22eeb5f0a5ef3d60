"""Several volumes one after the other: the queue, its results in the scene and as files, cancel and failures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import phantoms
import qt
import slicer
import slicer.util
from panel_testing import texts, wait_until
from RetrievalSAMModule.scene.masks.segment_masks import segment_voxels
from RetrievalSAMModule.scene.segmentation_files import segment_names
from RetrievalSAMModule.scene.volume_files import stem_of, write_volume
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted

FINDS = {"threshold": THRESHOLDS, "progress": 2, "result": {"report": REPORT}}
WAITS = {"progress": 2, "wait": True}
FAILS = {"fault": {"code": "input", "message": "it is broken"}}
TILTED = phantoms.rotated(phantoms.IJK_TO_RAS, 24, (1, 2, 0.5))
FLIPPED = phantoms.IJK_TO_RAS @ np.diag([-1.0, 1.0, -1.0, 1.0])


class BatchTest(ScriptedTest):
    def open_window(self) -> None:
        self.segment_ui.severalButton.click()
        self.wait_until_quiet()

    def start(self) -> None:
        self.assertTrue(self.batch_ui.startButton.enabled, self.batch_ui.startButton.toolTip)
        self.batch_ui.startButton.click()

    def wait_for_the_end(self) -> None:
        wait_until(lambda: not self.panel.batching.running, "the end of the queue")

    def states(self) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in texts(self.batch_ui.queueTable)]

    def save(self, *names: str) -> list[Path]:
        files = [self.folder / "scans" / name for name in names]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_volume(self.volume, file)
        return files

    def check_only_files(self) -> None:
        item = self.batch_ui.volumesList.item(0)
        item.setCheckState(qt.Qt.Unchecked)

    def choose_output(self) -> Path:
        output = self.folder / "out"
        output.mkdir()
        self.user.will_answer(output)
        self.batch_ui.outputButton.click()
        return output

    def segmentations(self) -> list[slicer.vtkMRMLSegmentationNode]:
        return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


class SceneTest(BatchTest):
    script = scripted(segment=[FINDS])

    def test_each_volume_of_the_scene_gets_a_segmentation_of_its_own_voxel_for_voxel(self) -> None:
        expected = {"Subject 3": self.truth}
        for number, grid in ((4, TILTED), (5, FLIPPED)):
            voxels, _masks = phantoms.subject(number)
            volume = phantoms.add_volume(voxels, f"Subject {number}", grid)
            expected[volume.GetName()] = {n: (voxels >= a) & (voxels <= b) for n, a, b, _c in THRESHOLDS}
        turned = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        turned.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(phantoms.rotated(np.eye(4), 30, (0, 1, 1))))
        volume.SetAndObserveTransformNodeID(turned.GetID())
        self.open_window()
        self.start()
        self.wait_for_the_end()
        self.assertEqual(self.states(), [(name, "Done") for name in expected])
        self.assertEqual(texts(self.batch_ui.queueTable)[0][2], "Like the library; least sure: Liver (0.90)")
        for entry in self.panel.batching.entries:
            volume = slicer.mrmlScene.GetNodeByID(entry.candidate.node_id)
            result = slicer.mrmlScene.GetNodeByID(entry.segmentation_id)
            self.assertEqual(result.GetName(), f"Segments of {volume.GetName()}")
            self.assertEqual(result.GetTransformNodeID(), volume.GetTransformNodeID())
            self.assertEqual(segment_names(result), ["Liver", "Spleen"])
            for name, mask in expected[volume.GetName()].items():
                segment_id = result.GetSegmentation().GetSegmentIdBySegmentName(name)
                np.testing.assert_array_equal(segment_voxels(result, segment_id, volume) != 0, mask)
        for request in self.requests("segment"):
            self.assertFalse(Path(request["with"]["image"]).parent.exists())

    def test_what_was_chosen_in_the_module_goes_to_the_worker(self) -> None:
        self.module.settings.preset = "fast"
        self.module.settings.plane = "coronal"
        self.segment_ui.segmentsList.item(1).setCheckState(qt.Qt.Unchecked)
        self.open_window()
        self.start()
        self.wait_for_the_end()
        (asked,) = (request["with"] for request in self.requests("segment"))
        self.assertEqual((asked["preset"], asked["plane"], asked["segments"]), ("fast", "coronal", ["Liver"]))
        self.assertEqual(asked["folder"], str(self.folder))
        self.assertIsNone(asked["roi"])

    def test_a_result_is_shown_alone_with_its_volume(self) -> None:
        phantoms.add_volume(phantoms.subject(4)[0], "Second", TILTED)
        self.open_window()
        self.start()
        self.wait_for_the_end()
        self.batch_ui.queueTable.selectRow(1)
        self.assertIn("Second: Like the library", self.batch_ui.detailLabel.text)
        self.batch_ui.queueTable.cellActivated.emit(1, 0)
        self.assertIn("Second is on display", self.batch_ui.statusLabel.text)
        self.assertEqual([node.GetDisplayVisibility() for node in self.segmentations()], [0, 1])

    def test_nothing_can_be_started_without_a_library_a_segment_or_a_volume(self) -> None:
        self.open_window()
        self.batch_ui.volumesList.item(0).setCheckState(qt.Qt.Unchecked)
        self.assertIn("Check at least one volume", self.batch_ui.startButton.toolTip)
        for row in range(self.segment_ui.segmentsList.count):
            self.segment_ui.segmentsList.item(row).setCheckState(qt.Qt.Unchecked)
        self.assertIn("Check at least one segment", self.batch_ui.progressLabel.text)
        self.panel.library.close()
        self.assertIn("library first", self.batch_ui.progressLabel.text)
        self.assertFalse(self.batch_ui.startButton.enabled)


class FilesTest(BatchTest):
    script = scripted(segment=[FINDS])

    def test_files_become_files_with_names_of_their_own_and_those_that_are_there_are_kept(self) -> None:
        files = self.save("a.nii.gz", "b.nrrd", "below/b.nrrd", "c.mha")
        shutil.copy(files[1], self.folder / "scans" / "b.seg.nrrd")
        self.open_window()
        self.user.will_answer(self.folder / "scans")
        self.batch_ui.addFolderButton.click()
        self.check_only_files()
        self.assertIn("where results of files go", self.batch_ui.startButton.toolTip)
        output = self.choose_output()
        (output / "c.seg.nrrd").write_bytes(b"kept")
        self.start()
        self.wait_for_the_end()
        self.assertEqual(
            sorted(file.name for file in output.iterdir()),
            ["a.seg.nrrd", "b (2).seg.nrrd", "b.seg.nrrd", "c.seg.nrrd"],
        )
        self.assertEqual((output / "c.seg.nrrd").read_bytes(), b"kept")
        self.assertEqual([state for _name, state in self.states()], ["Done"] * 4)
        asked = [request["with"]["image"] for request in self.requests("segment")]
        self.assertEqual(sorted(asked), sorted(str(file) for file in files[:3]))
        self.assertEqual(self.segmentations(), [])

    def test_a_folder_without_volumes_is_told_and_a_file_is_taken_off(self) -> None:
        self.open_window()
        (self.folder / "empty").mkdir()
        self.user.will_answer(self.folder / "empty", self.save("a.nrrd"))
        self.batch_ui.addFolderButton.click()
        self.wait_until_quiet()
        self.assertIn("no volume", self.batch_ui.statusLabel.text)
        self.batch_ui.addFilesButton.click()
        self.batch_ui.volumesList.setCurrentRow(1)
        self.batch_ui.removeFileButton.click()
        self.assertEqual(self.batch_ui.volumesList.count, 1)

    def test_names_of_results_leave_out_the_ending_of_the_volume(self) -> None:
        for file, stem in (("/x/a.b.nii.gz", "a.b"), ("c.NRRD", "c"), ("d", "d"), (".nrrd", ".nrrd")):
            self.assertEqual(stem_of(file), stem)


class EndingTest(BatchTest):
    script = scripted(segment=[FINDS, FAILS, WAITS, FINDS])

    def setUp(self) -> None:
        super().setUp()
        for number in (2, 3, 4):
            phantoms.add_volume(phantoms.subject(4)[0], f"Volume {number}")
        self.open_window()
        self.start()
        wait_until(lambda: len(self.requests("segment")) == 3, "the third volume")
        wait_until(lambda: "of 2" in texts(self.batch_ui.queueTable)[2][2], "progress")

    def test_a_volume_that_fails_leaves_the_others_and_cancel_keeps_what_is_there(self) -> None:
        self.assertEqual([state for _n, state in self.states()], ["Done", "Failed", "Running", "Waits"])
        self.assertEqual(texts(self.batch_ui.queueTable)[1][2], "it is broken")
        self.assertIn("2 of 4 finished", self.batch_ui.progressLabel.text)
        self.assertEqual(self.batch_ui.startButton.text, "Cancel")
        self.batch_ui.startButton.click()
        self.wait_for_the_end()
        self.assertEqual([state for _n, state in self.states()], ["Done", "Failed", "Stopped", "Stopped"])
        self.assertEqual(len(self.segmentations()), 1)
        self.assertEqual(self.batch_ui.startButton.text, "Segment all")

    def test_a_single_run_goes_first_and_the_queue_goes_on_afterwards(self) -> None:
        self.press_segment()
        wait_until(lambda: self.panel.segmenting.state == "proposed", "the run")
        self.wait_for_the_end()
        self.assertEqual([state for _n, state in self.states()], ["Done", "Failed", "Done", "Done"])

    def test_a_scene_that_closes_ends_the_queue(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.wait_for_the_end()
        self.assertEqual([state for _n, state in self.states()], ["Done", "Failed", "Stopped", "Stopped"])
        self.assertEqual(self.segmentations(), [])


class DecisionsTest(BatchTest):
    script = scripted(segment=[FINDS])

    def a_batch(self) -> Path:
        """A folder as `retrievalsam batch` leaves it, with a rejected result, an accepted one and an open one."""
        (image,) = self.save("scan.nrrd")
        study, results = self.folder / "study", self.folder / "study" / "results"
        results.mkdir(parents=True)
        self.open_window()
        self.start()
        self.wait_for_the_end()
        node = self.segmentations()[0]
        lines, rows = [], ["path,id"]
        for number, decision in ((1, "accepted"), (2, "rejected"), (3, None)):
            name, sha256 = f"volume-{number:04d}", str(number) * 64
            slicer.util.saveNode(node, str(results / f"{name}.seg.nrrd"))
            batch = {"id": name, "segmentation_sha256": sha256}
            (results / f"{name}.report.json").write_text(json.dumps({**REPORT, "batch": batch}))
            rows.append(f"{image},{name}")
            if decision:
                lines.append({"format": "retrievalsam-decision", "version": 1, "key": name, "volume": name,
                              "result": sha256, "decision": decision, "note": f"look at {number}",
                              "reviewer": "Anna", "time": "2026-01-01T10:00:00Z"})  # fmt: skip
        (study / "items.csv").write_text("\n".join(rows))
        (study / "decisions-Anna.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return study

    def open_batch(self, study: Path) -> None:
        self.user.will_answer(study)
        self.batch_ui.openBatchButton.click()

    def test_what_was_decided_on_the_page_is_shown_rejected_first_and_a_result_is_loaded(self) -> None:
        study = self.a_batch()
        table = self.batch_ui.queueTable
        self.assertTrue(table.isColumnHidden(3))
        self.open_batch(study)
        self.assertFalse(table.isColumnHidden(3))
        self.assertEqual(
            [(row[0], row[1], row[3]) for row in texts(table)],
            [("volume-0002", "Done", "Rejected"), ("volume-0003", "Done", ""), ("volume-0001", "Done", "Accepted")],
        )
        self.assertEqual(texts(table)[0][2], "Like the library; least sure: Liver (0.90)")
        table.selectRow(0)
        self.assertIn("Rejected: Anna: look at 2", self.batch_ui.detailLabel.text)
        before = len(self.segmentations())
        for _time in range(2):  # the second time it is there
            table.cellActivated.emit(0, 0)
            self.assertIn("volume-0002 is on display", self.batch_ui.statusLabel.text)
            self.assertEqual(len(self.segmentations()), before + 1)
        entry = self.panel.batching.entries[0]
        shown = slicer.mrmlScene.GetNodeByID(entry.segmentation_id)
        volume = slicer.mrmlScene.GetNodeByID(entry.candidate.node_id)
        self.assertEqual(volume.GetName(), "volume-0002")
        for name, mask in self.truth.items():
            segment_id = shown.GetSegmentation().GetSegmentIdBySegmentName(name)
            np.testing.assert_array_equal(segment_voxels(shown, segment_id, volume) != 0, mask)

    def test_a_folder_that_is_no_batch_and_a_decision_that_cannot_be_read_are_told(self) -> None:
        study = self.a_batch()
        (study / "decisions-Bo.jsonl").write_text("{")
        for folder, told in ((self.folder / "scans", "no result of a batch"), (study, "decisions-Bo.jsonl, line 1")):
            self.open_batch(folder)
            self.assertIn(told, self.batch_ui.statusLabel.text)
