"""What weights bring, need and allow, in words for whoever chooses among them."""

from __future__ import annotations

from dataclasses import dataclass

from RetrievalSAMLib.models.catalogue import SAM3, SAM3_FILES, CatalogueEntry, Kind
from RetrievalSAMLib.models.licences import LICENCES

_LICENCES = {"Apache-2.0": "any use, also commercial, that keeps the licence's notices"}

_BUNDLED: dict[Kind, str] = {
    "segmenter": "trained for this program, on made-up anatomies; presets and confidence are fitted to it",
    "encoder": "compares slices; trained for this program",
    "prompt decoder": "reads points and boxes for the bundled segmenter; trained for this program, on open anatomy",
}


@dataclass(frozen=True)
class WeightsInWords:
    """Clauses without a full stop.

    Attributes:
        brings: What they were made for, and what is fitted to them.
        needs: To run them.
        allows: What the licence does.
    """

    brings: str
    needs: str
    allows: str


def sam3_in_words() -> WeightsInWords:
    """Of SAM 3, which is none of the catalogue's."""
    licence = LICENCES[SAM3]
    return WeightsInWords(
        brings="the tracker of SAM 3 (Meta, arXiv 2511.16719), trained on photographs and videos, 1008 pixels a side; "
        "presets and confidence are not fitted to it, and nothing was measured with its published weights here",
        needs=f"{SAM3_FILES} of facebook/sam3, whose folder --checkpoint names; the package transformers; a graphics "
        "card",
        allows=f"{licence.name}, version of {licence.version}, to be accepted once (--accept-licence {SAM3}): "
        f"{licence.link}; {'; '.join(licence.facts)}",
    )


def weights_in_words(entry: CatalogueEntry) -> WeightsInWords:
    """Of an entry of the catalogue."""
    allows = f"{entry.licence}: {_LICENCES.get(entry.licence, 'read the licence before you use them')}"
    if entry.is_bundled:
        return WeightsInWords(_BUNDLED[entry.kind], "nothing: it is here, and a CPU is enough", allows)
    megabytes = f"a download of {entry.bytes / 1e6:.0f} MB, once"
    if entry.kind == "encoder":
        brings = "compares slices by what they show; trained on photographs"
        return WeightsInWords(f"{brings} ({entry.source})", f"{megabytes}; a CPU is enough", allows)
    trained = f"trained on photographs and videos, {entry.image_size} pixels a side"
    brings = f"{trained}; presets and confidence are not fitted to it: `library tune` does that on your cases"
    needs = f"{megabytes}; a graphics card, as a CPU takes seconds a slice"
    return WeightsInWords(f"{brings} ({entry.source})", needs, allows)
