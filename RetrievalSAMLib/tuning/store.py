"""What was tuned as a file of its library: numbers in JSON, all of them checked; nothing in it can run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import msgspec

from ..errors import InputError
from ..json_files import JsonError, decode_json
from ..library.store import SupportLibrary
from ..segmentation.confidence.calibration import calibration
from ..segmentation.settings.confidence_curves import Calibration, Curve
from ..segmentation.settings.presets import PRESETS
from ..segmentation.settings.tuning import TunedSetting
from .choices import BY_NAME
from .confidence import ConfidenceProof
from .proof import PROVABLE_PATIENTS

FORMAT_VERSION = 1
AGAIN = "Tune the library again (retrievalsam library tune)."
_MOST = 1e3


class TunedCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case on which it was tuned.

    Attributes:
        content: Key of image, masks and annotated slices (`content_key`).
        image: Hash of its image: the same after a correction of its masks.
        patient: Number of the patient.
    """

    content: str
    image: str
    patient: int


class TriedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of trying a value.

    Attributes:
        value: That was tried.
        patients: On which; fewer than all where the first half gained nothing.
        gain: Mean Dice that it brought.
        error: Standard error of that; None with one patient.
        kept: Whether it is used.
    """

    value: float
    patients: int
    gain: float
    error: float | None
    kept: bool


class TriedSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting, in the order in which they were tried.

    Attributes:
        name: Of a field of `Settings`.
        usual: The preset's value.
        value: That is used.
        tried: Others; none where time ran out before.
    """

    name: str
    usual: float
    value: float
    tried: tuple[TriedValue, ...]

    @property
    def tuned(self) -> TunedSetting | None:
        """The change; None where there is none."""
        kept = next((one for one in self.tried if one.kept), None)
        return None if kept is None else TunedSetting(kept.value, self.usual, kept.gain, kept.error or 0.0)


class TuningRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is known of a tuning.

    Attributes:
        format_version: Of this file.
        program: Version that made it.
        model: Name of the segmenter, for people.
        segmenter: SHA-256 of its weights.
        image_size: Pixels a side of its input.
        encoder: SHA-256 of the weights of the encoder.
        preset: That was tuned.
        cases: On which.
        settings: By setting, what came of it.
        confidence: What cross-validation says of confidence.
        calibration: The curves that are used, None for the usual ones.
        dice_before: Mean over unseen cases with the preset as it is.
        dice_after: With what is used now.
    """

    format_version: int
    program: str
    model: str
    segmenter: str
    image_size: int
    encoder: str
    preset: str
    cases: tuple[TunedCase, ...]
    settings: tuple[TriedSetting, ...]
    confidence: ConfidenceProof
    calibration: Calibration | None
    dice_before: float
    dice_after: float

    @property
    def patients(self) -> int:
        """Whose cases these are."""
        return len({case.patient for case in self.cases})

    @property
    def changes(self) -> dict[str, TunedSetting]:
        """By name, what is not as the preset has it."""
        return {one.name: tuned for one in self.settings if (tuned := one.tuned) is not None}


def encoded(record: TuningRecord) -> bytes:
    """As it stands in the library."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def sha256_of_record(content: bytes) -> str:
    """What names a tuning in reports."""
    return hashlib.sha256(content).hexdigest()


def write_record(library: SupportLibrary, record: TuningRecord) -> str:
    """Put a tuning in the place of the one of this model and preset.

    Returns:
        Its SHA-256.

    Raises:
        InputError: Another program keeps writing to the library, or the disk cannot be written.
    """
    content = encoded(record)
    library.tuned.replace(library.tuned.path(record.segmenter, record.preset).name, content)
    return sha256_of_record(content)


def read_record(library: SupportLibrary, segmenter: str, preset: str) -> tuple[TuningRecord, str] | None:
    """A tuning and its SHA-256; None where there is none.

    Args:
        library: Whose.
        segmenter: SHA-256 of the model's weights.
        preset: Name of the preset.

    Raises:
        DamagedLibraryError: It is not what was written.
        InputError: It is of another format, or no tuning.
    """
    path = library.tuned.path(segmenter, preset)
    content = library.tuned.description(path)
    if content is None:
        return None
    name = str(path)
    try:
        version = decode_json(content, _Version).format_version
        if version > FORMAT_VERSION:
            raise InputError(name, f"the tuning is of the newer format {version}", "Update RetrievalSAM.")
        if version < FORMAT_VERSION:
            raise InputError(name, f"the tuning is of the older format {version}", AGAIN)
        record = decode_json(content, TuningRecord)
    except JsonError as error:
        raise InputError(name, f"this is no tuning ({error})", AGAIN) from error
    if (record.segmenter, record.preset) != (segmenter, preset):
        raise InputError(name, "it was made for another model or preset than its name says", AGAIN)
    _check(record, name)
    return record, sha256_of_record(content)


def read_every_record(library: SupportLibrary) -> Iterator[tuple[str, str, TuningRecord | InputError]]:
    """SHA-256 of a model's weights, preset, and what was tuned for them or why it cannot be used; by name."""
    for path in library.tuned.paths():
        segmenter, _, preset = path.stem.partition("-")
        try:
            read = read_record(library, segmenter, preset)
        except InputError as error:
            yield segmenter, preset, error
        else:
            if read is not None:
                yield segmenter, preset, read[0]


class _Version(msgspec.Struct, frozen=True):
    format_version: int


def _check(record: TuningRecord, name: str) -> None:
    """Refuse numbers that no tuning gives."""
    named = [one.name for one in record.settings]
    sound = (
        record.preset in PRESETS
        and record.patients >= PROVABLE_PATIENTS
        and len(set(named)) == len(named)
        and set(named) <= set(BY_NAME)
        and all(
            BY_NAME[one.name].least <= value <= BY_NAME[one.name].most
            for one in record.settings
            for value in (one.value, one.usual, *(tried.value for tried in one.tried))
        )
        and all(sum(tried.kept for tried in one.tried) <= 1 for one in record.settings)
        and all(one.value == (one.usual if one.tuned is None else one.tuned.value) for one in record.settings)
        and (record.calibration is None or _is_sound(record.calibration, record.segmenter))
    )
    if not sound:
        raise InputError(name, "it has values that no tuning gives", AGAIN)
    if any(getattr(PRESETS[record.preset], one.name) != one.usual for one in record.settings):
        raise InputError(name, "the preset has changed since", AGAIN)


def _is_sound(curves: Calibration, segmenter: str) -> bool:
    usual = calibration()

    def like(curve: Curve, other: Curve) -> bool:
        numbers = [curve.bias, *(x for term in curve.terms.values() for x in (term.weight, term.mean))]
        return curve.terms.keys() == other.terms.keys() and all(
            math.isfinite(number) and abs(number) <= _MOST for number in numbers
        )

    return curves.segmenter == segmenter and like(curves.found, usual.found) and like(curves.absent, usual.absent)
