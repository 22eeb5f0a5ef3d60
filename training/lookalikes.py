"""Made-up volumes in which one of two structures that look alike is to be found: to choose how cases are aligned.

    python -m training.lookalikes [--kind hearts|trunks|heads] [--seed 1 --seed 2 ...]

*Hearts* are short-axis stacks as cine MR has them: two chambers filled with the same blood, of which the left one alone
is labelled, in pictures of any field of view, zoom and place. *Trunks* are those of the package's made-up cohort
(`RetrievalSAMLib.demo`), but their kidneys, both labelled, lie up to 19 mm higher or lower, each on its own. *Heads*
(`training.heads`) have two eyes, labelled apart. A cohort has six subjects; hearts are segmented with four others as
cases, trunks and heads with those of the other half.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.demo import cohort
from RetrievalSAMLib.demo.shapes import Array, Point, Points, superellipsoid
from RetrievalSAMLib.demo.trunk import LEFT_KIDNEY, RIGHT_KIDNEY, Traits
from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume
from training.heads import head

KINDS = ("hearts", "trunks", "heads")
SUBJECTS = 6

_COHORT = 999
"""Stands for the number of a subject where all of a cohort share a draw."""

_WAVES = ((210, 5.0), (120, 3.0), (75, 1.5))
"""Lengths and heights in mm of the waves that bend a subject."""


LEFT_CHAMBER: Mapping[int, str] = {1: "LV"}
CHAMBERS: Mapping[int, str] = {1: "RV", 2: "myocardium", 3: "LV"}


def heart(
    seed: int, number: int, names: Mapping[int, str] = LEFT_CHAMBER, turn_degrees: Point = (0, 0, 0)
) -> MemoryCase:
    """One subject of a cohort of hearts, its left chamber labelled alone, or both and the wall of the left one.

    Args:
        seed: Of the cohort.
        number: Of the subject.
        names: Which of "RV", "myocardium" and "LV" are labelled with which value.
        turn_degrees: How the scanner was turned: about columns, rows and slices of the picture, in this order.
    """
    shared = np.random.default_rng([seed, _COHORT])
    tissues = [shared.uniform(*limits) for limits in ((0.75, 0.95), (0.25, 0.5), (0.5, 1.0))]
    tissues += [0.03, shared.uniform(0.3, 0.55), shared.uniform(0.25, 0.4)]
    return _Heart(np.random.default_rng([seed, number]), tissues, turn_degrees).case(f"heart-{number}", names)


class _Heart:
    """One chest, drawn and painted in mm around the middle of the left chamber."""

    def __init__(self, random: np.random.Generator, tissues: Sequence[float], turn_degrees: Point) -> None:
        self.random, self.turn_degrees = random, turn_degrees
        blood, wall, fat, air, liver, muscle = (t + 0.06 * random.standard_normal() for t in tissues)
        self.blood, self.wall, self.fat, self.air, self.liver, self.muscle = blood, wall, fat, air, liver, muscle
        self.pixel_mm = float(random.choice([1.25, 1.37, 1.4, 1.56]))
        columns = int(random.choice([160, 192, 224, 256]))
        rows = int(columns * random.choice([0.75, 1, 1, 0.85]))
        self.shape = columns, rows, int(random.integers(8, 13))
        self.thickness_mm = float(random.choice([8.0, 8, 10]))
        self.points = self._points()
        self.image = np.full(self.shape, self.air, np.float32)

    def case(self, name: str, names: Mapping[int, str]) -> MemoryCase:
        """Paint it and take its picture."""
        parts = self._paint_all()
        random, shape = self.random, self.shape
        coarse = random.standard_normal((3, 3, 2))
        bias = ndimage.zoom(coarse, [n / k for n, k in zip(shape, coarse.shape, strict=True)], order=1)
        bias = 1 + 0.3 * bias[: shape[0], : shape[1], : shape[2]]
        image = ndimage.gaussian_filter(self.image, (0.6, 0.6, 0)) * np.clip(bias, 0.4, 2)
        image = image + random.uniform(0.02, 0.05) * random.standard_normal(shape)
        spacing = (self.pixel_mm, self.pixel_mm, self.thickness_mm)
        geometry = Geometry(shape, spacing, (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
        volume = Volume(np.clip(image * 900, 0, None).astype(np.int16), geometry)
        labels = np.zeros(shape, np.uint8)
        for value, label in names.items():
            labels[parts[label] > 0.5] = value
        truth = Segmentation.from_labelmap(labels, geometry, dict(names))
        return MemoryCase(name, volume, truth)

    def _near(self, spread: float) -> float:
        return float(np.clip(self.random.standard_normal(), -2, 2) * spread)

    def _points(self) -> Points:
        """Where voxels lie in the body, which is bent and off the middle of the picture."""
        offset = self.random.uniform(-1, 1, 3) * np.array([30, 30, 10])
        steps = (self.pixel_mm, self.pixel_mm, self.thickness_mm)
        axes = [(np.arange(n) - n / 2 + 0.5) * mm for n, mm in zip(self.shape, steps, strict=True)]
        grid = Points(*np.meshgrid(*axes, indexing="ij"))
        x, y, z = grid.around((0, 0, 0), self.turn_degrees) if any(self.turn_degrees) else (grid.x, grid.y, grid.z)
        bent = []
        for straight, away in zip((x, y, z), offset, strict=True):
            bend = 0
            for length, height in _WAVES:
                way = self.random.standard_normal(3)
                way *= 2 * np.pi / length / np.linalg.norm(way)
                phase = self.random.uniform(0, 6.28)
                bend = bend + height * np.sin(way[0] * x + way[1] * y + way[2] * z + phase)
            bent.append((straight + bend).astype(np.float32) - np.float32(away))
        return Points(*bent)

    def _solid(self, centre: Point, radii: Point, power: float = 2.0, turn: Point = (0, 0, 0)) -> Array:
        return superellipsoid(self.points, centre, radii, power, turn)

    def _paint(self, depth_mm: Array, value: float) -> Array:
        """Put a textured solid over what is there; returns how much of each voxel it fills."""
        part: Array = np.clip(depth_mm / self.pixel_mm + 0.5, 0, 1)
        texture = ndimage.gaussian_filter(self.random.standard_normal(self.shape), (2.5, 2.5, 0.5))
        self.image = self.image + part * (value + 0.05 * texture / texture.std() - self.image)
        return part

    def _paint_all(self) -> dict[str, Array]:
        """Returns how much of every voxel each chamber, and the wall of the left one with it, fills."""
        near = self._near
        turn = (0.0, 0.0, near(18))
        size = 1 + near(0.13)
        inner = self._chest()
        self._paint(
            np.minimum(
                inner, self._solid((-10 + near(8), -4 + near(6), 0), (72 * size, 62 * size, 85 * size), 2.3, turn)
            ),
            self.fat * 0.9,
        )
        self._below(inner)
        return self._chambers(inner, size, turn)

    def _chest(self) -> Array:
        """Fat, muscle, lungs, spine and aorta; returns the depth within the chest."""
        near = self._near
        x, y = near(20) - 20, near(20) + 15
        chest = self._solid((x, y, 0), (150 * (1 + near(0.1)), 105 * (1 + near(0.1)), 900), 2.5)
        self._paint(chest, self.fat)
        self._paint(chest - 10 - abs(near(8)), self.muscle)
        inner: Array = chest - 24 - abs(near(8))
        self._paint(inner, self.air + 0.05)
        self._paint(
            np.minimum(chest - 4, self._solid((x + near(5), y + 80 + near(8), 0), (26, 24, 900))), self.fat * 0.7
        )
        self._paint(self._solid((x + 18 + near(8), y + 52 + near(6), 0), (13, 13, 900)), self.blood)
        return inner

    def _below(self, inner: Array) -> None:
        """Liver and stomach, not in every picture."""
        near, random = self._near, self.random
        if random.random() < 0.8:
            centre = (-45 + near(15), 30 + near(15), -75 + near(10))
            self._paint(np.minimum(inner, self._solid(centre, (70, 55, 55), 2.3)), self.liver)
        if random.random() < 0.5:
            centre = (40 + near(15), 25 + near(15), -72 + near(10))
            self._paint(np.minimum(inner, self._solid(centre, (38, 32, 38), 2.3)), random.uniform(0.1, 0.9))

    def _chambers(self, inner: Array, size: float, turn: Point) -> dict[str, Array]:
        """Both ventricles, the atria above them, papillary muscles."""
        near = self._near
        length = 52 * size * (1 + near(0.1))
        radius = 33 * size * (1 + near(0.08))
        phase = self.random.uniform(0.45, 0.82)
        top = length * self.random.uniform(0.55, 0.85)
        base = top - self.points.z
        right = size * (1 + near(0.15))
        angle = np.radians(turn[2] + near(10))
        apart = (radius + 13 * right) * (1 + near(0.08))
        right_centre = (-apart * np.cos(angle), -apart * np.sin(angle) * 0.6 - 6 * size, 4)
        right_radii = (31 * right, 40 * right * (1 + near(0.12)), length * 0.9)
        right_chamber = self._solid(right_centre, right_radii, 2.2, (0, 0, turn[2] + near(10)))
        outer = self._solid((0, 0, 0), (radius, radius * (1 + near(0.06)), length * 1.05), 2.0, turn)
        cavity_radii = (radius * phase, radius * phase * (1 + near(0.05)), length * (0.75 + 0.25 * phase))
        cavity = self._solid((0, 0, 2), cavity_radii, 2.0, turn)
        self._paint(np.minimum(right_chamber + 3.5, base), self.wall)
        right_part = self._paint(np.minimum(right_chamber, base), self.blood)
        wall = self._paint(np.minimum(outer, base), self.wall)
        left = self._paint(np.minimum(cavity, base), self.blood)
        for centre in ((4, 10, top + 12), (-apart * 0.8, 0, top + 12)):
            atrium = self._solid(centre, (30 * size, 28 * size, 24))
            self._paint(np.minimum(np.minimum(-base, inner), atrium), self.blood)
        for side in (-1, 1):
            papillary = (side * 0.5 * radius * phase, 0.55 * radius * phase, -6)
            self._paint(np.minimum(cavity - 3, self._solid(papillary, (5 * size, 5 * size, length * 0.35))), self.wall)
        return {"RV": right_part, "myocardium": wall, "LV": left}


def trunk(seed: int, number: int) -> MemoryCase:
    """One subject of a cohort of trunks: kidneys labelled 1 (right) and 2 (left), some slices cut off at either end."""
    random = np.random.default_rng([seed, number])
    traits = Traits.drawn(random)
    shifts = list(traits.shift_mm)
    for organ in range(len(shifts)):
        reach = 11 if organ in (LEFT_KIDNEY, RIGHT_KIDNEY) else 6
        x, y, z = np.clip(random.standard_normal(3), -2, 2) * np.array([0.8, 0.8, 1.7]) * reach
        shifts[organ] = (float(x), float(y), float(z))
    traits = replace(
        traits,
        shift_mm=tuple(shifts),
        width=1 + 0.09 * random.standard_normal(),
        depth=1 + 0.09 * random.standard_normal(),
        breath_mm=float(12 * random.standard_normal()),
    )
    image, labels, geometry = cohort.scan(traits, 1, random)
    first, last = int(random.integers(0, 4)), geometry.size[2] - int(random.integers(0, 4))
    kidneys = np.zeros_like(labels)
    kidneys[labels == RIGHT_KIDNEY], kidneys[labels == LEFT_KIDNEY] = 1, 2
    geometry = replace(geometry, size=(*geometry.size[:2], last - first))
    truth = Segmentation.from_labelmap(kidneys[:, :, first:last].copy(), geometry, {1: "R kidney", 2: "L kidney"})
    return MemoryCase(f"trunk-{number}", Volume(image[:, :, first:last].copy(), geometry), truth)


def splits(
    kind: str, seed: int, chambers: Mapping[int, str] = LEFT_CHAMBER
) -> Iterator[tuple[list[MemoryCase], MemoryCase]]:
    """Cases and target, once for every subject of a cohort.

    Args:
        kind: One of `KINDS`.
        seed: Of the cohort.
        chambers: What is labelled in hearts.
    """
    if kind == "hearts":
        subjects = [heart(seed, number, chambers) for number in range(SUBJECTS)]
        for number, target in enumerate(subjects):
            others = subjects[:number] + subjects[number + 1 :]
            yield (others[:4] if number > 3 else others[-4:]), target
        return
    made = {"trunks": trunk, "heads": head}[kind]
    subjects = [made(seed, number) for number in range(SUBJECTS)]
    half = SUBJECTS // 2
    for number, target in enumerate(subjects):
        yield (subjects[half:] if number < half else subjects[:half]), target


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="hearts")
    parser.add_argument("--seed", type=int, action="append", help="of a cohort, may be given several times; default 1")
    options = parser.parse_args(arguments)
    models = Models(build_segmenter(), build_encoder())
    for seed in options.seed or [1]:
        found: dict[str, list[float]] = {}
        began = time.perf_counter()
        for cases, target in splits(options.kind, seed):
            segmentation = segment_volume(target.image, cases, models, preset("default")).segmentation
            for score in evaluate(segmentation, target.segmentation):
                found.setdefault(score.name, []).append(score.dice)
        seconds = (time.perf_counter() - began) / SUBJECTS
        means = ", ".join(f"{name} {np.mean(dice):.3f}" for name, dice in found.items())
        print(f"{options.kind} {seed}: {means} ({seconds:.1f} s a volume)", flush=True)


if __name__ == "__main__":
    main()
