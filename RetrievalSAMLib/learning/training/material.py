"""Cases as experts learn from them, and as their proof is made on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...retrieval.evidence import CaseSlices, SupportCase
from ...volumes import Plane
from ..expert.opinion import Expert, expert_grid, inputs_of
from ..network.plan import NetworkPlan
from ..proof.weights import UnseenCase
from ..view.grids import Box, resampled
from .patches import Example
from .recording import Recording


def masks_of(slices: CaseSlices, value: int, box: Box) -> np.ndarray:
    """What is drawn of a segment in a box, bool; nothing where it is not annotated."""
    depth, rows, columns = box
    layer, label = slices.labels[value]
    drawn: np.ndarray = layer[box] == label
    return drawn & slices.annotated[value][depth][:, None, None]


def example_of(
    case: SupportCase, recording: Recording, plan: NetworkPlan, values: Sequence[int], plane: Plane
) -> Example:
    """A case for training.

    A segment that the case does not have, and slices that are not annotated for one, are not known.
    """
    slices = CaseSlices.load(case, plane)
    scene = recording.scene
    grid = expert_grid(scene, plan)
    truth = np.zeros((len(values), *grid.size), dtype=np.uint8)
    known = np.zeros((len(values), *grid.size), dtype=bool)
    for number, value in enumerate(values):
        if value not in slices.labels:
            continue
        drawn = masks_of(slices, value, scene.box)
        truth[number] = resampled(drawn.astype(np.float32) * 255, scene.grid, grid, outside=0.0).round()
        annotated = slices.annotated[value][scene.box[0]]
        if annotated.all():
            known[number] = True
            continue
        # A slice of the grid is known where the slice of the case that is nearest to it is annotated.
        middle = grid.low_mm[0] + (np.arange(grid.size[0]) + 0.5) * grid.spacing_mm[0]
        nearest = np.floor((middle - scene.grid.low_mm[0]) / scene.grid.spacing_mm[0]).astype(int)
        known[number] = annotated[np.clip(nearest, 0, len(annotated) - 1)][:, None, None]
    return Example(inputs_of(scene, grid, values), truth, known)


def unseen_case(case: SupportCase, recording: Recording, expert: Expert, plane: Plane) -> UnseenCase | None:
    """What run and expert say of a case that neither has seen; None where no expert would have been asked.

    Args:
        case: The case.
        recording: Of a run by the others.
        expert: Members that have not seen the case, nor another one of its patient.
        plane: Of the slices.
    """
    if recording.asked is None:
        return None
    slices = CaseSlices.load(case, plane)
    scene = recording.scene.part(recording.asked)
    said = expert.probabilities(scene, expert.kinds)
    values = [value for _, value in expert.segments if value in slices.labels and value in scene.probability]
    depth = scene.box[0]
    truth = {value: masks_of(slices, value, scene.box) for value in values}
    known = {value: slices.annotated[value][depth][:, None, None] for value in values}
    everywhere: Box = (slice(None), slice(None), slice(None))
    missed = {value: int(masks_of(slices, value, everywhere).sum()) - int(truth[value].sum()) for value in values}
    return UnseenCase(
        {value: scene.probability[value] for _, value in expert.segments if value in scene.probability},
        said,
        truth,
        known,
        missed,
    )


def overlapping_values(case: SupportCase, plane: Plane) -> set[int]:
    """Segments of a case that share voxels with another one."""
    slices = CaseSlices.load(case, plane)
    shared: set[int] = set()
    for index in range(len(slices.stack)):
        masks = {value: slices.mask(value, index) for value in slices.labels}
        twice = np.sum([*masks.values()], axis=0) > 1
        if twice.any():
            shared |= {value for value, mask in masks.items() if (mask & twice).any()}
    return shared
