"""Some segments alone."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.adding.selection import with_segments
from RetrievalSAMLib.volumes import Segment, Segmentation


def test_only_the_chosen_segments_stay_with_all_they_are(make_pair):
    _, drawn = make_pair(names={1: "Liver", 4: "Spleen", 9: "Aorta"})
    chosen = with_segments(drawn, ["aorta", "LIVER"])
    assert [(s.name, s.value) for s in chosen.segments] == [("Liver", 1), ("Aorta", 9)]
    assert chosen.geometry == drawn.geometry
    for name in ("Liver", "Aorta"):
        assert np.array_equal(chosen.mask(name), drawn.mask(name)) and chosen.mask(name).any()
    assert set(np.unique(chosen.labelmap())) == {0, 1, 9}
    assert {int(value) for layer in chosen.layers for value in np.unique(layer)} == {0, 1, 9}


def test_overlap_colour_and_terminology_survive(make_pair):
    _, drawn = make_pair()
    mask = drawn.mask(0)
    segments = (
        Segment("Organ", 1, (0.1, 0.2, 0.3), "a~b^1^x~c^2^y"),
        Segment("Tumour", 2, (1.0, 0.0, 0.0)),
        Segment("Other", 3),
    )
    overlapping = Segmentation.from_masks(segments, (mask, mask, drawn.mask(1)), drawn.geometry)
    chosen = with_segments(overlapping, ["Organ", "Tumour"])
    assert chosen.segments == segments[:2] and chosen.overlapping
    assert len(with_segments(overlapping, ["Tumour"]).layers) == 1


@pytest.mark.parametrize(("names", "fact"), [([], "none is chosen"), (["Liver"], "no such segment")])
def test_what_is_not_there_is_said_with_what_is(make_pair, names, fact):
    with pytest.raises(InputError, match=f"{fact}.*`Anterior`, `Posterior`"):
        with_segments(make_pair()[1], names)
