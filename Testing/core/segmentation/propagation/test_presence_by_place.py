"""What aligned cases have on a slice counts for presence, by as much as they are believed."""

from __future__ import annotations

import pytest
import torch

from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.memory.support_memories import MemoryStore
from RetrievalSAMLib.segmentation.propagation.propagation import Propagation
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import Settings

SIZE = 16
SETTINGS = Settings("test", supports=1, score_weight=0.4, place_weight=2.0)


def presence(vote: float, place: float | None, agreement: float | None, settings: Settings = SETTINGS) -> float:
    """Of a slice that the network surely sees nothing on."""
    engine = Sam2Engine(random_segmenter("bundled", 128).model)
    retrieval = [[SliceRetrieval((Support(0, 0, 1.0),), vote, 1.0)]]
    known = None if place is None else torch.full((SIZE, SIZE), 0.01).index_fill(0, torch.tensor([3]), place)
    with MemoryStore(limit_bytes=1 << 20) as store:
        run = Propagation(
            engine,
            store,
            retrieval,
            lambda index: engine.encode_images(torch.zeros(1, 128, 128)),
            settings,
            place=lambda index, segment: known,
            agreement=None if agreement is None else [agreement],
            absent=lambda index, segment: True,
        )
        (found,) = run.run()
    return float(found.presence[0])


@pytest.mark.parametrize(
    ("vote", "place", "agreement", "expected"),
    [
        (0.2, None, 0.9, 0.6 * 0.2),  # nobody says where it is: the vote alone, beside the object score
        (0.2, 0.9, 0.0, 0.6 * 0.2),  # nobody believes them
        (0.2, 0.9, 1.0, 0.9),  # believed fully: neither vote nor score counts
        (0.2, 0.9, 0.5, 0.8 * (0.5 * 0.2 + 0.5 * 0.9)),
        (1.0, 0.01, 0.5, 0.8 * (0.5 * 1.0 + 0.5 * 0.01)),
        (1.0, 0.01, None, 0.6 * 1.0),  # the mask so far, of a correction, which may have missed the slice
    ],
)
def test_the_cases_count_by_as_much_as_they_are_believed(
    vote: float, place: float | None, agreement: float, expected: float
) -> None:
    assert presence(vote, place, agreement) == pytest.approx(expected, abs=1e-5)


def test_a_run_without_place_in_its_masks_leaves_it_out_of_presence_too() -> None:
    without = Settings("test", supports=1, score_weight=0.4, place_weight=0.0)
    assert presence(0.2, 0.9, 1.0, without) == pytest.approx(0.6 * 0.2)
