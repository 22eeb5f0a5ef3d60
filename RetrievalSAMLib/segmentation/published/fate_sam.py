"""The preset `fate-sam`: FATE-SAM (He et al., arXiv 2501.09138) as its published code behaves.

The supports of a slice are the film's last frames, N, N + 1, ... after the N slices of the target, and are
replaced for every slice. What the other presets do better is kept as it was:

- every slice is scaled to 8 bit on its own and squashed to the square input;
- supports are retrieved by differences of SAM 2's own image features from one pool of all cases' slices;
- on the way forward, supports lie in the future, and SAM 2 looks at object pointers of the past only;
- a segment that the support of rank r does not show keeps the mask and the pointer of the slice that had this
  rank before; only at the start slice do such segments get an empty mask.

Not kept: JPEG compression of the slices, and the filling of small holes, which needs a CUDA extension.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ...errors import InputError
from ...retrieval.index import Support
from ...side_by_side import side_by_side
from ...stages import RESAMPLING, SUPPORT_MEMORIES, timed
from ..engines.interface import ImageFeatures, Memory, MemoryBank, PointerEntry, SpatialEntry
from ..memory.kept_memories import KeptSupports
from ..propagation.segmented_slice import SegmentedSlice
from ..sam2.engine import Sam2Engine

SUPPORTS = 3
"""Support slices of a query slice, unless there are fewer."""

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is. May raise to stop the run."""

_QUERIES_AT_ONCE = 8
_SEGMENTS_AT_ONCE = 8


@dataclass(frozen=True)
class LabelledSlices:
    """A support case, cut along array axis 2 of its file.

    Attributes:
        slices: (n, h, w), any real dtype.
        masks: By segment, (n, h, w) bool. A segment of the run that is not among them is in no slice.
    """

    slices: np.ndarray
    masks: Mapping[int, np.ndarray]


def fate_sam(
    engine: Sam2Engine,
    target: np.ndarray,
    cases: Sequence[Callable[[], LabelledSlices]],
    segments: Sequence[int],
    progress: Progress,
    supports: int = SUPPORTS,
    kept: KeptSupports | None = None,
) -> Generator[tuple[SegmentedSlice, tuple[Support, ...]], None, None]:
    """Segments the slices of a target as the published code does.

    Image features of every slice, of the target and of the cases, are computed once. They are kept in a
    temporary folder, 16 S^2 bytes a slice with SAM 2's 256 channels, which is removed when the iterator ends,
    is closed, or fails.

    Args:
        engine: SAM 2.
        target: (N, h, w), cut along array axis 2 of the file.
        cases: Each loads a case; called once, one case at a time.
        segments: Keys of the masks, in the order in which later ones overwrite earlier ones.
        progress: Told how far the run is.
        supports: k.
        kept: What earlier runs made of the cases' slices.

    Yields:
        Slices in the order of processing: N // 2 and back to 0, then N // 2 + 1 and forward. With each, its
        supports, nearest first; the similarity of a support is minus its distance (`feature_distance`).
        Logits are gated by SAM 2's object score, ``presence`` is its sigmoid; every slice becomes a memory.

    Raises:
        InputError: No case has a slice that shows one of the segments.
    """
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        pool = _SupportPool(Path(folder))
        for number, load in enumerate(cases):
            stage = f"encoding case {number + 1} of {len(cases)}"
            pool.add(engine, number, load(), segments, functools.partial(progress, stage), kept)
        if not pool.place:
            raise InputError(
                "support cases",
                "none of their slices shows a segment that is looked for",
                "Add an annotated case that does.",
            )
        film = _SliceStore(Path(folder), "target")
        encoded = side_by_side(functools.partial(_encode, engine), target, engine.device.type)
        for index, features in enumerate(encoded):
            film.put(index, features)
            progress("encoding slices", index + 1, len(target))
        nearest = _nearest(film, len(target), pool, supports, progress)
        run = _Run(engine, film, len(target), pool, len(segments))
        for done, (index, towards) in enumerate(run.order):
            found = run.segment(index, towards, [entry for entry, _ in nearest[index]])
            yield found, tuple(Support(*pool.place[entry], -away) for entry, away in nearest[index])
            progress("segmenting", done + 1, len(target))


