"""Decoding a segment in one slice from its memories, its mask so far, and what a person set there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...models.window import Window
from ...retrieval.index import Support
from ...volumes import SliceStack
from ..engines.interface import (
    MASK_LOGIT,
    Decoded,
    Engine,
    ImageFeatures,
    Memory,
    MemoryBank,
    PointerEntry,
    Prompts,
    SpatialEntry,
)
from ..memory.support_memories import Memories
from ..run_state.run_context import ViewContext
from .click_masks import SOFT, Click, Frame, outline, picture, pushed, says
from .points_and_boxes import OnSlice

SAID_WEIGHT = 1.5
"""Logit of what the mask so far and the clicks say where they are sure; the decoder's is added."""

DECODER_LIMIT = 6.0
"""The decoder's logits count up to this much."""

_SEEN = 0.2
"""A decoder that finds less than this part of a box denies what it holds."""


@dataclass(frozen=True)
class Answer:
    """What a prompted slice came out as, for one segment.

    Attributes:
        logits: float32 (h, w) on the slice.
        mask: bool (h, w), with what was set held: a positive point's pixel is in it, a negative one's is not, and
            nothing lies outside the box.
        weight: float32 (h, w) in [0, 1], how sure the points alone are.
        sign: float32 (h, w), of what: 1 the segment, -1 not.
        soft_pixels: How far from its outline a mask so far is sure of itself.
        confidence: In [0, 1]; 0 where the decoder does not see what was set, or was not asked.
        supports: That it drew on.
    """

    logits: np.ndarray
    mask: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    soft_pixels: float
    confidence: float
    supports: tuple[Support, ...]


@dataclass(frozen=True)
class Shown:
    """What is known of one segment in one slice, as a window shows it on the s x s cells of the decoder's masks.

    Attributes:
        on_slice: What a person set.
        window: The window.
        said: float32 (s, s), the mask so far as points and box push it (`pushed`).
        clicks: The points.
        box: The box.
    """

    on_slice: OnSlice
    window: Window
    said: np.ndarray
    clicks: Sequence[Click]
    box: Frame | None


class Prompter:
    """Decodes prompted slices as one view shows them.

    Args:
        engine: SAM 2.
        stack: The target's slices.
        shown: Image features of the view.
        memories: Of support slices, ready for those that are asked for.
        pointer_distance: Slices that the object pointer of the first support is said to lie back.
    """

    def __init__(
        self,
        engine: Engine,
        stack: SliceStack,
        shown: ViewContext,
        memories: Memories,
        pointer_distance: int,
    ) -> None:
        self._engine, self._stack, self._shown = engine, stack, shown
        self._memories, self._pointer_distance = memories, pointer_distance

    def answer(self, row: int, index: int, mask: np.ndarray, supports: Sequence[Support], on_slice: OnSlice) -> Answer:
        """One segment in one slice.

        Args:
            row: Of the segment in the run; the view shows it.
            index: Of the slice.
            mask: bool (h, w), the mask so far.
            supports: Slices to attend to; without any the decoder is not asked.
            on_slice: What a person set there.
        """
        window, spacing = self._shown.view.window, self._stack.spacing_mm
        cells = self._engine.mask_size
        image = self._stack.image(index)
        small = window.to_input(torch.from_numpy(image)[None], spacing, cells)[0].numpy()
        seen = window.to_input(torch.from_numpy(mask.astype(np.float32))[None], spacing, cells)[0].numpy() > 0.5
        clicks, box = in_cells(on_slice.widened(mask.shape, spacing), window, cells)
        said = pushed(seen, small, clicks, box)
        shown = Shown(on_slice, window, said, clicks, box)
        decoded = self._decode(row, index, supports, shown) if supports else None
        weight, sign = self._on_slice(np.stack(says(seen, small, clicks)), 0.0)
        # Cells may be finer than pixels, whose edges are then as unsure.
        soft = SOFT * max(1.0, *(s / cells / mm for s, mm in zip(window.side_mm, spacing, strict=True)))
        fine = self._on_slice(said[None], -1.0)[0]
        if box is None:
            # At the slice's own resolution: where no click is near, nothing moves for a change of grids.
            fine = outline(mask, soft) * (1 - weight) + sign * weight
        logits = SAID_WEIGHT * fine
        confidence = 0.0
        if decoded is not None:
            answer = decoded.logits.clamp(-DECODER_LIMIT, DECODER_LIMIT).cpu().numpy()
            found = self._on_slice(answer, -DECODER_LIMIT)[0]
            if agrees(found > 0, on_slice, spacing):
                logits = logits + found
                iou = float(decoded.predicted_iou[0].clamp(0, 1))
                confidence = 2 * iou / (1 + iou)
        logits = logits.astype(np.float32)
        held = self._held(logits > 0, on_slice)
        return Answer(logits, held, weight, sign, soft, confidence, tuple(supports))

    def _decode(self, row: int, index: int, supports: Sequence[Support], shown: Shown) -> Decoded:
        device = self._engine.device
        place = self._shown.view.rows.index(row)
        others = [self._memories.get((s.case, s.slice), device) for s in supports]
        memories = [Memory(m.spatial[place : place + 1], m.pointer[place : place + 1]) for m in others]
        return decode_shown(self._engine, self._shown.features(index), shown, memories, self._pointer_distance)

    def _held(self, mask: np.ndarray, on_slice: OnSlice) -> np.ndarray:
        """A mask that agrees with what was set, whatever anybody else says."""
        held = mask.copy()
        if on_slice.box is not None:
            held &= on_slice.box.inside(mask.shape, self._stack.spacing_mm)
        for point in on_slice.points:
            held[point.pixel] = point.positive
        return held

    def _on_slice(self, values: np.ndarray, outside: float) -> np.ndarray:
        """Values (b, s, s) of the view on the slice, float32 (b, h, w)."""
        shape = self._stack.frame.shape[1:]
        given = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return self._shown.view.window.to_slice(given, shape, self._stack.spacing_mm, outside).numpy()


