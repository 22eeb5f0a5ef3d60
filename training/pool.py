"""Real anatomy for the generator: label maps (and images) of the sets that may be trained on.

``<data>/pool/<set>/`` holds ``<case>_label.nii.gz``, sometimes ``<case>_image.nii.gz``, and ``labels.txt`` with names.
Sets outside the pool that are marked "train or tune" join in. Judge sets are not known here by name, so that none can
be read by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from training.anatomy import Anatomy, chance, integer, uniform
from training.tissues import Tissue, tissue_of

HELD_OUT = ("totalseg_mr", "totalseg_aorta", "mni_subcortex", "mskt_knee")
"""Sets of the pool that the fold of today does not train on: tune tasks are made of them (`training.held_out`)."""

SEVERAL_SUBJECTS = (
    "fetal_brain_sba_all",
    "hn_oar_tcia",
    "ms_lesion_flair",
    "openkbp_more",
    "sts_ct_more",
    "sts_mr_t1_more",
    "sts_pet_more",
    "synthseg_heads",
)
"""Their cases show the same labels; the cases of other sets are different parts of a body."""

_WEIGHTS = {"bp3d_body": 3.0, "hra_vh": 3.0, "totalseg_ct": 2.0, "synthseg_heads": 2.0, "hn_oar_tcia": 2.0}
_WEIGHTS |= {"openkbp_more": 2.0, "spl_brain": 2.0, "bp3d_head": 2.0, "seg3d_head": 0.3, "mskt_thigh": 0.6}
"""How often a set is drawn from; 1 where nothing is said."""

_LEAST_VOXELS = 40
_MOST_STRUCTURES = 8
"""Structures of one picture that keep a label of their own; the others are painted by tissue."""

_LEFT_RIGHT = re.compile(r"(?<![a-z])(left|right|lt|rt|lh|rh|l|r)(?![a-z])", re.IGNORECASE)
_OTHER_SIDE = {"left": "right", "right": "left", "lt": "rt", "rt": "lt", "lh": "rh", "rh": "lh", "l": "r", "r": "l"}


@dataclass(frozen=True)
class PoolVolume:
    """One case of the pool.

    Attributes:
        group: Volumes of one group show the same labels in different subjects.
        labels: int16 (D, H, W); axes run to the patient's head, back and left.
        spacing_mm: (z, y, x).
        image: float16 (D, H, W) in [0, 1], or None.
        tissues: By label value.
        twins: The label of the other side, by label value.
        boxes: By label value of those that are there, first and last index (2, 3).
    """

    group: str
    labels: torch.Tensor
    spacing_mm: tuple[float, float, float]
    image: torch.Tensor | None
    tissues: tuple[Tissue, ...]
    twins: dict[int, int]
    boxes: dict[int, np.ndarray]

    def extent_mm(self, label: int) -> float:
        """The longest side of a structure's box."""
        low, high = self.boxes[label]
        return float(((high - low + 1) * np.array(self.spacing_mm)).max())

    def middle(self, labels: Sequence[int]) -> np.ndarray:
        """Middle (z, y, x) in voxels of the box around some structures."""
        low = np.min([self.boxes[label][0] for label in labels], axis=0)
        high = np.max([self.boxes[label][1] for label in labels], axis=0)
        return np.asarray((low + high) / 2)

    def cube(self, middle: np.ndarray, side_mm: float, voxels: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Labels int64 and image float (n, n, n) of a cube about a place in voxels; outside the volume both are 0."""
        index, valid = [], []
        for axis in range(3):
            line = (np.arange(voxels) + 0.5) / voxels - 0.5
            place = np.rint(middle[axis] + line * side_mm / self.spacing_mm[axis]).astype(np.int64)
            count = self.labels.shape[axis]
            valid.append(torch.from_numpy((place >= 0) & (place < count)))
            index.append(torch.from_numpy(place.clip(0, count - 1)))
        z, y, x = index
        inside = valid[0][:, None, None] & valid[1][:, None] & valid[2]
        labels = self.labels[z[:, None, None], y[:, None], x].long() * inside
        if self.image is None:
            return labels, None
        return labels, self.image[z[:, None, None], y[:, None], x].float() * inside


def names_of(folder: Path) -> dict[int, str]:
    """Names of the structures of a set, by label value."""
    lines = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    return {int(number): name for number, _, name in (line.partition("\t") for line in lines)}


def _twins(names: dict[int, str]) -> dict[int, int]:
    """Pairs of labels whose names differ by their side alone."""
    numbers = {name.casefold(): number for number, name in names.items()}
    found = {}
    for number, name in names.items():
        other = _LEFT_RIGHT.sub(lambda side: _OTHER_SIDE[side[0].casefold()], name.casefold())
        if other != name.casefold() and other in numbers:
            found[number] = numbers[other]
    return found


def _boxes(labels: np.ndarray) -> dict[int, np.ndarray]:
    counts = np.bincount(labels.ravel())
    return {
        value: np.array([[span.start for span in box], [span.stop - 1 for span in box]])
        for value, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1)
        if box is not None and counts[value] >= _LEAST_VOXELS
    }


def _read(label_path: Path, group: str, names: dict[int, str]) -> PoolVolume:
    label = sitk.DICOMOrient(sitk.ReadImage(str(label_path)), "LPS")
    labels = sitk.GetArrayFromImage(label).astype(np.int16)
    image_path = label_path.with_name(label_path.name.replace("_label", "_image"))
    image = None
    if image_path.exists():
        voxels = sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(str(image_path), sitk.sitkFloat32), "LPS"))
        low, high = np.percentile(voxels, [0.5, 99.5])
        image = torch.from_numpy(np.clip((voxels - low) / max(high - low, 1e-6), 0, 1).astype(np.float16))
    width, height, depth = label.GetSpacing()
    count = max(int(labels.max()), *names) + 1
    tissues = tuple(tissue_of(names[value]) if value in names else Tissue.OUTSIDE for value in range(count))
    return PoolVolume(
        group,
        torch.from_numpy(labels),
        (depth, height, width),
        image,
        tissues,
        _twins(names),
        _boxes(labels),
    )


def pool_sets(data: Path, held_out: Sequence[str] = HELD_OUT) -> list[str]:
    """Names of the pool's sets that are trained on; arguments and error as `load_pool`."""
    root = data / "pool"
    if not root.is_dir():
        raise FileNotFoundError(f"{data}: it has no folder 'pool'")
    return sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in held_out)


