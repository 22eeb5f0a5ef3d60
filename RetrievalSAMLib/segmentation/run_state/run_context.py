"""The context in which slices are segmented: which cases are like the target, and where to look. It can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch

from ... import __version__
from ...alignment import Alignment
from ...models.window import Window
from ...retrieval.evidence import CaseSlices
from ...retrieval.index import SliceRetrieval, Support
from ...stages import PLACE, timed
from ...volumes import SliceStack
from ..engines.interface import Engine, ImageFeatures, Memory
from ..memory.kept_memories import KeptSupports
from ..memory.support_memories import MemoryStore, SupportKey, encode_slice, encode_supports
from ..spatial_prior.crops import View, seen_in_case
from ..spatial_prior.prior_maps import PlaceMaps
from ..supports.stack_order import StackOrder
from ..supports.verdict import Verdict
from .state_file import (
    FORMAT_VERSION,
    About,
    AlignmentState,
    CaseState,
    Fingerprint,
    RetrievalState,
    StoredState,
    SupportState,
    ViewState,
)


@dataclass(frozen=True)
class CaseContext:
    """A case that is drawn on: its alignment in every view, and its slices' depths in mm and indices in its file."""

    alignments: Sequence[Alignment]
    depths_mm: np.ndarray
    file_index: np.ndarray


@dataclass(frozen=True)
class RunContext:
    """What a run found out before it segmented.

    Attributes:
        searched: The target's slices that are segmented.
        retrieval: By searched slice, by segment of the run.
        views: What is looked for where.
        cases: By number, those that retrieval names.
        overlapping: Values of segments that may share voxels.
        verdict: On the volume.
        order: In which slices of the cases were taken.
        turned_degrees: See `AlignedCases.turned_degrees`.
    """

    searched: range
    retrieval: Sequence[Sequence[SliceRetrieval]]
    views: Sequence[View]
    cases: Mapping[int, CaseContext]
    overlapping: frozenset[int]
    verdict: Verdict
    order: StackOrder = StackOrder()
    turned_degrees: float | None = None

    @classmethod
    def stored(cls, about: About) -> RunContext:
        """From what was kept."""
        return cls(
            range(*about.searched),
            [
                [
                    SliceRetrieval(
                        tuple(Support(s.case, s.slice, s.similarity) for s in one.supports), one.presence, one.area_mm2
                    )
                    for one in row
                ]
                for row in about.retrieval
            ],
            [View(Window(v.centre_mm, v.side_mm), v.rows) for v in about.views],
            {
                c.number: CaseContext(
                    [Alignment(np.array(a.matrix), np.array(a.offset_mm), float("nan")) for a in c.alignments],
                    np.array(c.depths_mm),
                    np.array(c.file_index),
                )
                for c in about.cases
            },
            frozenset(about.overlapping),
            Verdict(about.verdict, about.because),
            StackOrder(frozenset(about.backwards), about.is_backwards),
            about.turned_degrees,
        )

    def about(self, run: Fingerprint) -> About:
        """To be kept."""
        return About(
            format_version=FORMAT_VERSION,
            program=__version__,
            run=run,
            searched=(self.searched.start, self.searched.stop),
            overlapping=tuple(sorted(self.overlapping)),
            verdict=self.verdict.name,
            because=self.verdict.because,
            views=tuple(ViewState(v.window.centre_mm, v.window.side_mm, v.rows) for v in self.views),
            retrieval=tuple(
                tuple(
                    RetrievalState(
                        tuple(SupportState(s.case, s.slice, s.similarity) for s in one.supports),
                        one.presence,
                        one.area_mm2,
                    )
                    for one in row
                )
                for row in self.retrieval
            ),
            cases=tuple(_case_state(number, case) for number, case in sorted(self.cases.items())),
            arrays={},
            backwards=tuple(sorted(self.order.backwards)),
            is_backwards=self.order.of_target,
            turned_degrees=self.turned_degrees,
        )


def _case_state(number: int, case: CaseContext) -> CaseState:
    return CaseState(
        number,
        tuple(
            AlignmentState(tuple(tuple(row) for row in one.matrix.tolist()), tuple(one.offset_mm.tolist()))
            for one in case.alignments
        ),
        tuple(case.depths_mm.tolist()),
        tuple(case.file_index.tolist()),
    )


