"""The report of a run: what was found, how sure, from which supports, with which settings. Stable and documented.

It identifies the target by hashes and grid alone: no path, no name of a file, no user.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ... import NOTICE, __version__
from ...errors import InputError
from ...json_files import JsonError, read_json
from ...volumes import Geometry, write_staged
from ..settings.tuning import TunedSetting, Tuning

if TYPE_CHECKING:
    from ...models.build import LoadedEncoder, LoadedSegmenter


class TargetReport(msgspec.Struct, frozen=True):
    """The volume that was segmented: its grid and a SHA-256 over pixels and grid."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, float, float, float, float, float, float, float, float]
    sha256: str

    @property
    def geometry(self) -> Geometry:
        """The grid."""
        return Geometry(self.size, self.spacing_mm, self.origin_mm, self.direction)


class LibraryReport(msgspec.Struct, frozen=True):
    """The support library as the run saw it."""

    name: str
    cases: int


class ModelReport(msgspec.Struct, frozen=True):
    """A model by name, its weights by hash, and the precision in which it multiplied.

    Attributes:
        prompt_decoder: SHA-256 of the decoder of prompted slices; None where the model's own decodes them.
        software: Of SAM 3 the version of transformers, and the first digits of the SHA-256 of its `config.json`; empty
            for other models, which `computing` tells enough of.
    """

    name: str
    sha256: str
    image_size: int
    origin: str
    precision: str = "float32"
    prompt_decoder: str | None = None
    software: str = ""

    @classmethod
    def of(cls, model: LoadedSegmenter | LoadedEncoder) -> ModelReport:
        """Of a model that is loaded."""
        precision = str(model.precision).removeprefix("torch.")
        prompts = getattr(model, "prompt_decoder", None)
        prompts_sha256 = None if prompts is None else prompts.sha256
        software = getattr(model, "software", "")
        return cls(model.name, model.sha256, model.image_size, model.origin, precision, prompts_sha256, software)


class ComputingReport(msgspec.Struct, frozen=True):
    """What computed: two computers that differ in nothing of this, given the same, give the same voxels.

    Attributes:
        device: As PyTorch names it.
        processor: Of what kind it is: the name of the graphics card, or the machine's type.
        threads: Within one operation.
        side_by_side: Slices and cases that are worked on at a time.
        packages: Versions, of Python and of those whose arithmetic is in the result.
    """

    device: str
    processor: str
    threads: int
    side_by_side: int
    packages: dict[str, str]


class SupportReport(msgspec.Struct, frozen=True):
    """A support slice that was drawn on: case name, index along that case's sliced axis, similarity (at most 1).

    A corrected slice of the volume itself has an empty case name; its similarity says how much it was trusted.
    ``attention``: the share of attention it got from the segment's place, in [0, 1]; what is missing to 1 went to
    slices of the volume itself that were segmented before. None where SAM 2 was not asked, or the method does not tell.
    """

    case: str
    slice: int
    similarity: float
    attention: float | None = None


class SegmentOnSlice(msgspec.Struct, frozen=True):
    """One segment on one slice.

    Attributes:
        confidence: Expected Dice, in [0, 1]; where the segment was not found, the probability that it is not there. 1
            where a person drew it.
        area_mm2: Found.
        supports: That it drew on.
        expected_mm2: Area in slices like this one of the library.
    """

    confidence: float
    area_mm2: float
    supports: tuple[SupportReport, ...]
    expected_mm2: float = 0.0


class SliceReport(msgspec.Struct, frozen=True):
    """One slice: index along ``plane_axis`` of the input file, and its segments by name."""

    index: int
    segments: dict[str, SegmentOnSlice]


class SegmentReport(msgspec.Struct, frozen=True):
    """One segment over the whole volume; ``confidence`` is the Dice that its slices let expect."""

    name: str
    value: int
    volume_mm3: float
    confidence: float


