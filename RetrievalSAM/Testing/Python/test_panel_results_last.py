"""Results that last: kept, put aside, saved with the scene or loaded from a file, they are taken up again."""

from __future__ import annotations

import json

import numpy as np
import phantoms
import slicer
import slicer.util
from corrected_panel import GOOD, REFINES, CorrectionsTest
from panel_testing import texts
from scripted_panel import REPORT, scripted


class ResultsLastTest(CorrectionsTest):
    script = scripted(
        segment=[GOOD],
        refine=[REFINES],
        library_add=[{"result": {"case": {"name": "case-002"}, "notes": []}}],
    )

    def take_up(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        self.results_ui.resultSelector.setCurrentNode(segmentation)
        self.assertTrue(self.results_ui.takeUpButton.enabled, self.results_ui.takeUpButton.toolTip)
        self.results_ui.takeUpButton.click()
        self.wait_until_quiet()

    def check_taken_up(self, corrected: list[int]) -> None:
        """Slices to look at, examples and corrected slices are back, and corrections can be carried on."""
        self.assertEqual(self.panel.segmenting.state, "proposed")
        self.assertEqual(len(texts(self.results_ui.worstTable)), 10)
        self.wait_for(corrected)
        self.panel.correcting.mark(11, True)
        self.propagate()
        asked = self.requests("refine")[-1]["with"]
        self.assertEqual(asked["corrected"], [*corrected, 11])
        self.assertEqual((asked["folder"], asked["preset"]), (str(self.folder), "default"))

    def test_a_kept_result_is_taken_up_with_slices_that_were_edited_since(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.panel.correcting.mark(6, True)
        segmentation = self.result()
        self.bar_ui.keepButton.click()
        self.assertEqual(self.panel.segmenting.state, "idle")
        phantoms.edit_slice(segmentation, "Liver", self.volume, 9, np.ones(phantoms.SHAPE[1:], bool))
        self.take_up(segmentation)
        self.assertIn("being corrected", self.results_ui.takeUpButton.toolTip)
        self.check_taken_up([4, 6, 9])

    def test_a_result_that_waits_is_saved_with_the_scene(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        drawn = self.mask()
        scene = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(scene)))
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(scene))
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.volume = slicer.util.getNode("Subject 3")
        segmentation = slicer.util.getNode("Segments of Subject 3")
        self.take_up(segmentation)
        np.testing.assert_array_equal(self.mask(), drawn)
        self.check_taken_up([4])
        self.bar_ui.teachButton.click()
        self.wait_until_quiet()
        self.assertEqual(self.requests("library.add")[0]["with"]["made_by"]["corrected"], [4, 11])

    def test_a_result_is_taken_up_from_its_file_and_report(self) -> None:
        report = REPORT | {
            "preset": "default",
            "target": {"size": list(phantoms.SHAPE[::-1])},
            "refinement": {"corrected": [3]},
        }
        del report["less_memory"]
        file, answer = self.folder / "made elsewhere.json", self.folder / "nothing.json"
        file.write_text(json.dumps(report), encoding="utf-8")
        answer.write_text("[]", encoding="utf-8")
        segmentation = phantoms.add_segmentation(self.volume, phantoms.subject(3)[1], "Loaded")
        slicer.util.setSliceViewerLayers(background=self.volume)
        self.results_ui.resultSelector.setCurrentNode(segmentation)
        self.user.will_answer(answer)
        self.results_ui.takeUpButton.click()
        self.assertIn("no report of a run", self.user.reads())
        self.user.will_answer(file)
        self.take_up(segmentation)
        self.check_taken_up([3])

    def test_a_report_of_another_volume_is_refused(self) -> None:
        file = self.folder / "other.json"
        file.write_text(json.dumps(REPORT | {"preset": "default", "target": {"size": [1, 2, 3]}}), encoding="utf-8")
        segmentation = phantoms.add_segmentation(self.volume, phantoms.subject(3)[1], "Loaded")
        self.results_ui.resultSelector.setCurrentNode(segmentation)
        self.user.will_answer(file)
        self.results_ui.takeUpButton.click()
        self.assertIn("another size", self.user.reads())
        self.assertEqual(self.panel.segmenting.state, "idle")

    def test_a_new_run_leaves_the_result_that_waited_in_the_scene(self) -> None:
        first = self.get_result()
        self.draw(4)
        self.wait_for([4])
        second = self.get_result()
        self.assertIsNot(first, second)
        self.assertTrue(slicer.mrmlScene.IsNodePresent(first))
        self.take_up(first)
        self.assertIs(self.result(), first)
        self.wait_for([4])
        self.assertTrue(slicer.mrmlScene.IsNodePresent(second))

    def test_a_run_into_the_result_that_waits_asks_first(self) -> None:
        first = self.get_result()
        self.segment_ui.outputSelector.setCurrentNode(first)
        self.user.will_answer(False)
        self.segment_ui.segmentButton.click()
        self.assertIn("neither kept nor discarded", self.user.reads())
        self.assertIs(self.result(), first)
        self.assertEqual(len(self.requests("segment")), 1)

    def test_keep_and_teach_adds_the_case_there_and_then(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.assertEqual(self.bar_ui.teachButton.text, "Keep and teach")
        self.bar_ui.teachButton.click()
        self.wait_until_quiet()
        asked = self.requests("library.add")[0]["with"]
        self.assertEqual(asked["made_by"]["corrected"], [4])
        self.assertIn("case-002 is in the library", self.bar_ui.statusLabel.text)
        self.assertEqual(self.panel.segmenting.state, "idle")

    def test_keys_act_while_the_module_is_open_only(self) -> None:
        self.get_result()
        keys = self.panel.corrections_panel.keys
        self.assertEqual(keys.active(), ["B", "Ctrl+Shift+Z", "Ctrl+Z", "D", "Esc", "P", "S", "Shift+S", "Space", "T"])
        for wanted in (0, 1):  # space: the slices to look at first, one after the other
            self.panel.corrections_panel.next_wanted.emit()
            (row,) = self.results_ui.worstTable.selectionModel().selectedRows()
            self.assertEqual(row.row(), wanted)
        self.panel.corrections_panel._paint()
        self.assertEqual(self.panel.corrections_panel.editor.effect, "Paint")
        self.panel.corrections_panel._put_down()
        self.assertEqual(self.panel.corrections_panel.editor.effect, "")
        self.panel.corrections_panel._paint()
        self.module.leave()
        self.assertEqual(keys.active(), [])
        self.assertEqual(self.panel.corrections_panel.editor.effect, "")
        self.module.come_back()
        self.assertEqual(len(keys.active()), 10)
