"""What is much work is done bit by bit, one part in a turn of the event loop, and nothing goes wrong in between.

No clock decides here: counted is what one turn does. Whatever happens between two turns (a cancel, a stroke, a node or
a scene that goes, a scene that is saved), nothing is lost and nothing is half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import phantoms
import qt
import slicer
import slicer.util
from corrected_panel import GOOD, MOVED, REFINES, CorrectionsTest
from desk_acts import DeskTest, script_of
from panel_testing import nodes_of_scene, wait_until
from RetrievalSAMModule.scene import segments_in_file, volume_files
from RetrievalSAMModule.scene.masks import segment_masks
from RetrievalSAMModule.turn_queue import TurnQueue
from scripted_panel import scripted

READ, SLAB, PUT, LOOK = "reads a piece", "writes a slab", "writes a segment", "looks at a segment"
_SEGMENTS = 2
_PIECE = 5000


class Turns:
    """Counts, turn by turn, what costs by the voxels of a whole volume."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.past: list[Counter[str]] = []
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self.next)

    def begin(self) -> None:
        """Forget what was, and follow the event loop."""
        self.now, self.past = Counter(), []
        self._timer.start()

    def end(self) -> list[Counter[str]]:
        """What each turn since then did, without those that did nothing."""
        self._timer.stop()
        self.next()
        return self.past

    def next(self) -> None:
        """Another turn."""
        if self.now:
            self.past.append(self.now)
            self.now = Counter()

    def counted(self, kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is counted."""

        def call(*arguments: Any, **options: Any) -> Any:
            self.now[kind] += 1
            return original(*arguments, **options)

        return call

    def apart(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose calls are turns of their own."""

        def call(*arguments: Any) -> Any:
            self.next()
            try:
                return original(*arguments)
            finally:
                self.next()

        return call


class BoundedTest(DeskTest):
    script = script_of(DeskTest.repeats)

    def setUp(self) -> None:
        self.turns = Turns()
        for kind, owner, name in (
            (READ, segments_in_file, "read_piece"),
            (SLAB, volume_files, "write_slab"),
            (PUT, segments_in_file, "put_labelmap"),
            (PUT, segment_masks, "put_labelmap"),
            (LOOK, segment_masks, "label_voxels"),
        ):
            self.patch(owner, name, self.turns.counted(kind, getattr(owner, name)))
        self.patch(TurnQueue, "_take", self.turns.apart(TurnQueue._take))
        self.patch(volume_files, "SLAB_BYTES", 1)  # a plane a turn
        self.patch(segments_in_file, "PIECE_BYTES", _PIECE)
        super().setUp()

    def patch(self, owner: Any, name: str, value: Any) -> None:
        patch = mock.patch.object(owner, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def test_one_turn_writes_one_slab_or_one_segment_or_reads_one_piece(self) -> None:
        parts = {}
        for act in self.acts():
            if act.name == "its numbers":  # and what follows: files are written in one go there
                break
            self.turns.begin()
            act.do()
            wait_until(act.done, act.name)
            if act.waits_for_run:
                self.wait_until_quiet()
            done = parts[act.name] = self.turns.end()
            for turn in done:
                self.assertLessEqual(turn[READ] + turn[SLAB] + turn[PUT], 1, f"{act.name}: {turn}")
                # Each is looked at as it was and as it is; with what Keep writes into the scene, once more.
                self.assertLessEqual(turn[LOOK], 4 * _SEGMENTS, f"{act.name}: {turn}")
        planes = phantoms.SHAPE[0]
        self.assertEqual(sum(turn[SLAB] for turn in parts["segment"]), planes)
        self.assertEqual(sum(turn[SLAB] for turn in parts["propagate"]), planes, "the volume is not written again")
        self.assertEqual(
            sum(turn[PUT] for turn in parts["segment"]), 3 * _SEGMENTS, "two partial results, and the whole"
        )
        self.assertEqual(sum(turn[PUT] for turn in parts["a box"]), 1)
        self.assertEqual(sum(turn[READ] + turn[PUT] for turn in parts["undo the propagation"]), 0)

    def test_the_counting_sees_two_in_one_turn(self) -> None:
        self.press_segment()
        wait_until(lambda: self.panel.segmenting.state == "proposed", "the run")
        self.wait_until_quiet()
        self.turns.begin()
        for name in ("Liver", "Spleen"):
            segment_id = self.panel.segmenting.proposal.segment_ids[name]
            segment_masks.replace_segment(self.result(), segment_id, self.volume, self.truth[name])
        self.assertEqual([turn[PUT] for turn in self.turns.end()], [2])


class BetweenTurnsTest(CorrectionsTest):
    """Something happens when the files for the worker are half written, or a result is half in the scene."""

    script = scripted(segment=[GOOD], refine=[REFINES])

    def setUp(self) -> None:
        slow = mock.patch.object(volume_files, "SLAB_BYTES", 1)
        slow.start()
        self.addCleanup(slow.stop)
        super().setUp()
        self.happened: list[str] = []

    def after(self, owner: Any, name: str, calls: int, what: Callable[[], Any]) -> None:
        """Do something between two turns, as soon as a function was called so often from now on."""
        original, count = getattr(owner, name), Counter[str]()

        def do() -> None:
            self.happened.append(self.panel.segmenting.state)
            what()

        def call(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            count[name] += 1
            if count[name] == calls:
                qt.QTimer.singleShot(0, do)
            return result

        patch = mock.patch.object(owner, name, call)
        patch.start()
        self.addCleanup(patch.stop)

    def while_written(self, what: Callable[[], Any]) -> None:
        self.after(volume_files, "write_slab", 4, what)

    def while_shown(self, what: Callable[[], Any]) -> None:
        self.after(segments_in_file, "put_labelmap", 1, what)

    def end(self) -> None:
        wait_until(lambda: self.happened, "what is to happen")
        wait_until(lambda: self.panel.segmenting.state != "running", "the end")
        self.wait_until_quiet()
        self.assertEqual(self.happened, ["running"])

    def corrected(self) -> np.ndarray:
        """A result with one correction; its mask."""
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        return self.mask()

    def check_as_before(self, before: np.ndarray, spleen: np.ndarray) -> None:
        np.testing.assert_array_equal(self.mask(), before)
        np.testing.assert_array_equal(self.mask("Spleen"), spleen)
        self.assertIn("The scene is as it was before", self.bar_ui.statusLabel.text)
        self.wait_for([4])
        self.propagate()
        asked = self.requests("refine")[-1]["with"]
        self.assertEqual(asked["corrected"], [4])
        expected = slicer.util.arrayFromVolume(self.volume) >= MOVED[0][1]
        expected[4] = before[4]
        np.testing.assert_array_equal(self.mask(), expected)

    def test_a_propagation_is_cancelled_while_its_files_are_written(self) -> None:
        before, spleen = self.corrected(), self.mask("Spleen")
        self.while_written(self.corrections_ui.propagateButton.click)
        self.corrections_ui.propagateButton.click()
        self.end()
        self.assertEqual(self.requests("refine"), [], "the worker was not asked")
        self.check_as_before(before, spleen)

    def test_a_propagation_is_cancelled_when_its_result_is_half_in_the_scene(self) -> None:
        before, spleen = self.corrected(), self.mask("Spleen")
        self.while_shown(self.corrections_ui.propagateButton.click)
        self.corrections_ui.propagateButton.click()
        self.end()
        self.check_as_before(before, spleen)

    def test_a_run_is_cancelled_while_the_volume_is_written(self) -> None:
        before = nodes_of_scene()
        self.while_written(self.segment_ui.segmentButton.click)
        self.press_segment()
        self.end()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertEqual(nodes_of_scene(), before)
        self.assertEqual(self.requests("segment"), [])
        self.get_result()
        np.testing.assert_array_equal(self.mask(), self.truth["Liver"])

    def test_a_volume_that_goes_while_it_is_written_ends_the_run(self) -> None:
        self.while_written(lambda: slicer.mrmlScene.RemoveNode(self.volume))
        self.press_segment()
        self.end()
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertIn("the volume was deleted", self.segment_ui.statusLabel.text)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)
        self.assertEqual(self.requests("segment"), [])

    def test_a_segmentation_that_goes_ends_the_propagation(self) -> None:
        for when in (self.while_written, self.while_shown):
            with self.subTest(when.__name__):
                self.happened.clear()
                self.corrected()
                when(lambda: slicer.mrmlScene.RemoveNode(self.panel.segmenting.proposal.segmentation))
                self.corrections_ui.propagateButton.click()
                self.end()
                self.assertEqual(self.panel.segmenting.state, "idle")
                self.assertIn("the segmentation was deleted", self.bar_ui.statusLabel.text)

    def test_a_scene_that_is_closed_ends_it(self) -> None:
        for when in (self.while_written, self.while_shown):
            with self.subTest(when.__name__):
                self.happened.clear()
                self.corrected()
                when(lambda: slicer.mrmlScene.Clear(0))
                self.corrections_ui.propagateButton.click()
                self.end()
                self.assertEqual(self.panel.segmenting.state, "idle")
                self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)
                self.volume, self.truth = self.add_input()
                self.segment_ui.inputSelector.setCurrentNode(self.volume)
                self.panel.library.open(str(self.folder))
                self.wait_until_quiet()

    def test_what_is_drawn_meanwhile_is_kept_on_top_and_undo_is_exact(self) -> None:
        for when in (self.while_written, self.while_shown):
            with self.subTest(when.__name__):
                self.happened.clear()
                before, spleen = self.corrected(), self.mask("Spleen")
                drawn = ~before[9]

                def draw(drawn: np.ndarray = drawn) -> None:
                    segmentation = self.panel.segmenting.proposal.segmentation
                    phantoms.edit_slice(segmentation, "Liver", self.volume, 9, drawn)

                when(draw)
                self.corrections_ui.propagateButton.click()
                self.end()
                after = self.mask()
                expected = slicer.util.arrayFromVolume(self.volume) >= MOVED[0][1]
                expected[4], expected[9] = before[4], drawn
                np.testing.assert_array_equal(after, expected)
                self.wait_for([4, 9])
                wait_until(lambda: not self.panel.correcting._unseen, "segments to be looked at")
                without = after.copy()
                without[9] = slicer.util.arrayFromVolume(self.volume)[9] >= MOVED[0][1]
                undo, redo = self.bar_ui.undoButton.click, self.bar_ui.redoButton.click
                for act, mask in ((undo, without), (redo, after), (undo, without), (undo, before), (redo, without)):
                    act()
                    np.testing.assert_array_equal(self.mask(), mask)
                undo()
                np.testing.assert_array_equal(self.mask("Spleen"), spleen)
                self.bar_ui.discardButton.click()

    def test_a_scene_that_is_saved_half_way_has_every_correction(self) -> None:
        before, scene = self.corrected(), self.folder / "scene.mrb"
        self.while_shown(lambda: slicer.util.saveScene(str(scene)))
        self.corrections_ui.propagateButton.click()
        self.end()
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(scene))
        self.wait_until_quiet()
        self.volume = slicer.util.getNode("Subject 3")
        self.results_ui.resultSelector.setCurrentNode(slicer.util.getNode("Segments of Subject 3"))
        self.results_ui.takeUpButton.click()
        self.wait_until_quiet()
        np.testing.assert_array_equal(self.mask()[4], before[4])
        self.wait_for([4])

    def test_segments_of_others_stay_as_they_are_at_every_moment(self) -> None:
        around = np.zeros(phantoms.SHAPE, bool)
        around[3:9, 10:40, 5:30] = True  # overlaps the liver
        output = phantoms.add_segmentation(self.volume, {"Around": around}, "Mine")
        status = slicer.vtkSlicerSegmentationsModuleLogic
        locked = output.GetSegmentation().GetNthSegment(0)
        status.SetSegmentStatus(locked, status.Completed)
        self.segment_ui.outputSelector.setCurrentNode(output)
        seen: list[bool] = []

        def look(*_event: Any) -> None:
            seen.append(bool((phantoms.mask_of(output, "Around", self.volume) == around).all()))

        tag = output.GetSegmentation().AddObserver(slicer.vtkSegmentation.SourceRepresentationModified, look)
        self.corrected()
        self.propagate()
        self.bar_ui.undoButton.click()
        self.bar_ui.redoButton.click()
        output.GetSegmentation().RemoveObserver(tag)
        self.assertGreater(len(seen), 4)
        self.assertTrue(all(seen))
        self.assertEqual(status.GetSegmentStatus(output.GetSegmentation().GetNthSegment(0)), status.Completed)


class ImageFileTest(CorrectionsTest):
    def images(self) -> list[str]:
        return [self.requests(verb)[-1]["with"]["image"] for verb in ("segment", "refine")]

    def test_the_volume_is_written_again_only_where_it_has_changed(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.propagate()
        first, second = self.images()
        self.assertEqual(first, second)
        slicer.util.arrayFromVolume(self.volume)[0] += 1
        slicer.util.arrayFromVolumeModified(self.volume)
        self.draw(6)
        self.wait_for([4, 6])
        self.propagate()
        self.assertNotEqual(self.images()[1], first)

    def test_no_voxels_are_left_behind_when_nothing_waits(self) -> None:
        self.get_result()
        image = Path(self.requests("segment")[-1]["with"]["image"])
        self.assertTrue(image.is_file())
        self.bar_ui.keepButton.click()
        self.assertFalse(image.exists())
