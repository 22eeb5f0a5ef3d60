"""Corrective learning: where the cases' masks are wrong on a target, learned from the cases themselves.

Wang et al., "A learning-based wrapper method to correct systematic errors in automatic image segmentation", NeuroImage
55 (2011): what registered masks get wrong is much the same from one subject to the next, and the image around a voxel
tells it. Once all cases are bent to the target, every case is an example of that, at no further registration: in the
target's frame there are its image, its own masks, and what the masks of the other cases say of it. A small network that
sees single voxels (`voxel_network`) learns its masks from these; then it sees the target, with what all cases say.

The cases are cut into folds; each network has not seen one of them. Their mean is what the target gets, and how well
each does on the cases that it has not seen tells how far the result is to be believed, and for which segments it is not
taken at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from ...alignment import Deformation
from ...retrieval.evidence import CaseSlices
from ...side_by_side import side_by_side
from ...stages import CORRECTIVE_LEARNING, timed
from ...volumes import SliceStack
from ...volumes.overlap import dice
from .deformed_cases import DeformedCases, weight_in
from .neighbours import MANY, Box, neighbours, union
from .prior_maps import CorrectedMap, PlaceMaps, as_bytes, filled, looked_up, mask_at, size_on_maps
from .voxel_features import VoxelFeatures
from .voxel_network import Samples, VoxelNetwork, train_voxel_network

LEAST_CASES = 2

_MOST_FOLDS = 4
_MOST_VOXELS = 2_000_000
"""Of the grid on which it is done: beyond, every second plane of its finest axes is left out, and so on."""

_FAINT = 0.02
"""How likely a segment is, at least, where networks learn and look, two voxels around included."""

_AROUND = 2
_MARGIN_MM = 6.0
"""Room around everything, in which images are smoothed."""

_LIKELY, _HALF = 0.3, 0.5
_SAMPLES, _SAMPLES_OF_SEGMENT = 20_000, 3_000
"""Voxels of a case that are learned from: all segments together, and each of many, at least."""

_SHARE = 0.7
"""Part of the corrected map that is the networks'; the rest is the cases' mean mask. Chosen on tune cases."""

_HARM = 0.1
"""A segment is not corrected where cases that networks have not seen lose more than this Dice by it.