class TaughtReport(msgspec.Struct, frozen=True):
    """What a copy of the library's expert has learned from the corrected slices of this volume, and what came of it.

    Attributes:
        sha256: Of the weights of the expert, which stays as it is.
        left_out: Why nothing was learned, as a clause; empty where something was.
        segments: By segment, part of the copy's probability in the result, in [0, 1].
        steps: Of its networks, all together.
        seconds: That they took.
        loss_before: Of the networks on corrected slices (cross-entropy and 1 - Dice); None where nothing was learned.
        loss_after: The same after the last step.
        changed: By segment, slices that it changed, before masks were cleaned.
    """

    sha256: str
    left_out: str
    segments: dict[str, float] = {}
    steps: int = 0
    seconds: float = 0.0
    loss_before: float | None = None
    loss_after: float | None = None
    changed: dict[str, tuple[int, ...]] = {}


class RefinementReport(msgspec.Struct, frozen=True):
    """What a refinement did. Slices by their index along ``plane_axis`` of the input file.

    Attributes:
        corrected: Slices that a person corrected.
        recomputed: By segment, slices that were looked at again.
        changed: By segment, slices that are not as they were before.
        reused: Whether the state of the run before it was at hand.
        prompted: By segment, slices that had points or boxes.
        taught: What a copy of the library's expert learned from the corrected slices; None where none was asked.
    """

    corrected: tuple[int, ...]
    recomputed: dict[str, tuple[int, ...]]
    changed: dict[str, tuple[int, ...]]
    reused: bool
    prompted: dict[str, tuple[int, ...]] = {}
    taught: TaughtReport | None = None


class LearnedSegment(msgspec.Struct, frozen=True):
    """How far the library's expert is believed in one segment, and what cross-validation says of it.

    Attributes:
        weight: Part of the expert's probability in the result, in [0, 1]; the rest is the run's.
        hinted_weight: Of this, the part of networks that see what cases and run say too, not the image alone.
        cases: Unseen cases on which it was tried; 0 where there were too few for a proof.
        run: Mean Dice there of the run alone, None without a proof.
        expert: Of the expert alone.
        fused: Of both together.
    """

    weight: float
    hinted_weight: float
    cases: int
    run: float | None = None
    expert: float | None = None
    fused: float | None = None


class LearnedReport(msgspec.Struct, frozen=True):
    """The expert that the library has trained on its cases.

    Attributes:
        sha256: Of its weights.
        cases: Cases that it has learned from.
        left_out: Why it had no part in this result, as a clause; empty where it had.
        segments: By name.
    """

    sha256: str
    cases: int
    left_out: str
    segments: dict[str, LearnedSegment]


class OrientationReport(msgspec.Struct, frozen=True):
    """Where headers and images disagree about how volumes lie, and the result was made as the images have it.

    Attributes:
        backwards: Whether the volume's slices seem to run the other way than its header tells.
        backwards_cases: Names of cases of which the same is true.
        turned_degrees: How far the images show the volume to be turned within its slices, against the cases, beyond
            what the headers tell; None where these agree about that.
    """

    backwards: bool = False
    backwards_cases: tuple[str, ...] = ()
    turned_degrees: float | None = None

    def sentences(self, name_cases: bool = True) -> list[str]:
        """The same for a person.

        Args:
            name_cases: Whether cases are called by their names; else they are counted.
        """
        told = []
        if self.backwards:
            told.append("the slices of this volume seem to run the other way: its header may be wrong")
        if self.backwards_cases:
            count = len(self.backwards_cases)
            several = count > 1
            which = f"{'cases' if several else 'case'} {', '.join(self.backwards_cases)}"
            if not name_cases:
                which = f"{count} {'cases' if several else 'case'} of the library"
            whose = f"{which} seem to run the other way"
            told.append(f"the slices of {whose}: {'their headers' if several else 'its header'} may be wrong")
        if self.turned_degrees is not None:
            told.append(
                f"the images show this volume turned by about {abs(self.turned_degrees):.0f} degrees within its "
                "slices, which headers do not tell: the images were followed"
            )
        return told


class CleanedSegment(msgspec.Struct, frozen=True):
    """What cleaning did to a segment, because no case has the like.

    Attributes:
        islands: Loose pieces that were taken away.
        island_voxels: Their voxels.
        holes: Holes in slices that were filled.
        hole_voxels: Their voxels.
        smoothed_voxels: Won and lost where outlines were smoothed.
    """

    islands: int = 0
    island_voxels: int = 0
    holes: int = 0
    hole_voxels: int = 0
    smoothed_voxels: int = 0


