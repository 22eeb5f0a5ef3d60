"""Points, strokes and boxes that say what belongs to a segment on one slice, as markups of the scene.

A segment has at most two lists of points: inside and outside it. A stroke is an open curve of straight parts; it counts
as points along it. A box is a region of interest that is one slice thick
and lies along the volume's voxels: unlike two points it can be seen, moved and resized in the slice view, and unlike a
closed curve it cannot become anything but a box. They are not saved with a scene: without the result that
they correct they say nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..signal import Signal
from . import scene_nodes
from .slice_views import voxel_to_world, world_to_voxel
from .volume_files import SceneError, file_ijk_to_ras

POINTS, STROKE, BOX = "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsCurveNode", "vtkMRMLMarkupsROINode"
_THICKNESS = 0.9  # of a slice: a box shows on its own slice only
_SIGNS = {True: slicer.vtkMRMLMarkupsDisplayNode.ThickCross2D, False: slicer.vtkMRMLMarkupsDisplayNode.Circle2D}
_GLYPH_PERCENT = 4.0
_LIGHTER = 0.55  # points lie on their own segment, so they are that much nearer to white
_LEAST_STEP = 3.0  # voxels between two places along a stroke
_MOST_PLACES = 16  # of a stroke, beside the points that were set
_LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
_Vector = tuple[float, float, float]


@dataclass(frozen=True)
class KeptPoints:
    """One list of points, or one stroke: segment, its color, whether inside it, positions RAS in mm in the world."""

    segment: str
    color: _Vector
    positive: bool
    positions: tuple[_Vector, ...]
    is_stroke: bool = False


@dataclass(frozen=True)
class KeptBox:
    """One box: segment, its color, object to world (4 x 4, RAS), edges in mm."""

    segment: str
    color: _Vector
    to_world: tuple[tuple[float, ...], ...]
    size: _Vector


@dataclass(frozen=True)
class _Known:
    """A node, and how many points or boxes it holds."""

    node_id: str
    count: int


class Prompts(VTKObservationMixin):
    """The points, strokes and boxes of one volume.

    Attributes:
        axis: The sliced axis of the volume's voxels, 0, 1, 2 as i, j, k.
        changed: Told after every change.
        acted: Told when something was set.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self._volume_id = ""
        self.axis = 2
        self._about: dict[str, tuple[str, bool]] = {}  # segment, and whether inside it, by node ID
        self._colors: dict[str, _Vector] = {}
        self._acts: list[str] = []  # IDs of the nodes in which something was set, in order
        self._taken_back: list[tuple[list[KeptPoints], list[KeptBox]]] = []
        self._putting_back = False
        self.changed = Signal()
        self.acted = Signal()

    def begin(self, volume: slicer.vtkMRMLScalarVolumeNode, axis: int) -> None:
        """For a volume that was sliced along an axis of its voxels (0, 1, 2 as i, j, k); there are none yet."""
        self.clear()
        self._volume_id, self.axis = volume.GetID(), axis

    def clear(self) -> None:
        """Take all out of the scene."""
        nodes = [node for node, _segment, _positive in self._nodes()]
        self._about.clear()
        self._acts, self._taken_back = [], []
        self.removeObservers()
        for node in nodes:
            scene_nodes.remove(node)
        if nodes:
            self.changed.emit()

    def point_list(self, segment: str, color: Sequence[float], positive: bool) -> slicer.vtkMRMLMarkupsFiducialNode:
        """The points inside a segment, or outside it; made where there are none."""
        for node, name, sign in self._nodes(POINTS):
            if (name, sign) == (segment, positive):
                return node
        name = _("Inside {segment}") if positive else _("Outside {segment}")
        node = self._add(POINTS, name.format(segment=segment), segment, color, positive)
        _show_as_points(node, color, positive)
        return node

    def new_stroke(self, segment: str, color: Sequence[float], positive: bool) -> slicer.vtkMRMLMarkupsCurveNode:
        """A stroke inside a segment, or outside it, that has no points yet."""
        name = _("Stroke inside {segment}") if positive else _("Stroke outside {segment}")
        node = self._add(STROKE, name.format(segment=segment), segment, color, positive)
        node.SetCurveTypeToLinear()
        _show_as_points(node, color, positive)
        return node

    def drop_empty_strokes(self, but: str) -> None:
        """Take strokes without a point out of the scene; the one of this node ID is just being drawn."""
        for node, _segment, _positive in list(self._nodes(STROKE)):
            if node.GetID() != but and not _placed(node):
                scene_nodes.remove(node)

    def add_box(
        self, segment: str, color: Sequence[float], first: np.ndarray, last: np.ndarray
    ) -> slicer.vtkMRMLMarkupsROINode:
        """A box round voxels of one slice, from one corner (i, j, k) to the opposite one, both within."""
        volume = self._volume()
        middle = (first + last) / 2
        centre = voxel_to_world(volume, middle)
        edges = np.stack([voxel_to_world(volume, middle + step) - centre for step in np.eye(3)], axis=1)
        step_mm = np.linalg.norm(edges, axis=0)
        size = (last - first + 1) * step_mm
        size[self.axis] = _THICKNESS * step_mm[self.axis]
        to_world = np.eye(4)
        to_world[:3, :3] = _right_angled(edges)
        to_world[:3, 3] = centre
        node = self._add_roi(segment, color, to_world, size)
        self._act(node)
        return node

    def about(self, node_id: str) -> tuple[str, bool] | None:
        """Which segment a list of points is of, and whether they are inside it; None for a node of somebody else."""
        return self._about.get(node_id)

    def is_stroke(self, node_id: str) -> bool:
        """Whether a node is a stroke of these."""
        node = slicer.mrmlScene.GetNodeByID(node_id) if node_id in self._about else None
        return node is not None and node.GetClassName() == STROKE

    def points(self) -> list[dict[str, Any]]:
        """As the worker takes them.

        Raises:
            SceneError: One lies outside the volume.
        """
        told = []
        for node, segment, positive in self._pointing():
            for voxel in self._voxels_along(node):
                told.append({"segment": segment, "position_mm": self._in_file(voxel), "positive": positive})
        return told

    def boxes(self) -> list[dict[str, Any]]:
        """As the worker takes them.

        Raises:
            SceneError: One has no size, or lies outside the volume.
        """
        told = []
        for node, segment, _positive in self._nodes(BOX):
            first, last = self._voxels_of_box(node)
            told.append({"segment": segment, "corners_mm": [self._in_file(first), self._in_file(last)]})
        return told

    def by_place(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Points and boxes as the worker takes them, by segment and slice.

        Raises:
            SceneError: As for `points` and `boxes`.
        """
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for node, segment, positive in self._pointing():
            for voxel in self._voxels_along(node):
                told = {"segment": segment, "position_mm": self._in_file(voxel), "positive": positive}
                place = segment, round(float(voxel[self.axis]))
                found.setdefault(place, {}).setdefault("points", []).append(told)
        for node, segment, _positive in self._nodes(BOX):
            first, last = self._voxels_of_box(node)
            box = {"segment": segment, "corners_mm": [self._in_file(first), self._in_file(last)]}
            found.setdefault((segment, round(float(first[self.axis]))), {}).setdefault("boxes", []).append(box)
        return found

    def take_back(self) -> bool:
        """Take the point (of a stroke too) or box that was set last away again; whether there was one."""
        while self._acts:
            node = slicer.mrmlScene.GetNodeByID(self._acts.pop())
            if node is None or node.GetID() not in self._about:
                continue
            kept = self.keep()
            if node.GetClassName() == BOX or (node.GetClassName() == STROKE and len(_placed(node)) == 1):
                scene_nodes.remove(node)
            elif _placed(node):
                node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
            else:
                continue
            self._taken_back.append(kept)
            self.changed.emit()  # what can be done is another thing now
            return True
        return False

    @property
    def acts(self) -> int:
        """How many times something was set, without what was taken back."""
        return len(self._acts)

    def acted_since(self, acts: int) -> bool:
        """Whether something was set since there were so many `acts`, and is there still."""
        return any(node_id in self._about for node_id in self._acts[acts:])

    @property
    def taken_back(self) -> int:
        """How many are taken back, and can be set again."""
        return len(self._taken_back)

    def forget_taken_back(self) -> None:
        """Something else was done since: what was taken back does not come again."""
        self._taken_back = []

    def set_again(self) -> bool:
        """Bring back what was taken back last; whether there was something."""
        if not self._taken_back:
            return False
        rest, acts, before = self._taken_back[:-1], self._acts, self._known()
        place_of = {one.node_id: place for place, one in before.items()}
        self.put_back(self._taken_back[-1])
        now = self._known()
        # Nodes were made anew: what was set in them is taken back from those that are there now.
        acts = [now[place_of[one]].node_id if place_of.get(one) in now else one for one in acts]
        more = [one.node_id for place, one in now.items() if place not in before or one.count > before[place].count]
        self._acts = [*acts, *more]
        self._taken_back = rest
        self.changed.emit()
        return True

    @property
    def can_take_back(self) -> bool:
        """Whether something was set that can be taken back one by one."""
        return self.acted_since(0)

    @property
    def can_set_again(self) -> bool:
        """Whether something was taken back."""
        return bool(self._taken_back)

    def slices(self) -> list[int]:
        """Indices of the slices that have some.

        Raises:
            SceneError: As for `points` and `boxes`.
        """
        found = set()
        for node, _segment, _positive in self._pointing():
            found |= {round(voxel[self.axis]) for voxel in self._voxels_along(node)}
        for node, _segment, _positive in self._nodes(BOX):
            found.add(round(self._voxels_of_box(node)[0][self.axis]))
        return sorted(found)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is set."""
        return not any(self.count())

    def count(self) -> tuple[int, int, int]:
        """How many points, how many strokes and how many boxes there are."""
        points = sum(len(_placed(node)) for node, _segment, _positive in self._nodes(POINTS))
        strokes = sum(bool(_placed(node)) for node, _segment, _positive in self._nodes(STROKE))
        return points, strokes, len(list(self._nodes(BOX)))

    def keep(self) -> tuple[list[KeptPoints], list[KeptBox]]:
        """What is there, so that it can be put back when its nodes are gone."""
        points = [
            KeptPoints(
                segment,
                self._colors[segment],
                positive,
                tuple(world for _label, world in _placed(node)),
                node.GetClassName() == STROKE,
            )
            for node, segment, positive in self._pointing()
            if _placed(node)
        ]
        boxes = []
        for node, segment, _positive in self._nodes(BOX):
            to_world = slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix())
            rows = tuple(tuple(float(value) for value in row) for row in to_world)
            boxes.append(KeptBox(segment, self._colors[segment], rows, tuple(node.GetSize())))
        return points, boxes

    def put_back(self, kept: tuple[list[KeptPoints], list[KeptBox]]) -> None:
        """Have these and no others."""
        self.clear()
        self._putting_back = True
        for points in kept[0]:
            make = self.new_stroke if points.is_stroke else self.point_list
            node = make(points.segment, points.color, points.positive)
            for position in points.positions:
                node.AddControlPointWorld(vtk.vtkVector3d(*position))
        for box in kept[1]:
            self._add_roi(box.segment, box.color, np.array(box.to_world), np.array(box.size))
        self._putting_back = False
        self._tell()

    def _tell(self) -> None:
        """Once for all that is put back together."""
        if not self._putting_back:
            self.changed.emit()

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        return slicer.mrmlScene.GetNodeByID(self._volume_id) if self._volume_id else None

    def _nodes(self, kind: str = "") -> Iterator[tuple[Any, str, bool]]:
        for node_id, (segment, positive) in list(self._about.items()):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            if node is not None and (not kind or node.GetClassName() == kind):
                yield node, segment, positive

    def _add(self, kind: str, name: str, segment: str, color: Sequence[float], positive: bool) -> Any:
        node = slicer.mrmlScene.AddNewNodeByClass(kind, slicer.mrmlScene.GenerateUniqueName(name))
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        for one in (node, display):
            one.SetSaveWithScene(False)
        display.SetColor(*color)
        display.SetSelectedColor(*color)
        self._about[node.GetID()] = (segment, positive)
        self._colors[segment] = tuple(color)
        scene = slicer.mrmlScene
        if not self.hasObserver(scene, scene.NodeRemovedEvent, self._node_removed):
            self.addObserver(scene, scene.NodeRemovedEvent, self._node_removed)
        self.addObserver(node, node.PointPositionDefinedEvent, self._point_set)
        for event in (node.PointModifiedEvent, node.PointRemovedEvent):
            self.addObserver(node, event, self._node_changed)
        self._tell()
        return node

    def _add_roi(
        self, segment: str, color: Sequence[float], to_world: np.ndarray, size: np.ndarray
    ) -> slicer.vtkMRMLMarkupsROINode:
        node = self._add(BOX, _("Box of {segment}").format(segment=segment), segment, color, True)
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(to_world))
        node.SetSize(*(float(edge) for edge in size))
        display = node.GetDisplayNode()
        display.SetFillVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        display.SetPointLabelsVisibility(False)
        return node

    def _point_set(self, node: Any, _event: Any) -> None:
        if node.GetClassName() != BOX:
            self._act(node)
        self._tell()

    def _act(self, node: Any) -> None:
        if self._putting_back:
            return
        self._acts.append(node.GetID())
        self._taken_back = []
        self.acted.emit()

    def _node_changed(self, _node: Any, _event: Any) -> None:
        self._tell()

    def _node_removed(self, _scene: Any, _event: Any) -> None:
        gone = [node_id for node_id in self._about if slicer.mrmlScene.GetNodeByID(node_id) is None]
        for node_id in gone:
            del self._about[node_id]
        if gone:
            self._tell()

    def _known(self) -> dict[tuple[Any, ...], _Known]:
        """The nodes by what they are still known by when they were made anew: kind, and which one of that kind."""
        found: dict[tuple[Any, ...], _Known] = {}
        for node, segment, positive in self._nodes():
            kind = node.GetClassName(), segment, positive
            number = sum(place[:3] == kind for place in found)
            found[(*kind, number)] = _Known(node.GetID(), 1 if kind[0] == BOX else len(_placed(node)))
        return found

    def _pointing(self) -> Iterator[tuple[Any, str, bool]]:
        """What counts as points."""
        yield from self._nodes(POINTS)
        yield from self._nodes(STROKE)

    def _voxels_along(self, node: Any) -> list[np.ndarray]:
        """Where points lie, (i, j, k), not rounded; of a stroke, places along it as well.

        Raises:
            SceneError: One lies outside the volume.
        """
        found = [self._voxel_of_point(label, world) for label, world in _placed(node)]
        if node.GetClassName() != STROKE or len(found) < 2:
            return found
        parts = [np.linalg.norm(after - before) for before, after in itertools.pairwise(found)]
        steps = max(_LEAST_STEP, sum(parts) / _MOST_PLACES)
        along = [found[0]]
        for (before, after), length in zip(itertools.pairwise(found), parts, strict=True):
            count = max(1, round(length / steps))
            along += [before + (after - before) * step / count for step in range(1, count + 1)]
        return along

    def _voxel_of_point(self, label: str, world: _Vector) -> np.ndarray:
        volume = self._volume()
        voxel = world_to_voxel(volume, np.asarray(world))
        if not np.all(_inside(voxel, volume)):
            raise SceneError(
                _(
                    "The point '{point}' lies outside the volume '{volume}'. Move it into the volume, or delete it."
                ).format(point=label, volume=volume.GetName())
            )
        return voxel

    def _voxels_of_box(self, node: slicer.vtkMRMLMarkupsROINode) -> tuple[np.ndarray, np.ndarray]:
        """Two opposite corners (i, j, k), not rounded, on the slice that is nearest to the box's middle."""
        volume, half = self._volume(), np.asarray(node.GetSize()) / 2
        across = [axis for axis in range(3) if axis != self.axis]
        corners = np.array(np.meshgrid(*[(-h, h) for h in half], indexing="ij")).reshape(3, -1)
        to_world = slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix())
        world = (to_world @ np.vstack([corners, np.ones(8)]))[:3].T
        voxels = np.array([world_to_voxel(volume, corner) for corner in world])
        middle = world_to_voxel(volume, to_world[:3, 3])
        # A voxel reaches half a step beyond its middle; the corners are the middles of the outermost ones.
        first, last = voxels.min(axis=0) + 0.5, voxels.max(axis=0) - 0.5
        first[self.axis] = last[self.axis] = round(middle[self.axis])
        if np.any(voxels.max(axis=0)[across] - voxels.min(axis=0)[across] <= 0):
            raise SceneError(_("The box '{box}' has no size. Draw it larger, or delete it.").format(box=node.GetName()))
        highest = np.asarray(volume.GetImageData().GetDimensions()) - 1.0
        if np.any(last < -0.5) or np.any(first > highest + 0.5):
            raise SceneError(
                _("The box '{box}' lies outside the volume '{volume}'. Move it into the volume, or delete it.").format(
                    box=node.GetName(), volume=volume.GetName()
                )
            )
        return np.clip(first, 0, highest), np.clip(last, 0, highest)

    def _in_file(self, voxel: np.ndarray) -> list[float]:
        """LPS in mm, as the volume's file has them, of a voxel (i, j, k)."""
        ras = (file_ijk_to_ras(self._volume()) @ np.append(voxel, 1.0))[:3]
        return [float(part) for part in ras * _LPS_FROM_RAS]


