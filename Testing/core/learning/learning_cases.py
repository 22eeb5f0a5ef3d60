"""Made-up cases to learn from: a bright and a dimmer ball, and examples and unseen cases made of arrays alone."""

from __future__ import annotations

import msgspec
import numpy as np

from RetrievalSAMLib.learning.expert.store import read_expert, write_expert
from RetrievalSAMLib.learning.network.build import HINTED, IMAGE
from RetrievalSAMLib.learning.network.plan import NetworkPlan
from RetrievalSAMLib.learning.proof.weights import UnseenCase
from RetrievalSAMLib.learning.training.patches import Example
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

GRID = Geometry((32, 32, 10), (1.5, 1.5, 3.0), (5.0, -7.0, 11.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
SEGMENTS = (Segment("Large", 1), Segment("Small", 2))
STEPS = 4

TINY_PLAN = NetworkPlan(
    spacing_mm=(2.0, 2.0, 2.0),
    patch=(8, 8, 8),
    kernels=((3, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (2, 2, 2), (1, 1, 1)),
    channels=(8, 16, 16),
)


def subject(seed: int) -> tuple[Volume, Segmentation]:
    """An image and its masks."""
    random = np.random.default_rng(seed)
    shift = random.uniform(-2, 2, 3)
    i, j, k = np.indices(GRID.size) * np.array(GRID.spacing_mm)[:, None, None, None]
    large = (i - 19 - shift[0]) ** 2 + (j - 27 - shift[1]) ** 2 + (k - 14 - shift[2]) ** 2 < 10**2
    small = ((i - 36 - shift[0]) ** 2 + (j - 18 - shift[1]) ** 2 + (k - 16 - shift[2]) ** 2 < 6**2) & ~large
    voxels = (60 + 120 * large + 60 * small + random.normal(0, 12, GRID.size)).astype(np.int16)
    return Volume(voxels, GRID), Segmentation.from_masks(SEGMENTS, (large, small), GRID)


def example(seed: int, known: bool = True) -> Example:
    """A cube that is bright in one half, which is the only segment."""
    random = np.random.default_rng(seed)
    truth = np.zeros((1, 12, 12, 12), dtype=np.uint8)
    truth[0, :, 3:9, 2:8] = 255
    inputs = np.zeros((3, 12, 12, 12), dtype=np.float16)
    inputs[0] = 0.2 + 0.6 * (truth[0] > 0) + random.normal(0, 0.05, truth[0].shape)
    return Example(inputs, truth, np.full(truth.shape, known))


def unseen(run: float, expert: float, seed: int, values: tuple[int, ...] = (1,)) -> UnseenCase:
    """A case of which run and expert get this part of every segment's voxels right, beside as many wrong ones."""
    random = np.random.default_rng(seed)
    truth, said = {}, {"run": {}, "expert": {}}  # type: ignore[var-annotated]
    for number, value in enumerate(values):
        mask = np.zeros((4, 40, 20), dtype=bool)
        mask[:, 5 + 16 * number : 15 + 16 * number, 5:15] = True
        truth[value] = mask
        for who, right in (("run", run), ("expert", expert)):
            wrong = mask & (random.random(mask.shape) > right)
            said[who][value] = np.where(mask & ~wrong, 230, 25).astype(np.uint8)
    known = {value: np.ones((4, 1, 1), dtype=bool) for value in values}
    return UnseenCase(
        said["run"], dict.fromkeys((IMAGE, HINTED), said["expert"]), truth, known, dict.fromkeys(values, 0)
    )


def believed(library: SupportLibrary, weight: float) -> None:
    """Have the library's expert believed so far, whatever its proof says."""
    stored = read_expert(library)
    assert stored is not None
    proofs = tuple(
        msgspec.structs.replace(proof, weight=weight, hinted_weight=weight / 2) for proof in stored.record.proofs
    )
    record = msgspec.structs.replace(stored.record, proofs=proofs)
    write_expert(library, record, library.learned.weights(record.weights))