Those are foretold by one case less, by networks that have seen one less: on tune volumes with three cases, segments
that lost 0.02 to 0.06 there gained as much on the target.
"""

_ERASED = 0.5
"""Nor where less than this part of as many voxels as the cases' masks come to are left of it on the target: networks
that could tell nothing of a segment take it to be nowhere. On tune volumes at least 0.68 are left.
"""

_OUTLIERS = (1, 99)
_BRIGHTEST = 4.0
_AT_ONCE = 1 << 18
"""Voxels that a network looks at in one go."""


@timed(CORRECTIVE_LEARNING)
def corrected_place(
    place: PlaceMaps,
    bent: DeformedCases,
    load: Callable[[int], CaseSlices],
    target: SliceStack,
    progress: Callable[[int, int], None],
) -> PlaceMaps:
    """The maps with those corrected of segments for which there is something to learn from.

    Args:
        place: Mean masks of the aligned cases.
        bent: The cases as they were bent.
        load: Loads a case; one at a time is in memory.
        target: The target's slices.
        progress: Told how many of how many steps are done.

    Returns:
        The same maps where there are fewer cases than `LEAST_CASES`.
    """
    if len(bent.deformations) < LEAST_CASES:
        return place
    boxes = {value: box for value in bent.by_segment if (box := place.box_mm(value, _LIKELY)) is not None}
    groups = _together(boxes)
    # Of each group: every case is laid there, and sampled; then networks are trained.
    count = len(bent.deformations)
    steps = len(groups) * (2 * count + min(count, _MOST_FOLDS))
    done = itertools.count(1)

    def tick() -> None:
        progress(next(done), steps)

    corrected: dict[int, CorrectedMap] = {}
    for values in groups:
        likely = {value: boxes[value] for value in values}
        corrected |= _Group(place, bent.deformations, likely, load, target, tick).corrected()
    return place.with_corrected(corrected)


def _together(boxes: Mapping[int, Box]) -> list[list[int]]:
    """Segments that are learned by one network: all of them, or those of many that lie together."""
    values = list(boxes)
    if len(values) <= MANY:
        return [values] if values else []
    return [[values[number] for number in group] for group in neighbours([boxes[value] for value in values])]


@dataclass(frozen=True)
class _Example:
    """What is known of a case in the target's frame; arrays lie on the part.

    Attributes:
        image: float32.
        masks: By value, uint8: how much of a voxel is covered, in 1/255; only of segments that it has.
        known: By value, bool: where it says anything.
        deformation: How it lies.
    """

    image: np.ndarray
    masks: Mapping[int, np.ndarray]
    known: Mapping[int, np.ndarray]
    deformation: Deformation


class _Group:
    """Segments that are learned together."""

    def __init__(
        self,
        place: PlaceMaps,
        deformations: Mapping[int, Deformation],
        boxes: Mapping[int, Box],
        load: Callable[[int], CaseSlices],
        target: SliceStack,
        tick: Callable[[], None],
    ) -> None:
        self.place, self.boxes, self.values, self.tick = place, boxes, sorted(boxes), tick
        faint = [box for value in self.values if (box := place.box_mm(value, _FAINT)) is not None]
        low, high = union(faint)
        self.part = place.part(low - _MARGIN_MM, high + _MARGIN_MM, _MOST_VOXELS)
        self.said = {value: place.on_part(value, self.part) for value in self.values}
        self.looked_at = self._near(self.said)
        here = torch.stack(
            torch.meshgrid(*(torch.as_tensor(p, dtype=torch.float32) for p in self.part.planes_mm), indexing="ij")
        )
        self.target = _standardised(_image_at(target, here), self.looked_at)
        self.examples = [self._example(load(number), one) for number, one in deformations.items()]

    def corrected(self) -> dict[int, CorrectedMap]:
        """By value, the maps of segments for which correcting does not hurt."""
        samples = [self._samples(number) for number in range(len(self.examples))]
        count = min(len(samples), _MOST_FOLDS)

        def learned(fold: int) -> tuple[VoxelNetwork, list[dict[int, tuple[float, float]]]]:
            shown = [one for number, one in enumerate(samples) if number % count != fold]
            network = train_voxel_network(shown, fold)
            return network, [self._tried(network, one) for n, one in enumerate(samples) if n % count == fold]

        networks, tried = [], []
        for network, of_fold in side_by_side(learned, range(count)):
            networks.append(network)
            tried += of_fold
            self.tick()
        chosen = {}
        for value in self.values:
            told = np.array([one[value] for one in tried if value in one])
            if len(told) and told[:, 1].mean() >= told[:, 0].mean() - _HARM:
                chosen[value] = float(told[:, 1].mean())
        if not chosen:
            return {}
        found = self._on_target(networks)
        return {
            value: CorrectedMap(self.part, found[value], reliability)
            for value, reliability in chosen.items()
            if np.count_nonzero(found[value] > _HALF * 255) >= _ERASED * float(self.said[value].sum()) / 255
        }

    def _example(self, case: CaseSlices, deformation: Deformation) -> _Example:
        spacing = np.array([case.stack.frame.slice_spacing_mm, *case.stack.spacing_mm])
        there = deformation.on_grid(self.part.planes_mm)
        index = (there[0] / float(spacing[0])).floor().long().numpy()
        inside = (index >= 0) & (index < len(case.stack))
        index = index.clip(0, len(case.stack) - 1)
        masks, known = {}, {}
        for value in self.values:
            if value not in case.labels:
                continue
            layer, label = case.labels[value]
            annotated = case.annotated[value]
            known[value] = inside if annotated.all() else inside & annotated[index]
            masks[value] = as_bytes(mask_at(filled(layer == label, annotated), there, spacing))
        self.tick()
        return _Example(_standardised(_image_at(case.stack, there), self.looked_at), masks, known, deformation)

    def _near(self, said: Mapping[int, np.ndarray]) -> np.ndarray:
        """Where any segment is not quite unlikely, or is near, bool."""
        return _grown(np.max(list(said.values()), axis=0) > _FAINT * 255)

    def _foretold(self, number: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """By value, what the other cases say where one lies, and where they say anything.

        Each counts by how like that one it is. uint8 in 1/255, and bool.
        """
        foretold = {}
        own = self.examples[number]
        for value in own.masks:
            total, weights = np.zeros(self.part.shape, np.float32), np.zeros(self.part.shape, np.float32)
            for other in self.examples:
                if other is own or value not in other.masks:
                    continue
                beside = replace(other.deformation, fixed=own.deformation.moved)
                weight = np.float32(weight_in(beside, self.boxes[value]))
                total += weight * other.known[value] * other.masks[value]
                weights += weight * other.known[value]
            if weights.any():
                mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
                foretold[value] = mean.round().astype(np.uint8), weights > 0
        return foretold

    def _samples(self, number: int) -> Samples:
        """What is learned from one case."""
        own, foretold = self.examples[number], self._foretold(number)
        said = {value: foretold[value][0] if value in foretold else self.said[value] for value in self.values}
        chance = np.random.default_rng(number)
        each = max(_SAMPLES_OF_SEGMENT, _SAMPLES // len(self.values))
        chosen = []
        for value in self.values:
            near = said[value] > _FAINT * 255
            if value in foretold:
                near = near | (own.masks[value] > 0)
            voxels = np.flatnonzero(_grown(near))
            chosen.append(chance.choice(voxels, min(each, len(voxels)), replace=False))
        voxels = np.unique(np.concatenate(chosen))
        truth, counts = np.zeros((2, len(voxels), len(self.values)), dtype=np.float32)
        for column, value in enumerate(self.values):
            if value in foretold:
                truth[:, column] = own.masks[value].ravel()[voxels] / np.float32(255)
                counts[:, column] = (own.known[value] & foretold[value][1]).ravel()[voxels]
        features = VoxelFeatures.of(own.image, said, self.part.spacing_mm)
        self.tick()
        return Samples(features.at(voxels), features.said_at(voxels), truth, counts)

    def _tried(self, network: VoxelNetwork, unseen: Samples) -> dict[int, tuple[float, float]]:
        """By value, Dice of what the others say of a case that a network has not seen, and of what comes of it."""
        probability = network.probabilities(unseen.features)
        tried = {}
        for column, value in enumerate(self.values):
            counts = unseen.counts[:, column] > 0
            if counts.any():
                said, truth = unseen.said[:, column], (unseen.truth[:, column] > _HALF) & counts
                mixed = _mixed(said, probability[:, column])
                tried[value] = (dice((said > _HALF) & counts, truth), dice((mixed > _HALF) & counts, truth))
        return tried

    def _on_target(self, networks: Sequence[VoxelNetwork]) -> dict[int, np.ndarray]:
        """By value, the corrected map, uint8 on the part in 1/255."""
        voxels = np.flatnonzero(self.looked_at)
        features = VoxelFeatures.of(self.target, self.said, self.part.spacing_mm)
        corrected = {value: np.zeros(self.part.shape, dtype=np.uint8) for value in self.values}
        for some in np.array_split(voxels, max(1, -(-len(voxels) // _AT_ONCE))):
            seen, said = features.at(some), features.said_at(some)
            mean = np.mean([network.probabilities(seen) for network in networks], axis=0)
            for column, value in enumerate(self.values):
                corrected[value].ravel()[some] = as_bytes(_mixed(said[:, column], mean[:, column]))
        return corrected


def _mixed(said: np.ndarray, probability: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = np.float32(1 - _SHARE) * said + np.float32(_SHARE) * probability
    return mixed


def _grown(mask: np.ndarray) -> np.ndarray:
    grown: np.ndarray = ndimage.binary_dilation(mask, iterations=_AROUND)
    return grown


def _image_at(stack: SliceStack, places: torch.Tensor) -> np.ndarray:
    """A stack's image, float32 (n, m, k), at places (3, n, m, k) in mm; beyond its ends as at these.

    Slices of many pixels are averaged to as many as the maps have.
    """
    thickness = stack.frame.slice_spacing_mm
    first = int(np.clip(np.floor(float(places[0].min()) / thickness) - 1, 0, len(stack) - 1))
    last = int(np.clip(np.ceil(float(places[0].max()) / thickness) + 1, first + 1, len(stack)))
    size = size_on_maps(stack.frame.shape[1:])
    slices = [F.adaptive_avg_pool2d(torch.from_numpy(stack.image(i))[None], size)[0] for i in range(first, last)]
    extent = np.array([thickness * len(slices), *stack.extent_mm])
    corner = np.array([thickness * first, 0.0, 0.0])
    return looked_up(torch.stack(slices).numpy(), places, corner, extent / [len(slices), *size], beyond="border")


def _standardised(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """An image less its mean and over its standard deviation among some voxels, without outliers; float32."""
    inside = image[where]
    inside = np.clip(inside, *np.percentile(inside, _OUTLIERS))
    scaled: np.ndarray = (image - inside.mean()) / max(float(inside.std()), 1e-6)
    return np.clip(scaled, -_BRIGHTEST, _BRIGHTEST).astype(np.float32)
