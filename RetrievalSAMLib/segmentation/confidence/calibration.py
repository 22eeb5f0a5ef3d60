"""How good a mask may be expected to be: the Dice of slices with such signs, where it was known."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from importlib.resources import files

import msgspec
import numpy as np

from ...stages import CONFIDENCE, timed
from ...volumes.overlap import dice
from ..settings.confidence_curves import Calibration, Evidence
from ..settings.options import RunOptions
from .quality_features import Halves, Signs

_FILE = "models/bundled/confidence.json"


@functools.cache
def calibration() -> Calibration:
    """The one that comes with the package."""
    return msgspec.json.decode(files("RetrievalSAMLib").joinpath(_FILE).read_bytes(), type=Calibration)


def calibration_for(options: RunOptions) -> Calibration:
    """The one of a run: that of its library's tuning, where this has one."""
    tuned = None if options.tuning is None else options.tuning.calibration
    return tuned or calibration()


@timed(CONFIDENCE)
def evidence_of_slices(
    signs: Mapping[int, Signs], masks: np.ndarray, expected_mm2: Mapping[int, float]
) -> dict[int, Evidence]:
    """What speaks for one segment on slices that were looked at.

    Args:
        signs: By slice.
        masks: What was found, bool (n, h, w).
        expected_mm2: By slice, the area that retrieval lets expect.
    """
    found = {index: bool(masks[index].any()) for index in signs}
    most = max(expected_mm2.values(), default=0.0)
    twice = [index for index, one in signs.items() if one.halves and found[index]]
    told = {}
    for index, one in signs.items():
        nearest = min(twice, key=lambda checked: (abs(checked - index), checked), default=None)
        halves = None if nearest is None else signs[nearest].halves
        expected = expected_mm2[index] / most if most > 0 else 0.0
        values = _of_found(one, halves, masks, index) if found[index] else _of_absent(one, expected)
        told[index] = Evidence(found[index], values)
    return told


def _of_found(one: Signs, halves: Halves | None, masks: np.ndarray, index: int) -> dict[str, float | None]:
    beside = [dice(masks[index], masks[i]) for i in (index - 1, index + 1) if 0 <= i < len(masks)]
    return {
        "mask_place": one.mask_place,
        "network_place": one.network_place,
        "sharpness": one.sharpness,
        "predicted_iou": one.predicted_iou,
        "halves_alike": None if halves is None else halves.alike,
        "halves_with_mask": None if halves is None else halves.with_mask,
        "beside": float(np.mean(beside)) if beside else None,
        "log_pixels": math.log1p(one.pixels),
    }


def _of_absent(one: Signs, expected: float) -> dict[str, float | None]:
    return {
        "presence": _log_odds(one.presence),
        "vote": _log_odds(one.vote),
        "object_score": one.object_score,
        "place_peak": one.place_peak,
        "log_place_pixels": math.log1p(one.place_pixels),
        "expected": expected,
    }


def _log_odds(probability: float) -> float:
    held = min(max(probability, 0.02), 0.98)
    return math.log(held / (1 - held))


def expected_volume_dice(confidence: Mapping[int, float], areas_mm2: Mapping[int, float]) -> float:
    """Expected Dice of a segment over a volume.

    A volume's Dice is the mean of its slices' weighted by the voxels of both masks; those of the true one are taken to
    be as many as those of the one that was found. Where nothing was found it is the least probability of absence.

    Args:
        confidence: By slice.
        areas_mm2: By slice.
    """
    total = sum(areas_mm2.values())
    if total > 0:
        return sum(confidence[index] * area for index, area in areas_mm2.items()) / total
    return min(confidence.values(), default=0.0)
