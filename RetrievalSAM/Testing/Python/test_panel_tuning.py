"""The settings are fitted to the library: what the panel says of it, how it is begun, stopped, and gives way."""

from __future__ import annotations

import unittest
from typing import Any

from panel_testing import wait_until
from scripted_panel import ScriptedTest, library_of, scripted

THREE = library_of("A", "B", "C")
WAITS = {"progress": 3, "wait": True}
NOTHING: list[dict[str, Any]] = []


def state(kind: str = "current", place: float | None = 2.8, confidence: bool = True) -> dict[str, Any]:
    change = {"value": place, "usual": 1.4, "gain": 0.02, "error": 0.004}
    return {
        "model": "sam2.1-tiny",
        "segmenter": "f" * 64,
        "preset": "fast",
        "state": kind,
        "text": "tuned",
        "cases": 3,
        "settings": {} if place is None else {"place_weight": change},
        "confidence": confidence,
    }


def tuned(after: float = 0.84, model: str = "sam2.1-tiny", untried: tuple[str, ...] = ()) -> dict[str, Any]:
    kept = {"value": 2.8, "patients": 3, "gain": 0.02, "error": 0.004, "kept": after > 0.81}
    return {
        "model": {"name": model, "sha256": "f" * 64},
        "settings": [{"name": "place_weight", "usual": 1.4, "value": 2.8, "tried": [kept]}],
        "untried": list(untried),
        "confidence": {"slices": 90, "usual": 0.5, "fitted": 0.4, "error": 0.01, "kept": after > 0.81},
        "dice_before": 0.81,
        "dice_after": after,
        "tuned": [state()] if after > 0.81 else [state(place=None, confidence=False)],
    }


class TuningTest(ScriptedTest):
    def said(self) -> str:
        return str(self.library_ui.tuneLabel.text)

    def tune(self) -> None:
        self.assertTrue(self.library_ui.tuneButton.enabled, self.library_ui.tuneButton.toolTip)
        self.library_ui.tuneButton.click()


class TwoCasesTest(TuningTest):
    script = scripted(library_describe=[{"result": library_of("A", "B")}])

    def test_two_cases_are_too_few_and_the_button_says_so(self) -> None:
        self.assertFalse(self.library_ui.tuneButton.enabled)
        self.assertIn("at least three patients", self.library_ui.tuneButton.toolTip)
        self.assertEqual(self.said(), "")


class TuneTest(TuningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_tune=[{"progress": 2, "result": tuned()}],
        library_tuned=[{"result": {"tuned": NOTHING}}, {"result": {"tuned": [state()]}}],
    )

    def test_what_fits_better_is_said_with_the_dice_that_it_brings(self) -> None:
        self.assertEqual(self.said(), "")
        self.assertIn("fitted to that one", self.library_ui.tuneButton.toolTip)
        self.panel._logic.getParameterNode().preset = "fast"
        self.tune()
        self.wait_until_quiet()
        self.assertIn("On patients left out: Dice 0.81 with the usual values, 0.84", self.said())
        self.assertIn("Confidence is fitted to this model from now on.", self.said())
        self.assertIn("Fitted to sam2.1-tiny (fast) on 3 cases: weight of the place", self.said())
        self.assertIn("2.8 instead of 1.4, confidence.", self.said())
        (asked,) = self.requests("library.tune")
        told = {"folder": str(self.folder), "model": "bundled", "device": "auto", "preset": "fast"}
        self.assertEqual(asked["with"], told)


class NothingBetterTest(TuningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_tune=[{"progress": 2, "result": tuned(0.81, "bundled", ("gate",))}],
        library_tuned=[
            {"result": {"tuned": NOTHING}},
            {"result": {"tuned": [state(place=None, confidence=False)]}},
        ],
    )

    def test_of_the_bundled_model_it_says_that_nothing_else_was_to_be_expected(self) -> None:
        self.tune()
        self.wait_until_quiet()
        self.assertIn("the settings stay as they are (Dice 0.81)", self.said())
        self.assertIn("they were fitted to the bundled model", self.said())
        self.assertIn("Time ran out before every value was tried", self.said())
        self.assertIn("the usual values stay", self.said())

    def test_every_state_has_a_sentence_of_its_own(self) -> None:
        for kind, words in (("behind", "Cases have changed since"), ("unusable", "cannot be used")):
            self.panel.tuning.known = [state(kind)]
            self.panel.tuning.changed.emit()
            self.assertIn(words, self.said())


class GivingWayTest(TuningTest):
    script = scripted(
        library_describe=[{"result": THREE}],
        library_tune=[WAITS, {"result": tuned()}],
        library_tuned=[{"result": {"tuned": NOTHING}}, {"result": {"tuned": [state()]}}],
    )

    def test_a_run_goes_first_and_fitting_continues_by_itself(self) -> None:
        self.tune()
        wait_until(lambda: "2 of 3" in self.said(), "progress")
        self.assertEqual(self.library_ui.tuneButton.text, "Stop fitting the settings")
        self.press_segment()
        self.wait_until_quiet()
        self.assertEqual(self.panel.segmenting.state, "proposed")
        told = [one["do"] for one in self.everything() if one["do"] in ("library.tune", "segment", "cancel")]
        self.assertEqual(told, ["library.tune", "cancel", "segment", "library.tune"])
        self.assertIn("Dice 0.81 with the usual values", self.said())

    def test_fitting_that_is_stopped_says_that_nothing_is_lost(self) -> None:
        self.tune()
        wait_until(lambda: "2 of 3" in self.said(), "progress")
        self.library_ui.tuneButton.click()
        self.wait_until_quiet()
        self.assertIn("continues where it stopped", self.said())
        self.assertEqual(self.library_ui.tuneButton.text, "Fit the settings to this library")


class FailingTest(TuningTest):
    script = scripted(library_describe=[{"result": THREE}], library_tune=[{"progress": 2, "exit": 3}])

    def test_a_worker_that_dies_is_told_and_the_settings_are_said_to_be_as_they_were(self) -> None:
        self.tune()
        self.wait_until_quiet()
        self.assertIn("ended unexpectedly", self.user.reads())
        self.assertIn("The settings are as they were", self.said())


if __name__ == "__main__":
    unittest.main()
