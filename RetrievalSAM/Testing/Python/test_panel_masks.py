"""Masks of which only a box is kept, and slices of segments that are written: exact, whatever else is there."""

from __future__ import annotations

import unittest

import numpy as np
import panel_testing  # noqa: F401 - makes the module's package known
import phantoms
import slicer
from RetrievalSAMModule.scene.masks.cropped_mask import CroppedMask
from RetrievalSAMModule.scene.masks.result_snapshot import ResultSnapshot
from RetrievalSAMModule.scene.masks.segment_masks import replace_segment, segment_mask, write_slices

_SHAPE = (6, 8, 10)


def blob(random: np.random.Generator) -> np.ndarray:
    """Some voxels in a part of the grid, or none at all; bool (k, j, i)."""
    mask = random.random(_SHAPE) < 0.3
    for side, size in enumerate(_SHAPE):
        first, last = sorted(random.integers(0, size + 1, 2))
        np.moveaxis(mask, side, 0)[:first] = False
        np.moveaxis(mask, side, 0)[last:] = False
    return mask


def slices_of(mask: np.ndarray, axis: int) -> np.ndarray:
    """The slices along an axis (0, 1, 2 as i, j, k) of a mask (k, j, i)."""
    return np.moveaxis(mask, 2 - axis, 0)


class CroppedMaskTest(unittest.TestCase):
    def test_it_says_what_the_whole_mask_says(self) -> None:
        random = np.random.default_rng(1)
        for _n in range(100):
            mask = blob(random)
            cropped = CroppedMask.of(mask.astype(np.uint8) * 3)
            np.testing.assert_array_equal(cropped.whole(), mask)
            np.testing.assert_array_equal(cropped.tight().whole(), mask)
            self.assertEqual(cropped.any(), bool(mask.any()))
            for axis in range(3):
                held = np.flatnonzero([one.any() for one in slices_of(mask, axis)])
                self.assertEqual(cropped.held(axis), set(held.tolist()))
                only = mask.copy()
                slices_of(only, axis)[[n for n in range(_SHAPE[2 - axis]) if n not in (1, 2)]] = False
                np.testing.assert_array_equal(cropped.only(axis, {1, 2}).whole(), only)

    def test_a_snapshot_finds_the_slices_that_changed_and_what_they_were(self) -> None:
        random = np.random.default_rng(2)
        for _n in range(100):
            before, after = blob(random), blob(random)
            if random.random() < 0.3:
                after = before.copy()
                after[2, 3, 4] = ~after[2, 3, 4]
            snapshot = ResultSnapshot()
            snapshot.take("A", CroppedMask.of(before) if before.any() else None)
            now = CroppedMask.of(after) if after.any() or random.random() < 0.5 else None
            for axis in range(3):
                was, are = slices_of(before, axis), slices_of(after, axis)
                changed = [n for n in range(len(was)) if (was[n] != are[n]).any()]
                self.assertEqual(snapshot.changed_slices("A", now, axis), frozenset(changed))
                for index, (one, other) in snapshot.changes("A", now, axis).items():
                    np.testing.assert_array_equal(one, was[index])
                    np.testing.assert_array_equal(other, are[index])

    def test_a_mask_of_another_grid_is_refused(self) -> None:
        snapshot = ResultSnapshot()
        snapshot.take("A", CroppedMask.of(np.ones(_SHAPE, bool)))
        with self.assertRaisesRegex(ValueError, "has .* voxels"):
            snapshot.changed_slices("A", CroppedMask.of(np.ones((3, 3, 3), bool)), 2)


class WrittenSlicesTest(unittest.TestCase):
    """Segments that share labelmaps or do not, with labels of any value, overlapping or not."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.volume = phantoms.add_volume(np.zeros(_SHAPE, np.int16), "Grid")
        self.random = np.random.default_rng(3)
        self.kinds: set[tuple[bool, bool]] = set()

    def segmentation(self) -> tuple[slicer.vtkMRMLSegmentationNode, dict[str, np.ndarray]]:
        labels = self.random.integers(0, 4, _SHAPE)
        labels[: self.random.integers(0, 4)] = 0
        masks = {name: labels == value for value, name in enumerate("ABC", start=1)}
        node = phantoms.add_segmentation(self.volume, masks)
        content = node.GetSegmentation()
        if self.random.random() < 0.8:
            content.CollapseBinaryLabelmaps(False)
        if self.random.random() < 0.4:
            content.SeparateSegmentLabelmap(content.GetSegmentIdBySegmentName("B"))
        if self.random.random() < 0.3:
            masks["C"] = masks["C"] | masks["A"]
            replace_segment(node, content.GetSegmentIdBySegmentName("C"), self.volume, masks["C"])
        return node, masks

    def test_only_the_segment_and_the_slices_that_are_written_change(self) -> None:
        for _n in range(40):
            node, masks = self.segmentation()
            content = node.GetSegmentation()
            for _m in range(6):
                name, axis = str(self.random.choice(list(masks))), int(self.random.integers(0, 3))
                index = int(self.random.integers(0, _SHAPE[2 - axis]))
                segment_id = content.GetSegmentIdBySegmentName(name)
                slices = slices_of(masks[name], axis)
                pixels = self.random.random(slices.shape[1:]) < self.random.choice([0, 0.1, 0.5, 1])
                own_label = content.GetSegment(segment_id).GetLabelValue() != 1
                self.kinds.add((bool(content.IsSharedBinaryLabelmap(segment_id)), own_label))
                write_slices(node, segment_id, self.volume, {(axis, index): pixels})
                slices[index] = pixels
                for other, mask in masks.items():
                    np.testing.assert_array_equal(phantoms.mask_of(node, other, self.volume), mask, err_msg=other)
                    seen = segment_mask(node, content.GetSegmentIdBySegmentName(other), self.volume)
                    np.testing.assert_array_equal(np.zeros(_SHAPE, bool) if seen is None else seen.whole(), mask)
            slicer.mrmlScene.RemoveNode(node)
        self.assertEqual(len(self.kinds), 4, "all ways to share a labelmap were met")
