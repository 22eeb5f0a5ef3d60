"""A made-up trunk: where its organs lie and how bright they are, for the made-up cohort.

Positions are in mm in the body's own axes: x towards the left, y towards posterior, z towards superior, the
origin in the middle of the body at the height of the kidneys' upper poles. Intensities are Hounsfield units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .shapes import Array, Point, Points, capsule, cylinder, joined, superellipsoid, swept

# Values are those of the segments of the cohort.
LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY, AORTA, SPINE = range(1, 7)

_AIR, _LUNG, _FAT, _MUSCLE, _GUT = -1000.0, -820.0, -105.0, 55.0, 38.0
_TOP, _BOTTOM = 140.0, -140.0


@dataclass(frozen=True)
class Traits:
    """What makes a person: sizes relative to the mean, displacements in mm, intensities in HU."""

    width: float
    depth: float
    fat_mm: float
    breath_mm: float
    dome_mm: tuple[float, float]
    scoliosis_mm: float
    lordosis_mm: float
    size: tuple[float, ...]
    shift_mm: tuple[Point, ...]
    turn_degrees: tuple[Point, ...]
    liver_left_lobe: float
    bifurcation_mm: float
    aorta_mm: float
    phase: float
    liver_fat: float
    bone_hu: float
    stomach: tuple[float, float]
    gut_seed: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Traits:
        """A person drawn at random."""

        def near(mean: float, spread: float) -> float:
            return float(mean + spread * np.clip(rng.standard_normal(), -2, 2))

        def near_point(spread: float) -> Point:
            return near(0, spread), near(0, spread), near(0, spread)

        organs = 7
        return cls(
            width=near(1.0, 0.05), depth=near(1.0, 0.05), fat_mm=float(rng.uniform(8, 24)),
            breath_mm=near(0, 7), dome_mm=(near(98, 5), near(84, 5)), scoliosis_mm=near(0, 4),
            lordosis_mm=near(7, 3), size=tuple(near(1, 0.06) for _ in range(organs)),
            shift_mm=tuple(near_point(3.5) for _ in range(organs)),
            turn_degrees=tuple(near_point(6) for _ in range(organs)), liver_left_lobe=near(1.0, 0.12),
            bifurcation_mm=near(-86, 6), aorta_mm=near(11.0, 1.0), phase=float(rng.uniform(0.35, 1)),
            liver_fat=float(rng.uniform(0, 1) ** 2), bone_hu=near(190, 30),
            stomach=(near(1, 0.12), near(-48, 6)), gut_seed=int(rng.integers(2**31)),
        )  # fmt: skip


@dataclass
class Canvas:
    """Intensities and the parts of voxels that belong to each segment, painted one solid over the other.

    Attributes:
        points: Where the samples lie in the body.
        softness_mm: Width over which a surface passes from one solid to the next (partial volume).
        hu: Intensities at the samples.
        parts: By segment value, the part of each sample's surroundings that the segment fills.
    """

    points: Points
    softness_mm: float
    hu: Array = field(init=False)
    parts: dict[int, Array] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.hu = np.full(self.points.x.shape, _AIR, dtype=np.float32)
        # Along each array axis, the least and largest x, y and z of every plane of samples.
        sides = [_bounds(side) for side in (self.points.x, self.points.y, self.points.z)]
        self._bounds = list(zip(*sides, strict=True))

    def near(self, low: Point, high: Point) -> tuple[slice, ...]:
        """A box of samples, as small as is quickly found, that holds all samples between two corners."""
        box = []
        for bounds in self._bounds:
            meets = [(most > a) & (least < b) for (least, most), a, b in zip(bounds, low, high, strict=True)]
            (hit,) = np.nonzero(np.logical_and.reduce(meets))
            box.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
        return tuple(box)

    def paint(self, depth_mm: Array, value: float | Array, box: tuple[slice, ...] = ()) -> Array:
        """Put a solid over what is there; returns how much of each sample it fills."""
        part: Array = np.clip(depth_mm * np.float32(1 / self.softness_mm) + np.float32(0.5), 0, 1)
        self.hu[box] += part * (value - self.hu[box])
        return part

    def organ(self, segment: int, depth_mm: Array, value: float | Array, box: tuple[slice, ...] = ()) -> None:
        """The same for a solid that is a segment; it takes the place of segments painted before."""
        part = self.paint(depth_mm, value, box)
        for other in self.parts.values():
            other[box] *= 1 - part
        whole = self.parts.setdefault(segment, np.zeros_like(self.hu))
        whole[box] = np.maximum(whole[box], part)

    def cavity_in(self, segment: int, depth_mm: Array, value: float, box: tuple[slice, ...] = ()) -> None:
        """Paint something over a segment that is not part of it."""
        self.parts[segment][box] *= 1 - self.paint(depth_mm, value, box)


def _bounds(coordinate: Array) -> list[tuple[Array, Array]]:
    """Along each of the three axes, the least and the largest value in every plane."""
    least, most = coordinate.min(axis=2), coordinate.max(axis=2)
    planes = [(least.min(axis=other), most.max(axis=other)) for other in (1, 0)]
    return [*planes, (coordinate.min(axis=(0, 1)), coordinate.max(axis=(0, 1)))]


def paint_trunk(canvas: Canvas, traits: Traits) -> None:
    """Paint a person: wall and cavity, lungs, gut, then the organs that are segments."""
    _Trunk(canvas, traits).paint()


class _Trunk:
    """The parts of one person, which know of each other where they touch."""

    def __init__(self, canvas: Canvas, traits: Traits) -> None:
        self.canvas, self.traits, self.points = canvas, traits, canvas.points
        self.half = 150 * traits.width, 104 * traits.depth
        fat, wall = traits.fat_mm, 13.0
        taper = 1 + np.float32(0.0004) * self.points.z
        flat = Points(self.points.x / taper, self.points.y / taper, self.points.z)
        self.body = cylinder(flat, (0, 0), self.half, 2.4)
        self.wall = cylinder(flat, (0, 0), (self.half[0] - fat, self.half[1] - 0.8 * fat), 2.3)
        inner = (self.half[0] - fat - wall, self.half[1] - 0.8 * fat - wall)
        self.cavity = cylinder(flat, (0, 0), inner, 2.2)
        self.inner = inner
        self.dome = self._dome()

    def paint(self) -> None:
        self._wall()
        self._psoas()
        self._gut()
        self._chest()
        self._liver()
        self._spleen()
        self._kidney(RIGHT_KIDNEY)
        self._kidney(LEFT_KIDNEY)
        self._spine()
        self._vessels()

    def _dome(self) -> Array:
        """Depth below the diaphragm, positive in the abdomen."""
        p, (right, left) = self.points, self.traits.dome_mm
        height = (
            right * np.exp(-(((p.x + 68) / 58) ** 2) - ((p.y + 2) / 70) ** 2)
            + left * np.exp(-(((p.x - 66) / 54) ** 2) - (p.y / 66) ** 2)
            - 0.3 * p.y + self.traits.breath_mm
        )  # fmt: skip
        # The diaphragm is steep towards the wall: the vertical distance there is longer than the true one.
        return ((height - p.z) * np.float32(0.7)).astype(np.float32)

    def _spine_at(self, z: Array | float) -> tuple[Array, Array]:
        """Centre (x, y) of the vertebral bodies at a height."""
        z = np.asarray(z, dtype=np.float32)
        x = self.traits.scoliosis_mm * np.sin(z / 60 + 0.6)
        y = self.inner[1] - 27 - self.traits.lordosis_mm * np.cos((z + 60) / 75)
        return x.astype(np.float32), y.astype(np.float32)

    def _wall(self) -> None:
        canvas, p = self.canvas, self.points
        canvas.paint(self.body, _FAT)
        canvas.paint(np.minimum(self.body, 2.5 - self.body), -20.0)
        canvas.paint(self.wall, _MUSCLE)
        # Ribs run down towards anterior, in the wall, twelve pairs far apart; below them there are none.
        phase = np.mod(p.z - 0.9 * p.y + 8, 31) - 15.5
        rib = np.minimum(3.6 - np.abs(self.wall - 7), 6.5 - np.abs(phase))
        reach = np.minimum(p.z - 0.9 * p.y + 34, np.abs(p.x) - 34)
        canvas.paint(np.minimum(rib, reach), 330.0)
        canvas.paint(self.cavity, _FAT + 8)

    def _chest(self) -> None:
        canvas, p = self.canvas, self.points
        above = np.minimum(-self.dome, self.cavity - 1)
        canvas.paint(above, _LUNG)
        canvas.paint(np.minimum(above, cylinder(p, (2, 18), (30, 82), 2.5)), 35.0)
        heart = superellipsoid(p, (18, -38, 112 + self.traits.breath_mm), (58, 46, 44), 2.0, (0, 25, 20))
        canvas.paint(np.minimum(heart, above), 60 + 90 * self.traits.phase)

    def _psoas(self) -> None:
        """The muscles beside the spine, wider further down."""
        box = self.canvas.near((-110, -20, _BOTTOM), (110, 110, _TOP))
        p = self.points[box]
        x, y = self._spine_at(p.z)
        radius = 6 + 0.16 * np.clip(20 - p.z, 0, 110)
        for side in (-1, 1):
            away = np.float32(side) * (33 + 0.10 * np.clip(-p.z, 0, None))
            self.canvas.paint(radius - np.hypot(p.x - x - away, 1.1 * (p.y - y - 4)), _MUSCLE + 5, box)

    def _gut(self) -> None:
        """Stomach, colon and small bowel: what lies around the segments, no two people alike."""
        traits = self.traits
        rng = np.random.default_rng(traits.gut_seed)
        inside = self.cavity - 3
        for _ in range(34):
            centre = (rng.uniform(-80, 80), rng.uniform(-62, 5), rng.uniform(-125, 4))
            radii = (rng.uniform(13, 24), rng.uniform(11, 18), rng.uniform(11, 22))
            self._bubble(centre, radii, _GUT + rng.uniform(-18, 45), inside, gas=rng.random() < 0.25)
        # Ascending and descending colon.
        for x, y, top in ((-98 * traits.width, 8.0, 2), (101 * traits.width, 16.0, 18)):
            for z in range(-128, top, 17):
                radii = (rng.uniform(15, 20), rng.uniform(15, 21), rng.uniform(13, 17))
                centre = (x + rng.normal(0, 3), y + rng.normal(0, 4), float(z))
                self._bubble(centre, radii, rng.uniform(5, 60), inside, gas=rng.random() < 0.55)
        size, front = traits.stomach
        centre, radii = (46.0, front + 14, 42 + traits.breath_mm), (42 * size, 34 * size, 40 * size)
        self._bubble(centre, radii, 22.0, inside, gas=True)

    def _bubble(self, centre: Point, radii: Point, value: float, inside: Array, gas: bool) -> None:
        """A piece of gut with a wall, its contents, and perhaps gas above a level."""
        reach = max(radii) + 6
        box = self.canvas.near(*_corners(centre, reach))
        sub = self.points[box]
        shape = np.minimum(superellipsoid(sub, centre, radii, 2.3), np.minimum(inside[box], self.dome[box] - 3))
        self.canvas.paint(shape, 65.0, box)
        self.canvas.paint(shape - 3, value, box)
        if gas:
            level = np.float32(centre[1] - 0.35 * radii[1]) - sub.y
            self.canvas.paint(np.minimum(shape - 3, level), -900.0, box)

    def _moved(self, organ: int, centre: Point, with_breath: float) -> Point:
        x, y, z = (a + b for a, b in zip(centre, self.traits.shift_mm[organ], strict=True))
        return x, y, z + with_breath * self.traits.breath_mm

    def _liver(self) -> None:
        t = self.traits
        size, turn = t.size[LIVER], t.turn_degrees[LIVER]
        x, y, z = self._moved(LIVER, (-70 * t.width, 2, 34), 1.0)
        box = self.canvas.near((-180, -110, z - 110), (x + 170, 110, _TOP))
        p = self.points[box]
        right = superellipsoid(p, (x, y, z), (68 * size, 78 * size, 90 * size), 2.2, (turn[0] - 8, turn[1] - 14, 0))
        lobe = t.liver_left_lobe * size
        left_centre = (x + 74, y - 44, z + 26)
        left = superellipsoid(p, left_centre, (66 * lobe, 30 * lobe, 36 * lobe), 2.2, (0, 12 + turn[1], 8))
        # The visceral surface: hollowed from behind and below, so that the right lobe ends in a lateral tip.
        hollow = superellipsoid(p, (x + 62, 44, z - 66), (60, 64, 84), 2.2, (0, -10, 0))
        depth = np.minimum(joined(right, left, 22), -hollow)
        depth = np.minimum(depth, np.minimum(self.cavity[box] - 2, self.dome[box] - 2))
        value = 62 + 52 * t.phase - 45 * t.liver_fat
        self.canvas.organ(LIVER, depth, value, box)
        full = np.full_like(self.canvas.hu, -1)
        full[box] = depth
        hilum = (x + 42, y + 8, z - 4)
        vessel = 105 + 60 * t.phase - 20 * t.liver_fat
        for end in (
            (-40, -30, 18),
            (-46, 22, 8),
            (-16, -38, 34),
            (46, -44, 30),
            (-30, 6, -30),
            (-24, 24, 40),
        ):
            tip = (hilum[0] + end[0], hilum[1] + end[1], hilum[2] + end[2])
            low, high = np.minimum(hilum, tip) - 8, np.maximum(hilum, tip) + 8
            branch = self.canvas.near((low[0], low[1], low[2]), (high[0], high[1], high[2]))
            rod = capsule(self.points[branch], hilum, tip, 4.2)
            self.canvas.paint(np.minimum(rod, full[branch]), vessel, branch)
        bladder = (x + 30, y - 40, z - 42)
        box = self.canvas.near(*_corners(bladder, 40))
        shape = superellipsoid(self.points[box], bladder, (13, 14, 25), 2, (25, 0, 0))
        self.canvas.cavity_in(LIVER, shape, 8.0, box)

    def _spleen(self) -> None:
        t = self.traits
        size, turn = t.size[SPLEEN], t.turn_degrees[SPLEEN]
        x, y, z = self._moved(SPLEEN, (self.inner[0] - 27, 30, 44), 0.9)
        box = self.canvas.near(*_corners((x, y, z), 85))
        sub = self.points[box]
        whole = superellipsoid(
            sub, (x, y, z), (36 * size, 46 * size, 54 * size), 2.3, (turn[0] + 20, turn[1], 28 + turn[2])
        )
        stomach = superellipsoid(sub, (x - 50, y - 26, z - 4), (44, 42, 62), 2.2)
        depth = np.minimum(np.minimum(whole, -stomach), np.minimum(self.cavity[box] - 2, self.dome[box] - 2))
        self.canvas.organ(SPLEEN, depth, 74 + 52 * t.phase, box)

    def _kidney(self, organ: int) -> None:
        t = self.traits
        side = 1 if organ == LEFT_KIDNEY else -1
        size = t.size[organ]
        tilt, swing, roll = t.turn_degrees[organ]
        spine_x, _ = self._spine_at(-10.0)
        home = (float(spine_x) + side * 61, self.inner[1] - 32, -16.0 if side > 0 else -30.0)
        centre = self._moved(organ, home, 0.6)
        box = self.canvas.near(*_corners(centre, 78))
        sub = self.points[box]
        turn = (tilt * 0.7 - 6, side * -13 + swing * 0.5, side * 25 + roll)
        whole = superellipsoid(sub, centre, (25 * size, 31 * size, 56 * size), 2.1, turn)
        hilum = (centre[0] - side * 25 * size, centre[1] - 9, centre[2])
        sinus = superellipsoid(sub, hilum, (17 * size, 14 * size, 25 * size), 2.0, turn)
        depth = np.minimum(whole, -sinus)
        depth = np.minimum(depth, self.cavity[box] - 3)
        # Towards the portal venous phase the medulla catches up with the cortex.
        cortex, medulla = 175 - 10 * t.phase, 85 + 75 * t.phase
        self.canvas.organ(organ, depth, cortex, box)
        lumps = 2.5 * np.sin(sub.z / 5.0) * np.sin((sub.y + sub.x) / 6.5)
        self.canvas.paint(np.minimum(depth - 7 + lumps, depth), medulla, box)

    def _spine(self) -> None:
        t, organ = self.traits, SPINE
        size = t.size[organ]
        box = self.canvas.near((-75, -20, _BOTTOM), (75, 130, _TOP))
        sub = self.points[box]
        x, y = self._spine_at(sub.z)
        local = Points(sub.x - x, sub.y - y, sub.z)
        # A vertebra and its disc every 34 mm, waisted in the middle.
        height = np.mod(sub.z - 11 + t.shift_mm[organ][2], 34) - 17
        waist = 1 - 0.10 * np.cos(height * np.float32(np.pi / 17)) ** 2
        local = Points(local.x / waist, local.y / waist, sub.z)
        bodies = cylinder(local, (0, 0), (23 * size, 18 * size), 2.3)
        between = 12.5 - np.abs(height)
        canal = cylinder(local, (0, 27 * size), (11, 9.5))
        arch = cylinder(local, (0, 27 * size), (19, 15), 2.4)
        process = np.minimum(
            4.5 - np.abs(local.x),
            np.minimum(38 + 14 * size - local.y, np.minimum(local.y - 30, 11 - np.abs(height - 6))),
        )
        transverse = np.minimum(4.5 - np.abs(height - 3), np.minimum(44 - np.abs(local.x), 5 - np.abs(local.y - 24)))
        arch = joined(arch, np.maximum(process, transverse), 4)
        muscles = np.maximum(cylinder(local, (-30, 38), (26, 17), 2.2), cylinder(local, (30, 38), (26, 17), 2.2))
        self.canvas.paint(np.minimum(muscles, self.body[box] - 0.5 * t.fat_mm), _MUSCLE - 5, box)
        depth = np.minimum(joined(bodies, arch, 3), np.minimum(-canal, self.body[box] - 6))
        self.canvas.organ(organ, depth, 85.0, box)
        bone = np.minimum(depth, np.maximum(between, local.y - 17 * size))
        self.canvas.paint(bone, t.bone_hu + 170, box)
        self.canvas.paint(bone - 3, t.bone_hu, box)
        self.canvas.paint(canal, 28.0, box)

    def _vessels(self) -> None:
        t = self.traits
        levels = (t.bifurcation_mm - 2, t.bifurcation_mm + 40, -10.0, 40.0, 90.0, _TOP)
        path, cava = [], []
        for z, left in zip(levels, (3, 6, 8, 11, 18, 22), strict=True):
            x, y = (float(value) for value in self._spine_at(z))
            behind = 0 if z < 60 else 6
            path.append((x + left, y - 33 + behind))
            cava.append((x - 19, y - 29 - (10 if z > 30 else 0)))
        across = [x for x, _ in path + cava], [y for _, y in path + cava]
        low = (min(across[0]) - 55, min(across[1]) - 30, _BOTTOM)
        box = self.canvas.near(low, (max(across[0]) + 55, max(across[1]) + 40, _TOP))
        p = self.points[box]
        self.canvas.paint(swept(p, levels, cava, (10.0, 10.5, 11.5, 11.5, 11.0, 10.0)), 60 + 75 * t.phase, box)
        enhanced = 265 - 105 * t.phase
        (x, y), bottom = path[0], levels[0]
        for side in (-1, 1):
            iliac = capsule(p, (x + side * 4, y, bottom), (x + side * 34, y + 14, bottom - 62), 6.0)
            self.canvas.paint(np.minimum(iliac, bottom - p.z), enhanced, box)
        radius = t.aorta_mm * t.size[AORTA]
        radii = [radius * factor for factor in (0.82, 0.85, 0.93, 1.0, 1.06, 1.1)]
        self.canvas.organ(AORTA, swept(p, levels, path, radii), enhanced, box)


def _corners(centre: Point, reach_mm: float) -> tuple[Point, Point]:
    x, y, z = centre
    return (x - reach_mm, y - reach_mm, z - reach_mm), (x + reach_mm, y + reach_mm, z + reach_mm)