def load_pool(data: Path, held_out: Sequence[str] = HELD_OUT) -> list[PoolVolume]:
    """Every case of the pool that may be trained on.

    Args:
        data: The folder that holds one folder a set, and ``pool``.
        held_out: Names of the pool's sets that are left for tuning.

    Raises:
        FileNotFoundError: There is no ``pool`` in it.
    """
    root = data / "pool"
    volumes = []
    for folder in (root / name for name in pool_sets(data, held_out)):
        names = names_of(folder)
        for path in sorted(folder.glob("*_label.nii.gz")):
            case = path.name.removesuffix("_label.nii.gz")
            group = folder.name if folder.name in SEVERAL_SUBJECTS else f"{folder.name}/{case}"
            volumes.append(_read(path, group, names))
    return [volume for volume in volumes if volume.boxes]


class Pool:
    """Draws anatomies of several subjects from the pool.

    Args:
        volumes: From `load_pool`.
        voxels: n, voxels a side of what is drawn.
    """

    def __init__(self, volumes: Sequence[PoolVolume], voxels: int = 64) -> None:
        self.voxels = voxels
        self._groups: dict[str, list[PoolVolume]] = {}
        for volume in volumes:
            self._groups.setdefault(volume.group, []).append(volume)
        sets = [name.split("/")[0] for name in self._groups]
        weights = [_WEIGHTS.get(name, 1.0) / sets.count(name) for name in sets]
        self._weights = torch.tensor(weights)

    def draw(self, subjects: int) -> list[Anatomy]:
        """The same region of ``subjects`` subjects, labelled alike; often one case is all of them."""
        names = list(self._groups)
        group = self._groups[names[int(torch.multinomial(self._weights, 1))]]
        first = group[integer(0, len(group))]
        focus = self._structure(first)
        shown = [focus]
        twin = first.twins.get(focus)
        if twin is not None and twin in first.boxes and chance(0.5):
            shown.append(twin)
        volumes = [v for v in group if all(label in v.boxes for label in shown)]
        order = [volumes[int(i)] for i in torch.randperm(len(volumes))] if chance(0.7) else [first]
        if len(shown) == 1:
            side_mm = first.extent_mm(focus) * uniform(1.15, 3.5)
        else:
            between = first.middle(shown[:1]) - first.middle(shown[1:])
            apart = float(np.linalg.norm(between * np.array(first.spacing_mm)))
            side_mm = (first.extent_mm(focus) + apart) * uniform(1.1, 2.0)
        whole = float((np.array(first.labels.shape) * np.array(first.spacing_mm)).max())
        side_mm = min(max(side_mm, 12 * max(first.spacing_mm)), 1.1 * whole)
        if chance(0.15):
            side_mm = whole
        cubes = []
        for number in range(subjects):
            volume = order[number % len(order)]
            move = (torch.rand(3).numpy() - 0.5) * 0.2 * side_mm / np.array(volume.spacing_mm)
            cubes.append(volume.cube(volume.middle(shown) + move, side_mm, self.voxels))
        return _labelled_alike(cubes, first.tissues, focus)

    def _structure(self, volume: PoolVolume) -> int:
        """A structure; pairs and what is long and thin more often."""
        labels = list(volume.boxes)
        weights = []
        for label in labels:
            low, high = volume.boxes[label]
            sides = np.sort((high - low + 1) * np.array(volume.spacing_mm))
            weights.append((2.0 if label in volume.twins else 1.0) * (1.5 if sides[2] > 3 * sides[1] else 1.0))
        return labels[int(torch.multinomial(torch.tensor(weights), 1))]


def _labelled_alike(
    cubes: Sequence[tuple[torch.Tensor, torch.Tensor | None]], tissues: tuple[Tissue, ...], focus: int
) -> list[Anatomy]:
    """Few labels: the one drawn, some others of the picture, and one for all that is left of a tissue."""
    count = len(tissues)
    voxels = torch.bincount(cubes[0][0].flatten(), minlength=count)
    voxels[0] = voxels[focus] = 0
    others = (voxels >= _LEAST_VOXELS).nonzero()[:, 0]
    kept = others[torch.randperm(len(others))[: integer(2, _MOST_STRUCTURES)]].tolist()
    table = torch.zeros(count, dtype=torch.long)
    own = [Tissue.OUTSIDE]
    for label in [focus, *kept]:
        if label != focus and chance(0.1):  # one structure less in the picture
            continue
        if label != focus and len(own) > 1 and chance(0.12):  # one structure made of two
            table[label] = integer(1, len(own))
            continue
        table[label] = len(own)
        own.append(tissues[label])
    rest = {int(value) for value in others.tolist()} - set(kept)
    for tissue in {tissues[label] for label in rest}:
        if chance(0.85):
            for label in rest:
                if tissues[label] == tissue:
                    table[label] = len(own)
            own.append(tissue)
    return [Anatomy(table[labels], torch.tensor(own), image, int(table[focus])) for labels, image in cubes]
