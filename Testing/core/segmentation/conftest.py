"""What tests of whole runs start from: the bundled networks, and three cases."""

from __future__ import annotations

import pytest
from made_up_cases import case

from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.settings.options import Models


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


@pytest.fixture(scope="module")
def supports() -> list[MemoryCase]:
    return [case(seed) for seed in (1, 2, 3)]