def in_cells(on_slice: OnSlice, window: Window, cells: int) -> tuple[list[Click], Frame | None]:
    """What a person set, in cells of the decoder's masks as a window shows them."""

    def place(place_mm: tuple[float, float]) -> tuple[float, float]:
        row, column = _relative(place_mm, window)
        return row * cells, column * cells

    clicks = [Click(*place(p.place_mm), p.positive) for p in on_slice.points]
    box = on_slice.box
    return clicks, None if box is None else Frame(*place(box.first_mm), *place(box.last_mm))


def agrees(found: np.ndarray, on_slice: OnSlice, spacing_mm: tuple[float, float]) -> bool:
    """Whether the decoder sees what a person says; where it does not, the person is right and it has no say.

    Args:
        found: bool (h, w), the decoder's own mask on the slice.
        on_slice: What was set there.
        spacing_mm: Of rows and columns.
    """
    if any(found[point.pixel] != point.positive for point in on_slice.points):
        return False
    if on_slice.box is None:
        return True
    height, width = found.shape
    inside = on_slice.box.inside((height, width), spacing_mm)
    return bool((found & inside).sum() >= _SEEN * inside.sum())


def decode_shown(
    engine: Engine, features: ImageFeatures, shown: Shown, supports: Sequence[Memory], distance: int
) -> Decoded:
    """Ask the decoder of prompts, or SAM 2's own, which sees the mask so far as a memory of the slice itself.

    Args:
        engine: SAM 2.
        features: Of the slice through the window.
        shown: What is known of the segment there.
        supports: Of this segment, in the order of their rank; none for a first case.
        distance: Slices that the object pointer of the first memory is said to lie back; one more a rank.
    """
    prompts = sam2_prompts(shown.on_slice, shown.window, engine)
    if engine.prompt_decoder is None:
        logits = (torch.from_numpy(shown.said)[None] * MASK_LOGIT).to(engine.device)
        bank = bank_with_own(engine, features, logits, supports, distance)
    else:
        seen = torch.from_numpy(picture(shown.said > 0, shown.clicks, shown.box))[None].to(engine.device)
        prompts, bank = replace(prompts, picture=seen), _bank(engine, supports, distance)
    return engine.decode(features, engine.attend(features, bank), prompts)


def _bank(engine: Engine, memories: Sequence[Memory], distance: int) -> MemoryBank:
    return MemoryBank(
        [SpatialEntry(m.spatial, 0) for m in memories],
        [PointerEntry(m.pointer, distance + rank) for rank, m in enumerate(memories)],
        engine.max_pointers,
    )


def bank_with_own(
    engine: Engine, features: ImageFeatures, logits: torch.Tensor, supports: Sequence[Memory], distance: int
) -> MemoryBank:
    """Supports, and before them the slices themselves with their masks so far: SAM 2's memory of a frame with prompts.

    Args:
        engine: SAM 2.
        features: Of B slices.
        logits: float (B, s, s), their masks so far as the points and boxes change them.
        supports: In the order of their rank, of B segments each.
        distance: Slices that the object pointer of the first memory is said to lie back; one more a rank.
    """
    masks = engine.at_input_size(logits) > 0
    present = masks.flatten(1).any(dim=1)
    own = Memory(engine.encode_mask(features, logits, present), engine.mask_pointer(features, masks))
    return _bank(engine, [own.rounded(), *supports], distance)


def sam2_prompts(on_slice: OnSlice, window: Window, engine: Engine) -> Prompts:
    """What a person set, in SAM 2's terms: corners before points."""
    clicks, box = in_cells(on_slice, window, engine.image_size)
    corners = [] if box is None else [(box.left, box.top), (box.right, box.bottom)]
    places = [*corners, *((c.column, c.row) for c in clicks)]
    labels = [*([2, 3] if corners else []), *(int(c.positive) for c in clicks)]
    # 0 is the middle of the first pixel there.
    return Prompts(
        (torch.tensor([places], dtype=torch.float32) - 0.5).to(engine.device),
        torch.tensor([labels], dtype=torch.int32, device=engine.device),
    )


def _relative(place_mm: tuple[float, float], window: Window) -> tuple[float, float]:
    row, column = (
        (place - middle) / side + 0.5
        for place, middle, side in zip(place_mm, window.centre_mm, window.side_mm, strict=True)
    )
    return row, column
