"""Folders of batches as `retrievalsam batch` leaves them, made without a network: pictures, segmentations, outcomes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from RetrievalSAMLib.cohort.results import DONE, FAILED, Found, Outcome, Pictured, Results
from RetrievalSAMLib.cohort.review.sheets import draw_sheets, tile_size
from RetrievalSAMLib.drawing import Strip, draw_strip
from RetrievalSAMLib.volumes import Geometry, SliceStack, Volume
from RetrievalSAMLib.volumes.display.slice_place import slice_place

HOSTILE = 'a&b #1 "<script>alert(1)</script></script><!--'
AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
COLORS = ("#e08a5e", "#b985d6")
SLICES, SHOWN = 40, (8, 12, 20, 28, 31, 33)


def outcome(number: int, confidence: float, verdict: str = "in-library", volume_mm3: float = 12345.6) -> Outcome:
    grid = Geometry((30, 24, SLICES), (1, 1, 4), (0, 0, 0), AXES)
    slices = tuple(
        Pictured(index, slice_place(grid, 2, index), 0.5 + index / 100 if 8 <= index < 34 else None)
        for index in range(SLICES)
    )
    return Outcome(
        f"case {number}",
        DONE,
        segments=(Found(HOSTILE, COLORS[0], volume_mm3, confidence), Found("Spleen", COLORS[1], 0.0, 1.0)),
        verdict=verdict,
        seconds=2.5,
        plane="axial",
        result=hashlib.sha256(f"case {number}".encode()).hexdigest(),
        slices=slices,
        shown=SHOWN,
        tile=tile_size((24, 30)),
    )


def batch(folder: Path, count: int) -> tuple[list[Outcome], Results]:
    """Confidence falls as the number rises; two are unlike the library, one is far too large, one failed."""
    results = Results(folder)
    results.make()
    outcomes = [outcome(number, 1 - number / (2 * count), volume_mm3=12000 + 50 * number) for number in range(count)]
    outcomes[3] = outcome(3, 0.9, "unlike-library")
    outcomes[5] = outcome(5, 0.8, "unlike-library", 90000.0)
    outcomes.append(Outcome("case x", FAILED, error=f"the volume: {HOSTILE}"))
    i, j, k = np.indices((30, 24, SLICES))
    ball = ((i - 15) ** 2 + (j - 12) ** 2 + (k - 20) ** 2 * 0.3 < 60).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=ball.shape, scale=0.2)
    stack = SliceStack.of(Volume(ball + noise, Geometry(ball.shape, (1, 1, 4), (0, 0, 0), AXES)))
    masks, colors = [stack.frame.to_slices(ball > 0)], [(0.88, 0.54, 0.37)]
    first = outcomes[0].id
    draw_sheets(stack, masks, colors, results.pages, first)
    draw_strip(Strip(stack, masks, colors, SHOWN, 6), results.picture(first))
    for one in outcomes[1:count]:
        for made in sorted(results.pages.glob(f"{first}.*")):
            shutil.copy(made, made.with_name(made.name.replace(first, one.id, 1)))
    return outcomes, results


def line_of(volume: str, result: str, decision: str, reviewer: str = "Bo", **others: str) -> dict[str, object]:
    """A line of a file of decisions."""
    line = {"key": f"{reviewer}-{volume}", "volume": volume, "result": result, "decision": decision, "note": "",
            "reviewer": reviewer, "time": "2026-01-01T10:00:00Z", **others}  # fmt: skip
    return {"format": "retrievalsam-decision", "version": 1, **line}