def masks_of(logits: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Masks bool (B, h, w) of logits (B, S / 4, S / 4), on the slice of ``shape`` that was squashed."""
    return F.interpolate(logits[:, None], size=shape, mode="bilinear", align_corners=False)[:, 0] > 0


def merged(masks: torch.Tensor) -> torch.Tensor:
    """One label map int64 (h, w) of masks (B, h, w): b + 1 where segment b is, the last one that is."""
    number = torch.arange(1, len(masks) + 1, device=masks.device)[:, None, None]
    return (masks * number).amax(dim=0)


@timed(RESAMPLING)
def square_input(pixels: np.ndarray, size: int) -> torch.Tensor:
    """A slice (h, w) as the model sees it, float (S, S) in [0, 1]: 8 bit by its own range, squashed.

    The resampling is that of `sam2.utils.misc.load_video_frames`: Pillow's bicubic one on 8 bit.
    """
    values = np.asarray(pixels, dtype=np.float64)
    lowest, highest = values.min(), values.max()
    if highest > lowest:
        eight_bit = ((values - lowest) / (highest - lowest) * 255).astype(np.uint8)
    else:
        eight_bit = np.zeros(values.shape, dtype=np.uint8)
    squashed = Image.fromarray(eight_bit).resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(squashed, dtype=np.float32) / 255)


@timed(RESAMPLING)
def square_masks(masks: np.ndarray, size: int) -> torch.Tensor:
    """Masks (B, h, w) as the model sees them, bool (B, S, S) (`SAM2VideoPredictor.add_new_mask`)."""
    full = torch.from_numpy(np.ascontiguousarray(masks, dtype=np.float32))[:, None]
    soft = F.interpolate(full, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    return soft[:, 0] >= 0.5


def feature_distance(queries: ImageFeatures, support: ImageFeatures) -> torch.Tensor:
    """How different slices look to SAM 2.

    The absolute difference is summed over the channels and averaged over the pixels of each level. The plain
    mean over the three levels is the distance, so that levels with many channels weigh more.

    Args:
        queries: Of b slices.
        support: Of one slice.

    Returns:
        float (b,).
    """
    levels = [
        (query - other).abs().sum(dim=1).mean(dim=(1, 2))
        for query, other in (
            (queries.fine, support.fine),
            (queries.middle, support.middle),
            (queries.embedding, support.embedding),
        )
    ]
    return torch.stack(levels).mean(dim=0)


@torch.inference_mode()
def _encode(engine: Sam2Engine, pixels: np.ndarray) -> ImageFeatures:
    return engine.encode_images(square_input(pixels, engine.image_size)[None].to(engine.device))


class _SliceStore:
    """Image features of slices, a file each."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self._position = torch.empty(0)

    def put(self, index: int, features: ImageFeatures) -> None:
        """Keep those of one slice."""
        # Where in the slice a feature lies is the same for all slices.
        self._position = features.position
        torch.save([level.cpu() for level in (features.fine, features.middle, features.embedding)], self._path(index))

    def get(self, index: int) -> ImageFeatures:
        """Those of one slice, on the device on which they were computed."""
        device = self._position.device
        fine, middle, embedding = torch.load(self._path(index), map_location=device, weights_only=True)
        return ImageFeatures(fine, middle, embedding, self._position)

    def _path(self, index: int) -> Path:
        return self.folder / f"{self.kind}-{index}.pt"


class _SupportPool:
    """All slices of all cases that show one of the segments, in one row.

    Attributes:
        features: By entry.
        place: (case, slice) of every entry.
        shown: By entry, bool (B,): the segments that the slice shows on its own grid.
    """

    def __init__(self, folder: Path) -> None:
        self.features = _SliceStore(folder, "support")
        self.folder = folder
        self.place: list[tuple[int, int]] = []
        self.shown: list[torch.Tensor] = []

    def add(
        self,
        engine: Sam2Engine,
        number: int,
        case: LabelledSlices,
        segments: Sequence[int],
        progress: Callable[[int, int], None],
        kept: KeptSupports | None,
    ) -> None:
        """Encode the slices of a case."""
        drawn = [s for s in segments if s in case.masks]
        labelled = [i for i in range(len(case.slices)) if any(case.masks[s][i].any() for s in drawn)]
        empty = np.zeros(case.slices.shape[1:], dtype=bool)

        def features_of(index: int) -> tuple[ImageFeatures, bool]:
            """Image features, and whether an earlier run made them."""
            known = kept.features(number, index) if kept else None
            return (_encode(engine, case.slices[index]), False) if known is None else (known, True)

        found = side_by_side(features_of, labelled, engine.device.type)
        for done, (index, (features, is_known)) in enumerate(zip(labelled, found, strict=True)):
            masks = np.stack([case.masks[s][index] if s in case.masks else empty for s in segments])
            entry = len(self.place)
            if kept and not is_known:
                kept.put_features(number, index, features)
            self.features.put(entry, features)
            torch.save(square_masks(masks, engine.image_size), self._mask_path(entry))
            self.place.append((number, index))
            self.shown.append(torch.from_numpy(masks.any(axis=(1, 2))))
            progress(done + 1, len(labelled))

    def masks(self, entry: int, device: torch.device) -> torch.Tensor:
        """Masks of an entry as the model sees them, bool (B, S, S)."""
        masks: torch.Tensor = torch.load(self._mask_path(entry), map_location=device, weights_only=True)
        return masks

    def _mask_path(self, entry: int) -> Path:
        return self.folder / f"masks-{entry}.pt"


@torch.inference_mode()
def _nearest(
    film: _SliceStore, slices: int, pool: _SupportPool, supports: int, progress: Progress
) -> list[list[tuple[int, float]]]:
    """By slice of the target its nearest entries of the pool and their distances, nearest first."""
    found: list[list[tuple[int, float]]] = []
    for first in range(0, slices, _QUERIES_AT_ONCE):
        parts = [film.get(i) for i in range(first, min(first + _QUERIES_AT_ONCE, slices))]
        queries = ImageFeatures(
            torch.cat([p.fine for p in parts]),
            torch.cat([p.middle for p in parts]),
            torch.cat([p.embedding for p in parts]),
            parts[0].position,
        )
        columns = [feature_distance(queries, pool.features.get(entry)) for entry in range(len(pool.place))]
        for row in torch.stack(columns, dim=1).cpu():
            # Stable: equally near ones in the order of the pool.
            order = row.argsort(stable=True)[:supports].tolist()
            found.append([(entry, float(row[entry])) for entry in order])
        progress("comparing slices", len(found), slices)
    return found


@dataclass(frozen=True)
class _Entered:
    """The support of one rank as it stands in the film.

    Attributes:
        logits: float (B, S / 4, S / 4), of the masks that came in here last, by segment.
        present: bool (B,), whether these masks hold a pixel.
        memory: Of all these masks, on the image that is here now.
    """

    logits: torch.Tensor
    present: torch.Tensor
    memory: Memory


class _Track:
    """Some segments on their way through the film.

    Args:
        engine: SAM 2.
        slices: N.
        rows: Which of the run's segments these are.
    """

    def __init__(self, engine: Sam2Engine, slices: int, rows: slice) -> None:
        self.engine = engine
        self.slices = slices
        self.rows = rows
        self.supports: list[_Entered] = []
        self.past: dict[int, Memory] = {}
        self._tokens = engine.token_reduction(1.0)

    @timed(SUPPORT_MEMORIES)
    def enter(
        self, features: Sequence[ImageFeatures], masks: Sequence[torch.Tensor], shown: Sequence[torch.Tensor]
    ) -> None:
        """Put the supports of a slice in the place of the ones before; arguments by rank."""
        engine, entered = self.engine, []
        for rank, seen in enumerate(features):
            own = masks[rank][self.rows].float()
            seen = seen.expand(len(own))
            logits, present = engine.mask_logits(own), own.flatten(1).any(dim=1)
            pointer = engine.mask_pointer(seen, own)
            if self.supports:
                # A segment that this slice does not show stays as it was. At the start it came in empty.
                before, new = self.supports[rank], shown[rank][self.rows].to(own.device)
                logits = torch.where(new[:, None, None], logits, before.logits)
                present = torch.where(new, present, before.present)
                pointer = torch.where(new[:, None], pointer, before.memory.pointer)
            # The published predictor cuts masks that a person drew before they become memories.
            spatial = engine.encode_mask(seen, logits, present, hard=True)
            entered.append(_Entered(logits, present, Memory(spatial, pointer).rounded()))
        self.supports = entered

    def segment(self, features: ImageFeatures, index: int, towards: int) -> SegmentedSlice:
        """Segment a slice and remember it."""
        engine = self.engine
        seen = features.expand(len(self.supports[0].present))
        decoded = engine.decode(seen, engine.attend(seen, self._bank(index, towards)))
        logits, present = decoded.gated_logits(), decoded.object_score > 0
        self.past[index] = engine.encode_prediction(seen, logits, present, decoded.pointer).rounded()
        return SegmentedSlice(
            index,
            logits,
            decoded.object_score.sigmoid().cpu(),
            present.cpu(),
            decoded.predicted_iou.cpu(),
            torch.ones(len(logits), dtype=torch.bool),
        )

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Drop the memories of all other slices."""
        self.past = {index: memory for index, memory in self.past.items() if wanted(index)}

    def _bank(self, index: int, towards: int) -> MemoryBank:
        engine, model = self.engine, self.engine.model
        span = min(self.slices + len(self.supports), engine.max_pointers)
        back = {towards * (index - i): memory for i, memory in self.past.items()}
        spatial = [SpatialEntry(support.memory.spatial, 0) for support in self.supports]
        # SAM 2 concatenates masks oldest first and pointers newest first.
        behind = reversed(range(1, engine.num_maskmem))
        spatial += [SpatialEntry(back[d].spatial, d) for d in behind if d in back]
        pointers = []
        for rank, support in enumerate(self.supports):
            distance = towards * (index - (self.slices + rank))
            if distance >= 0 or not model.only_obj_ptrs_in_the_past_for_eval:
                signed = distance if model.use_signed_tpos_enc_to_obj_ptrs else abs(distance)
                pointers.append(PointerEntry(support.memory.pointer, signed))
        pointers += [PointerEntry(back[d].pointer, d) for d in range(1, span) if d in back]
        return MemoryBank(spatial, pointers, span, self._tokens)


def _joined(parts: Sequence[SegmentedSlice]) -> SegmentedSlice:
    """One slice of the segments of several tracks."""
    return SegmentedSlice(
        parts[0].index,
        torch.cat([p.logits for p in parts]),
        torch.cat([p.presence for p in parts]),
        torch.cat([p.present for p in parts]),
        torch.cat([p.predicted_iou for p in parts]),
        torch.cat([p.memorised for p in parts]),
    )


class _Run:
    """Slices in their order, all segments in tracks of a few, so that memory does not grow with their number.

    Attributes:
        order: (slice, direction): from the middle back to the first slice, then forward to the last.
    """

    def __init__(self, engine: Sam2Engine, film: _SliceStore, slices: int, pool: _SupportPool, segments: int) -> None:
        self.film = film
        self.pool = pool
        self.engine = engine
        self.start = slices // 2
        back, forward = range(self.start, -1, -1), range(self.start + 1, slices)
        self.order = [(i, -1) for i in back] + [(i, +1) for i in forward]
        self.tracks = [
            _Track(engine, slices, slice(first, first + _SEGMENTS_AT_ONCE))
            for first in range(0, segments, _SEGMENTS_AT_ONCE)
        ]
        self._reach = max(engine.max_pointers, engine.num_maskmem) - 1

    @torch.inference_mode()
    def segment(self, index: int, towards: int, entries: Sequence[int]) -> SegmentedSlice:
        """One slice, on supports of its own."""
        supports = [self.pool.features.get(entry) for entry in entries]
        masks = [self.pool.masks(entry, self.engine.device) for entry in entries]
        shown = [self.pool.shown[entry] for entry in entries]
        features = self.film.get(index)
        parts = []
        for track in self.tracks:
            track.enter(supports, masks, shown)
            parts.append(track.segment(features, index, towards))
            track.keep(lambda past: self._is_wanted(past, index, towards))
        return _joined(parts)

    def _is_wanted(self, past: int, index: int, towards: int) -> bool:
        """Whether a later slice than ``index`` can reach the memory of slice ``past``."""
        if towards * (index - past) < self._reach:
            return True
        # The way forward starts on memories of the way back.
        return towards < 0 and past > self.start - self._reach
