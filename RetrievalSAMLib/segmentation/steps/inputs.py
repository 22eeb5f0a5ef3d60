"""What a run is given, put in order before its first step."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ...errors import InputError
from ...library.segments import merge_segments
from ...retrieval.embedding import SliceEmbedder
from ...retrieval.evidence import CaseSlices, SupportCase, content_key
from ...volumes import Plane, Segment, SliceFrame, SliceStack, Volume
from ..engines.interface import Engine
from ..memory.engine_of import engine_of
from ..run_state.state_file import Fingerprint
from ..settings.options import Models, RunOptions
from ..settings.presets import Settings
from ..settings.region import Region
from ..supports.stack_order import StackOrder


@dataclass
class StageClock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done inside counts for this stage, also where it is entered more than once."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@dataclass(frozen=True, eq=False)
class Target:
    """The volume that is segmented.

    Attributes:
        volume: All of it, also where only a part is searched: what a slice shows and where it lies decide which
            supports it gets.
        chosen_plane: To slice along; None for the one that it was most likely acquired in.
        region: The part that is searched.
    """

    volume: Volume
    chosen_plane: Plane | None
    region: Region

    @functools.cached_property
    def stack(self) -> SliceStack:
        """Its slices."""
        return SliceStack.of(self.volume, self.chosen_plane)

    @property
    def frame(self) -> SliceFrame:
        """Where its slices lie."""
        return self.stack.frame

    @property
    def searched(self) -> range:
        """The slices that reach into the region."""
        return self.region.slices_of(self.frame)

    @functools.cached_property
    def image_hash(self) -> str:
        """SHA-256 over pixels and grid."""
        return self.volume.content_hash()


@dataclass(frozen=True, eq=False)
class RunInputs:
    """What all steps of a run are given.

    Attributes:
        target: What is segmented.
        cases: The annotated cases, ordered by what is in them; steps go by their numbers.
        models: The networks.
        settings: A preset, perhaps with changes.
        options: Everything else that the caller chose.
        segments: What is looked for; steps go by their places here, their rows.
        engine: SAM 2.
        clock: Of the run.
        order: Which cases' slices are taken in the reverse order; known once target and cases are compared.
    """

    target: Target
    cases: tuple[SupportCase, ...]
    models: Models
    settings: Settings
    options: RunOptions
    segments: tuple[Segment, ...]
    engine: Engine
    clock: StageClock
    order: StackOrder = StackOrder()

    @classmethod
    def of(
        cls, target: Volume, cases: Sequence[SupportCase], models: Models, settings: Settings, options: RunOptions
    ) -> RunInputs:
        """Put in order what a caller gives.

        Raises:
            InputError: There is no case, no such segment, or the region lies outside the volume.
        """
        # Equal contents may be annotated in other slices; where they are not, only the name in the report tells them.
        ordered = sorted(cases, key=lambda case: (case.content_hash, content_key(case, Plane.AXIAL), case.name))
        return cls(
            Target(target, options.plane, Region.of(target.geometry, options.roi)),
            tuple(ordered),
            models,
            settings,
            options,
            wanted_segments(ordered, options.segments),
            engine_of(models.segmenter),
            StageClock(),
        )

    @property
    def values(self) -> tuple[int, ...]:
        """Of the segments."""
        return tuple(s.value for s in self.segments)

    @property
    def plane(self) -> Plane:
        """That target and cases are sliced along."""
        return self.target.frame.plane

    @property
    def embedder(self) -> SliceEmbedder:
        """Of slices, for retrieval."""
        return SliceEmbedder(self.models.encoder)

    def load(self, number: int) -> CaseSlices:
        """Load a case."""
        slices = CaseSlices.load(self.cases[number], self.plane)
        return slices.backwards() if number in self.order.backwards else slices

    def content_keys(self) -> tuple[str, ...]:
        """By case, what its slices are made of, and in which order they are taken."""
        return tuple(
            f"{key}-backwards" if number in self.order.backwards else key
            for number, key in enumerate(content_key(case, self.plane) for case in self.cases)
        )

    def fingerprint(self) -> Fingerprint:
        """What the result depends on."""
        segmenter, encoder = self.models.segmenter, self.models.encoder
        more: dict[str, object] = {"trust_header": True} if self.options.trust_header else {}
        if self.options.tuning:
            more |= {"tuning": self.options.tuning.sha256}
        return Fingerprint(
            image=self.target.image_hash,
            # The order follows from all that is named here.
            cases=replace(self, order=StackOrder()).content_keys(),
            model=segmenter.sha256,
            image_size=segmenter.image_size,
            precision=str(segmenter.precision),
            encoder=encoder.sha256,
            encoder_size=encoder.image_size,
            settings=self.settings.as_report() | more,
            plane=str(self.plane),
            segments=tuple((s.name, s.value) for s in self.segments),
            roi=self.options.roi,
        )


def wanted_segments(cases: Sequence[SupportCase], names: tuple[str, ...] | None) -> tuple[Segment, ...]:
    """The segments that cases have between them, or those of these names.

    Raises:
        InputError: There is no case, or no such segment.
    """
    if not cases:
        raise InputError("library", "it has no case", "Add an annotated volume first.")
    segments = merge_segments((case.name, case.segments) for case in cases)
    if names is None:
        return segments
    known = {s.name.casefold(): s for s in segments}
    missing = [name for name in names if name.casefold() not in known]
    if missing:
        raise InputError(
            "--segments",
            f"the library has no segment {', '.join(repr(m) for m in missing)}",
            f"Choose among {', '.join(s.name for s in segments)}.",
        )
    wanted = {known[name.casefold()].value for name in names}
    return tuple(s for s in segments if s.value in wanted)
