"""A start that leads: from nothing to a first mask in a few clicks, counted through the widgets."""

from __future__ import annotations

from typing import Any

import phantoms
import qt
import slicer
import slicer.util
from panel_testing import PanelTest, inside_slicer, wait_until
from scripted_panel import REPORT, THRESHOLDS, library_of, scripted

MOST_WITH_THE_EXAMPLE, MOST_WITH_OWN_CASES = 6, 8
_OF_A_FOLDER = 2  # choose it, and confirm


class StartTest(PanelTest):
    """No library; clicks on buttons and in dialogs are counted.

    Attributes:
        clicks: So far.
    """

    def setUp(self) -> None:
        super().setUp()
        self.clicks = 0

    @property
    def ui(self) -> Any:
        """Widgets of the start."""
        return self.panel.start_panel.ui

    def click(self, button: qt.QAbstractButton) -> None:
        self.assertTrue(button.enabled, button.toolTip)
        self.clicks += 1
        button.click()

    def choose_folder(self, folder: Any) -> None:
        self.clicks += _OF_A_FOLDER
        self.user.will_answer(folder)

    def wait_for_mask(self) -> None:
        wait_until(lambda: self.panel.segmenting.state == "proposed", "the first mask")
        self.wait_until_quiet()
        content = self.result().GetSegmentation()
        names = [content.GetNthSegment(number).GetName() for number in range(content.GetNumberOfSegments())]
        for name in names:
            self.assertTrue(phantoms.mask_of(self.result(), name, self.panel.segmenting.proposal.volume).any(), name)
        self.assertGreaterEqual(len(names), 2)

    def is_shown(self, widget: qt.QWidget) -> bool:
        return bool(widget.isVisibleTo(self.panel.widget))


class RealStartTest(StartTest):
    def test_the_example_comes_to_a_mask_by_one_click(self) -> None:
        self.module.settings.preset = "fast"
        self.assertTrue(self.is_shown(self.ui.exampleButton))
        self.click(self.ui.exampleButton)
        self.wait_for_mask()
        self.assertLessEqual(self.clicks, MOST_WITH_THE_EXAMPLE)
        self.assertFalse(self.is_shown(self.ui.exampleButton))
        self.assertEqual(len(self.panel.library.state.cases), 2)
        self.bar_ui.discardButton.click()

    def test_two_cases_of_ones_own_come_to_a_mask_in_a_few_clicks(self) -> None:
        source, folder = self.folder / "mine", self.folder / "My library"
        for made in (source, folder):
            made.mkdir()
        for number in (1, 2):
            volume, drawn = phantoms.add_subject(number)
            slicer.util.saveNode(volume, str(source / f"case{number}.nrrd"))
            slicer.util.saveNode(drawn, str(source / f"case{number}.seg.nrrd"))
        slicer.mrmlScene.Clear(0)
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Subject 3")
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        self.choose_folder(source)
        self.choose_folder(folder)
        self.click(self.ui.casesButton)
        self.wait_until_quiet()
        dialog = self.panel.library_panel.import_dialog
        self.click(dialog.ui.importButton)
        self.wait_until_quiet()
        dialog.close()
        self.click(self.segment_ui.segmentButton)
        self.wait_for_mask()
        self.assertLessEqual(self.clicks, MOST_WITH_OWN_CASES)
        self.assertIs(self.panel.segmenting.proposal.volume, volume)
        self.bar_ui.discardButton.click()


class ScriptedStartTest(StartTest):
    script = scripted(library_create=[{"result": library_of()}], library_describe=[{"result": library_of("Case 1")}])

    def test_without_a_library_the_panel_begins_with_three_choices(self) -> None:
        choices = self.ui.exampleButton, self.ui.casesButton, self.ui.noneButton
        self.assertTrue(all(self.is_shown(one) and not one.icon.isNull() for one in choices))
        self.assertTrue(self.panel.ui.segmentSection.collapsed)
        self.panel.library.open(str(self.folder))
        self.wait_until_quiet()
        self.assertFalse(any(self.is_shown(one) for one in choices))
        self.assertFalse(self.panel.ui.segmentSection.collapsed)
        self.panel.library.close()
        self.assertTrue(all(self.is_shown(one) for one in choices))

    def test_who_has_no_case_is_led_to_draw_on_the_volume_on_display(self) -> None:
        volume = phantoms.add_volume(phantoms.subject(3)[0], "Subject 3")
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        self.click(self.ui.noneButton)
        self.assertFalse(self.panel.ui.firstCaseSection.collapsed)
        self.assertIs(self.first_case_ui.volumeSelector.currentNode(), volume)
        self.assertIn("Type the name", self.first_case_ui.addStructureButton.toolTip)

    def test_a_volume_that_was_chosen_stays_when_another_is_shown(self) -> None:
        first = phantoms.add_volume(phantoms.subject(3)[0], "Subject 3")
        second = phantoms.add_volume(phantoms.subject(2)[0], "Subject 2")
        slicer.util.setSliceViewerLayers(background=first)
        self.assertIs(self.module.settings.inputVolume, first)
        slicer.util.setSliceViewerLayers(background=second)
        self.assertIs(self.module.settings.inputVolume, first)

    def test_what_cannot_be_done_says_why(self) -> None:
        ui = self.library_ui
        for button in (ui.verifyButton, ui.reviewButton, ui.exportButton, ui.loadButton, ui.importFolderButton):
            self.assertFalse(button.enabled)
            self.assertIn("Open or create a library first", button.toolTip)
        self.panel.library.open(str(self.folder))
        self.wait_until_quiet()
        self.assertIn("Choose a case", ui.loadButton.toolTip)
        self.assertTrue(ui.verifyButton.enabled)
        self.assertIn("checksum", ui.verifyButton.toolTip)


class ExampleThatFailsTest(StartTest):
    script = scripted(
        example=[{"fault": {"code": "disk", "message": "The disk is full."}}],
        segment=[{"threshold": THRESHOLDS, "partials": 1, "result": {"report": REPORT}}],
    )

    def test_a_failure_is_told_and_the_choice_stays(self) -> None:
        self.click(self.ui.exampleButton)
        self.assertFalse(self.ui.exampleButton.enabled)
        self.wait_until_quiet()
        self.assertIn("The disk is full", self.user.reads())
        self.assertTrue(self.ui.exampleButton.enabled)
        self.assertTrue(inside_slicer or self.is_shown(self.ui.exampleButton))
