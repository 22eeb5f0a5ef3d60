"""A library of made-up cases, and what it could have tuned, written by hand."""

from __future__ import annotations

from pathlib import Path

from RetrievalSAMLib import __version__
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.retrieval.evidence import content_key
from RetrievalSAMLib.segmentation.confidence.calibration import calibration
from RetrievalSAMLib.segmentation.settings.confidence_curves import Calibration
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.tuning.confidence import ConfidenceProof
from RetrievalSAMLib.tuning.store import FORMAT_VERSION, TriedSetting, TriedValue, TunedCase, TuningRecord
from Testing.core.segmentation.made_up_cases import case


def made_library(folder: Path, seeds: tuple[int, ...] = (1, 2, 3)) -> SupportLibrary:
    """One case a seed, each of a patient of its own."""
    library = SupportLibrary.create(folder)
    for seed in seeds:
        made = case(seed)
        library.add(made.image, made.segmentation, name=f"patient{seed}")
    return library


def record_of(
    library: SupportLibrary, models: Models, place_weight: float = 10.0, curves: Calibration | None = None
) -> TuningRecord:
    """A tuning of the preset `fast` in which the weight of the place was found to be better otherwise."""
    tried = TriedValue(place_weight, 3, 0.02, 0.001, kept=True)
    segmenter = models.segmenter
    return TuningRecord(
        format_version=FORMAT_VERSION,
        program=__version__,
        model=segmenter.name,
        segmenter=segmenter.sha256,
        image_size=segmenter.image_size,
        encoder=models.encoder.sha256,
        preset="fast",
        cases=tuple(
            TunedCase(content_key(one, one.plane), one.image_hash, number) for number, one in enumerate(library.cases())
        ),
        settings=(TriedSetting("place_weight", 5.0, place_weight, (tried,)),),
        confidence=ConfidenceProof(100, 0.5, 0.4, 0.01, kept=curves is not None),
        calibration=curves,
        dice_before=0.7,
        dice_after=0.72,
    )


def curves_of(models: Models) -> Calibration:
    """Those of the bundled model, as if they had been fitted to another one."""
    usual = calibration()
    return Calibration(models.segmenter.sha256, usual.found, usual.absent, {"library": 100})
