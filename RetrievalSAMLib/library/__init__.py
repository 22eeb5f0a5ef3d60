"""The support library on disk: cases, versions, checksums, and the segments that cases have between them."""

from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.format import CaseSegment, Provenance, Version
from RetrievalSAMLib.library.segments import merge_segments, segments_of
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.library.upkeep.damage import Damage

__all__ = [
    "Case",
    "CaseSegment",
    "Damage",
    "Provenance",
    "SupportLibrary",
    "Version",
    "merge_segments",
    "segments_of",
]
