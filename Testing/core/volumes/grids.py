"""Random grids, and volumes whose every voxel knows where it lies, shared by the tests of this folder."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame

# All 48 ways in which three array axes can run along the patient's axes, left-handed ones too.
SIGNED_PERMUTATIONS = [
    np.eye(3)[:, list(order)] * np.array(signs)
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]


@st.composite
def geometries(draw: st.DrawFn, max_turn_degrees: float = 180.0, max_size: int = 6) -> Geometry:
    """Grids of every handedness and axis order, turned, anisotropic, some tiny or of single slices."""
    base = SIGNED_PERMUTATIONS[draw(st.integers(0, 47))]
    turns = st.floats(1e-3, max_turn_degrees) if max_turn_degrees else st.just(0.0)
    turn = draw(st.one_of(st.just(0.0), turns))
    axis = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 3))) + 1e-3
    rotation = Rotation.from_rotvec(np.radians(turn) * axis / np.linalg.norm(axis)).as_matrix()
    direction = rotation @ base if turn else base
    spacing = draw(st.tuples(*[st.one_of(st.floats(0.3, 6), st.floats(1e-3, 0.1), st.just(1.0))] * 3))
    origin = draw(st.tuples(*[st.floats(-1000, 1000, allow_subnormal=False)] * 3))
    size = draw(st.tuples(*[st.integers(1, max_size)] * 3))
    return Geometry(size, spacing, origin, tuple(direction.ravel()))


planes = st.sampled_from(list(Plane))


def voxel_numbers(geometry: Geometry) -> np.ndarray:
    """(i, j, k) int32, every voxel another number: content without any symmetry."""
    rng = np.random.default_rng(int(np.prod(geometry.size)))
    return rng.permutation(int(np.prod(geometry.size))).astype(np.int32).reshape(geometry.size) + 1


def positions_by_number(voxels: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(number of voxels, 3) LPS positions in mm, in the order of the voxels' numbers."""
    indices = np.argwhere(np.ones(geometry.size, dtype=bool))
    order = np.argsort(voxels[tuple(indices.T)], kind="stable")
    return geometry.index_to_lps(indices[order])


def frame_directions(frame: SliceFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors in LPS along which slice, row and column numbers rise, found through `to_slices`."""
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in frame.geometry.size), indexing="ij"), axis=-1)
    positions = frame.geometry.index_to_lps(indices)
    slices = np.stack([frame.to_slices(positions[..., side]) for side in range(3)], axis=-1)
    vectors = []
    for axis in range(3):
        step = slices.take(-1, axis).mean(axis=(0, 1)) - slices.take(0, axis).mean(axis=(0, 1))
        vectors.append(step / np.linalg.norm(step))
    return vectors[0], vectors[1], vectors[2]