class ViewContext:
    """Features, memories and place of one view: those that were kept, else computed.

    Args:
        context: Of the run.
        view: The view.
        number: Of the view in what was kept; None where it is a new one.
        engine: SAM 2.
        stack: The target's slices.
        values: Of all segments of the run.
        load: Loads a case.
        stored: What was kept, or None.
        maps: Mean masks of the aligned cases, where they are at hand.
        limit_bytes: What memories may hold of main memory.
        progress: Told how many of how many supports are encoded.
        kept: What earlier runs made of the cases' slices.
    """

    def __init__(
        self,
        context: RunContext,
        view: View,
        number: int | None,
        engine: Engine,
        stack: SliceStack,
        values: Sequence[int],
        load: Callable[[int], CaseSlices],
        stored: StoredState | None,
        maps: PlaceMaps | None,
        limit_bytes: int,
        progress: Callable[[int, int], None],
        kept: KeptSupports | None = None,
    ) -> None:
        self.view = view
        self._context, self._engine, self._stack = context, engine, stack
        self._values = tuple(values[row] for row in self.view.rows)
        self._load, self._maps, self._progress = load, maps, progress
        # A new view has nothing of what was kept, and no places to go by.
        self._is_new, self._number = number is None, number or 0
        self._stored = None if number is None else stored
        self._features: dict[int, ImageFeatures] = {}
        self._store = MemoryStore(limit_bytes)
        self._kept = kept

    def __enter__(self) -> ViewContext:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._features.clear()
        self._store.close()

    def features(self, index: int) -> ImageFeatures:
        """Image features of a slice of the target."""
        if index not in self._features:
            kept = self._stored.features(self._number, index) if self._stored else None
            if kept is None:
                kept = encode_slice(self._engine, self._stack, index, self.view.window)
            device = self._engine.device
            self._features[index] = ImageFeatures(
                *(t.to(device) for t in (kept.fine, kept.middle, kept.embedding, kept.position))
            )
        return self._features[index]

    def prepare(self, keys: set[SupportKey]) -> None:
        """Have the memories of these support slices ready; a case that has to be read is read once."""
        missing: dict[int, set[int]] = {}
        for case, number in sorted(keys):
            if (case, number) in self._store:
                continue
            kept = self._stored.memory(self._number, case, number) if self._stored else None
            if kept is None:
                missing.setdefault(case, set()).add(number)
            else:
                device = self._engine.device
                self._store.put((case, number), Memory(kept.spatial.to(device), kept.pointer.to(device)))
        if not missing:
            return
        cases = self._context.cases
        encode_supports(
            self._engine,
            self._store,
            missing,
            self._load,
            lambda case, n: seen_in_case(
                self.view.window, cases[case].alignments[self._number], float(cases[case].depths_mm[n])
            ),
            self._values,
            self._progress,
            self._kept,
        )

    def get(self, key: SupportKey, device: torch.device) -> Memory:
        """Memories of a support slice that is ready."""
        return self._store.get(key, device)

    def place(self, index: int, row: int) -> torch.Tensor | None:
        """Mean mask of a segment of the run, (s, s), None where nothing is known."""
        if self._is_new:
            return None
        if self._stored is not None:
            size = self._engine.mask_size
            known = self._stored.place(self._number, index, row)
            return None if known is None else known.expand(size, size)
        if self._maps is None:
            return None
        return shown_place(self._maps, self._values[self.view.rows.index(row)], index, self.view, self._engine)


@timed(PLACE)
def shown_place(maps: PlaceMaps, value: int, index: int, view: View, engine: Engine) -> torch.Tensor | None:
    """A segment's mean mask in one slice as a view shows it, float (s, s)."""
    mean = maps.mean(value, index)
    if mean is None:
        return None
    size = engine.mask_size
    if not mean.any():
        return torch.zeros(1, 1).expand(size, size)
    spacing = (float(maps.spacing_mm[1]), float(maps.spacing_mm[2]))
    return view.window.to_input(torch.from_numpy(mean)[None], spacing, size)[0]
