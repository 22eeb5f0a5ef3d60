"""A case that goes into the library says which model made it and which slices a person corrected."""

from __future__ import annotations

from typing import Any

import numpy as np
import phantoms
import slicer
import slicer.util
from corrected_panel import GOOD, REFINES, CorrectionsTest
from scripted_panel import scripted


class ProvenanceTest(CorrectionsTest):
    added = {"case": {"name": "case-002"}, "notes": []}
    script = scripted(segment=[GOOD], refine=[REFINES], library_add=[{"result": added}])

    def add(self) -> dict[str, Any]:
        self.assertTrue(self.library_ui.addButton.enabled, self.library_ui.addButton.toolTip)
        self.library_ui.addButton.click()
        self.wait_until_quiet()
        return self.requests("library.add")[-1]["with"]

    def accept(self) -> None:
        self.bar_ui.keepButton.click()
        self.wait_until_quiet()

    def test_an_untouched_result_is_a_models(self) -> None:
        self.get_result()
        self.accept()
        asked = self.add()
        self.assertEqual(asked["made_by"], {"model": "bundled", "model_sha256": "0" * 64, "corrected": None})
        self.assertEqual(asked["plane"], "axial")

    def test_corrected_slices_are_named_carried_on_or_not(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        segmentation = self.result()
        self.draw(9)
        self.accept()
        phantoms.edit_slice(segmentation, "Spleen", self.volume, 11, np.ones(phantoms.SHAPE[1:], bool))
        self.assertEqual(self.add()["made_by"]["corrected"], [4, 9, 11])

    def test_a_result_that_still_waits_is_known_too(self) -> None:
        segmentation = self.get_result()
        self.library_ui.addVolumeSelector.setCurrentNode(self.volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(segmentation)
        self.draw(4)
        self.assertEqual(self.add()["made_by"]["corrected"], [4])

    def test_what_a_person_drew_is_a_persons(self) -> None:
        volume, drawn = phantoms.add_subject(1)
        self.library_ui.addVolumeSelector.setCurrentNode(volume)
        self.library_ui.addSegmentationSelector.setCurrentNode(drawn)
        asked = self.add()
        self.assertNotIn("made_by", asked)
        self.assertNotIn("plane", asked)

    def test_a_saved_scene_keeps_where_the_segments_come_from(self) -> None:
        self.get_result()
        self.draw(4)
        self.accept()
        scene = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(scene)))
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(scene))
        self.wait_until_quiet()
        self.library_ui.addVolumeSelector.setCurrentNode(slicer.util.getNode("Subject 3"))
        self.library_ui.addSegmentationSelector.setCurrentNode(slicer.util.getNode("Segments of Subject 3"))
        self.assertEqual(self.add()["made_by"]["corrected"], [4])
