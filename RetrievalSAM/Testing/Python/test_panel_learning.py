"""The library learns from its cases: what the panel says of it, how it is begun, stopped, and gives way."""

from __future__ import annotations

import unittest
from typing import Any

from panel_testing import wait_until
from scripted_panel import NOTHING_LEARNED, ScriptedTest, library_of, scripted

THREE = library_of("A", "B", "C")
WAITS = {"progress": 3, "wait": True}


def learned(state: str = "current", run: float | None = 0.81, fused: float | None = 0.87, n: int = 3) -> dict[str, Any]:
    told = {"state": state, "cases": 3, "learned": n, "run_dice": run, "fused_dice": fused, "sha256": "f" * 64}
    return NOTHING_LEARNED | told


class LearningTest(ScriptedTest):
    def said(self) -> str:
        return str(self.library_ui.learnLabel.text)

    def learn(self) -> None:
        self.assertTrue(self.library_ui.learnButton.enabled, self.library_ui.learnButton.toolTip)
        self.library_ui.learnButton.click()


class OneCaseTest(LearningTest):
    script = scripted()

    def test_one_case_is_too_few_and_the_button_says_so(self) -> None:
        self.assertFalse(self.library_ui.learnButton.enabled)
        self.assertIn("at least two cases", self.library_ui.learnButton.toolTip)
        self.assertEqual(self.said(), "")


class LearnTest(LearningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_learn=[{"progress": 2, "result": {"state": learned()}}],
        library_learned=[{"result": NOTHING_LEARNED | {"cases": 3}}, {"result": learned()}],
    )

    def test_what_was_learned_is_said_with_the_dice_that_can_be_expected(self) -> None:
        self.assertEqual(self.said(), "Nothing learned yet.")
        self.learn()
        self.wait_until_quiet()
        self.assertEqual(self.said(), "Learned from 3 of 3 cases; expected Dice 0.81 without, 0.87 with it.")
        (asked,) = self.requests("library.learn")
        self.assertEqual(asked["with"], {"folder": str(self.folder), "model": "bundled", "device": "auto"})


class StateTest(LearningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_learned=[{"result": learned("behind", n=2)}],
    )

    def test_cases_that_came_later_are_offered_to_be_learned(self) -> None:
        self.assertIn("Learned from 2 of 3 cases", self.said())
        self.assertIn("Cases have changed since: learn again.", self.said())
        self.assertTrue(self.library_ui.learnButton.font.bold())

    def test_every_state_has_a_sentence_of_its_own(self) -> None:
        for told, words in (
            (learned(fused=0.81), "it does not help"),
            (learned(run=None, fused=None), "too few to tell"),
            (learned("unusable"), "cannot be used"),
        ):
            self.panel.learning.known = told
            self.panel.learning.changed.emit()
            self.assertIn(words, self.said())
            self.assertFalse(self.library_ui.learnButton.font.bold())


class GivingWayTest(LearningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_learn=[WAITS, {"result": {"state": learned()}}],
        library_learned=[{"result": NOTHING_LEARNED | {"cases": 3}}, {"result": learned()}],
    )

    def test_a_run_goes_first_and_learning_continues_by_itself(self) -> None:
        self.learn()
        wait_until(lambda: "2 of 3" in self.said(), "progress")
        self.assertEqual(self.library_ui.learnButton.text, "Stop learning")
        self.press_segment()
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "proposed")
        told = [one["do"] for one in self.everything() if one["do"] in ("library.learn", "segment", "cancel")]
        self.assertEqual(told, ["library.learn", "cancel", "segment", "library.learn"])
        self.assertIn("Learned from 3 of 3 cases", self.said())

    def test_learning_that_is_stopped_says_that_nothing_is_lost(self) -> None:
        self.learn()
        wait_until(lambda: "2 of 3" in self.said(), "progress")
        self.library_ui.learnButton.click()
        self.wait_until_quiet()
        self.assertIn("continues where it stopped", self.said())
        self.assertEqual(self.library_ui.learnButton.text, "Learn from this library")


class FailingTest(LearningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_learn=[{"progress": 2, "exit": 3}],
        library_learned=[{"result": NOTHING_LEARNED | {"cases": 3}}],
    )

    def test_a_worker_that_dies_is_told_and_the_library_is_said_to_be_as_it_was(self) -> None:
        self.learn()
        self.wait_until_quiet()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.assertIn("The library is as it was", self.said())


if __name__ == "__main__":
    unittest.main()