TO_BUNDLED, TO_LIBRARY, OF_PAPER, TO_NOTHING = "bundled", "library", "published", "nothing"
"""What the settings of a run were fitted to: masks of the bundled model, which it was; by `library tune`, masks of this
model; nothing, as they are a paper's; nothing, as another model was used."""


class TuningReport(msgspec.Struct, frozen=True):
    """What in the run's settings came from `library tune`.

    Attributes:
        sha256: Of the library's file that it stands in.
        cases: On which it was tuned.
        patients: Whose these are.
        settings: By name of a setting; those that are left out are the preset's.
        confidence: Whether confidence was fitted too.
    """

    sha256: str
    cases: int
    patients: int
    settings: dict[str, TunedSetting]
    confidence: bool

    @classmethod
    def of(cls, tuning: Tuning) -> TuningReport:
        """Of what a run was given."""
        fitted = tuning.calibration is not None
        return cls(tuning.sha256, tuning.cases, tuning.patients, dict(tuning.settings), fitted)


class SegmentationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run.

    Attributes:
        plane_axis: Array axis of the input file (0, 1, 2 as SimpleITK's x, y, z) that was sliced.
        settings: All effective settings of the preset and the command line.
        calibrated: Whether confidence was fitted to masks of these weights, and the volume is not unlike the library;
            else it only ranks.
        look_first: Slices (as ``slices``' index) by falling worth of a look: where most is expected to be wrong.
        look_first_gains: By slice of ``look_first``, Dice that the whole result is expected to gain by its correction,
            as a mean over the segments; those before it are taken as corrected.
        verdict: ``in-library``, ``uncertain`` or ``unlike-library``.
        verdict_because: What speaks against the volume: ``appearance``, ``extent``, ``alignment``, several or none.
        seconds: By stage.
        refinement: Of a run that carried corrections on, else None.
        computing: What computed, None where the report was not made by a run.
        less_memory: What the run did to need less memory, because it ran out before.
        learned: The library's expert, None where there is none or it was not asked for.
        orientation: Where headers and images disagree about how volumes lie; None where they do not.
        cleaned: By name of the segment, what cleaning did; segments to which it did nothing are left out.
        fitted_to: What the settings (weights of place, gate) were fitted to: ``bundled``, ``library``, ``published`` or
            ``nothing``.
        tuning: What of them came from the library's tuning, None where nothing did.
    """

    notice: str = NOTICE
    version: str = __version__
    target: TargetReport
    library: LibraryReport
    model: ModelReport
    encoder: ModelReport | None
    preset: str
    settings: dict[str, object]
    plane: str
    plane_axis: int
    segments: tuple[SegmentReport, ...]
    slices: tuple[SliceReport, ...]
    calibrated: bool = False
    look_first: tuple[int, ...] = ()
    look_first_gains: tuple[float, ...] = ()
    verdict: str
    verdict_because: tuple[str, ...] = ()
    seconds: dict[str, float]
    peak_memory_bytes: int
    refinement: RefinementReport | None = None
    computing: ComputingReport | None = None
    less_memory: tuple[str, ...] = ()
    learned: LearnedReport | None = None
    orientation: OrientationReport | None = None
    cleaned: dict[str, CleanedSegment] = {}
    fitted_to: str = TO_BUNDLED
    tuning: TuningReport | None = None

    def write(self, path: Path) -> None:
        """Write as indented JSON; a reader sees the whole file or none."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        write_staged(path, lambda staged: _write(staged, text + b"\n"))


def read_report(path: Path) -> SegmentationReport:
    """A report that `segment --report` or `refine --report` wrote.

    Raises:
        InputError: It cannot be read, or is no such report.
    """
    remedy = "Give a file that `segment --report` or `refine --report` wrote."
    try:
        return read_json(path, SegmentationReport)
    except OSError as error:
        raise InputError(str(path), f"it cannot be read ({error.strerror or error})", remedy) from error
    except JsonError as error:
        raise InputError(str(path), f"it is no report of a run ({error})", remedy) from error


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
