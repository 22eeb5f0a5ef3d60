"""Which earlier result a corrected segmentation is taken to come from."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.segmentation.run_state.known_results import KnownResult, result_before

RUN = np.zeros((6, 4, 8), dtype=bool)
RUN[1:5, 1:3, 2:6] = True


def with_slice_3(columns: slice) -> np.ndarray:
    """The run's mask, but for one slice."""
    mask = RUN.copy()
    mask[3] = False
    mask[3, 1:3, columns] = True
    return mask


def known(*masks: np.ndarray) -> list[KnownResult]:
    return [KnownResult.of({"Large": mask}.items(), ()) for mask in masks]


@pytest.mark.parametrize("newest", [0, 1])
def test_where_results_differ_in_corrected_slices_alone_the_smallest_correction_decides(newest: int) -> None:
    results = [RUN, with_slice_3(slice(0, 2))]
    order = results if newest else results[::-1]
    for result, drawn in ((results[0], slice(2, 7)), (results[1], slice(0, 3))):
        before = result_before(known(*order), {"Large": with_slice_3(drawn)}, [3])
        assert before is not None and np.array_equal(before.masks["Large"], result)


def test_of_equals_the_newest_is_taken_and_of_strangers_none() -> None:
    results = known(with_slice_3(slice(1, 2)), with_slice_3(slice(6, 7)))
    before = result_before(results, {"Large": with_slice_3(slice(0, 0))}, [3])
    assert before is not None and before.masks["Large"][3, 1, 6]
    assert result_before(results, {"Large": ~RUN}, [3]) is None


def test_agreement_elsewhere_counts_before_the_size_of_the_correction() -> None:
    far, near = RUN.copy(), with_slice_3(slice(0, 2))
    far[1] = False
    before = result_before(known(near, far), {"Large": RUN}, [3])
    assert before is not None and np.array_equal(before.masks["Large"], near)