def _show_as_points(node: slicer.vtkMRMLMarkupsNode, color: Sequence[float], positive: bool) -> None:
    display = node.GetDisplayNode()
    for set_color in (display.SetColor, display.SetSelectedColor, display.SetActiveColor):
        set_color(*(part + _LIGHTER * (1 - part) for part in color))
    display.SetGlyphType(_SIGNS[positive])
    display.SetUseGlyphScale(True)
    display.SetGlyphScale(_GLYPH_PERCENT)
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)


def _placed(node: slicer.vtkMRMLMarkupsNode) -> list[tuple[str, _Vector]]:
    """Name and position in the world of the points that were placed; the one under the mouse pointer is not."""
    found = []
    for number in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(number) == node.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(number, position)
            found.append((node.GetNthControlPointLabel(number), tuple(position)))
    return found


def _inside(voxel: np.ndarray, volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    return (voxel >= -0.5) & (voxel < np.asarray(volume.GetImageData().GetDimensions()) - 0.5)


def _right_angled(edges: np.ndarray) -> np.ndarray:
    """Right-handed axes of length 1, as columns, nearest first along those of the volume, which may be sheared."""
    turned, scale = np.linalg.qr(edges)
    turned = turned * np.sign(np.diag(scale))
    if np.linalg.det(turned) < 0:
        turned[:, 0] *= -1  # a box is its own mirror image
    return turned
