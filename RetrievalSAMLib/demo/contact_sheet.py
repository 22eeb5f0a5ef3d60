"""One picture of a run: slices with outlines, the support slices drawn on, the segments by colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from .. import NOTICE, __version__
from ..drawing import Mask, Tile, draw_tile, slices_with_segments, spread
from ..errors import InputError
from ..evaluation.metrics import match_segments
from ..retrieval.evidence import SupportCase
from ..segmentation.output.report import SegmentationReport, SupportReport
from ..volumes import Color, Plane, Segmentation, SliceFrame, SliceStack, Volume, shown_color, write_staged
from ..volumes.display.units import volume_text
from ..volumes.overlap import dice

DPI = 150
WIDTH_INCHES = 13.2
COLUMNS = 6

_BACKGROUND, _PANEL, _TEXT, _MUTED = "#14171c", "#1e2229", "#eef0f3", "#9aa3af"
_MARGIN, _GAP, _CAPTION, _HEADER, _HEADING, _FOOTER = 0.35, 0.12, 0.30, 0.92, 0.42, 0.42
_LEGEND_ROW, _SWATCH, _LEGEND_GAP = 0.50, 0.30, 0.12
_SUPPORT_CAPTION = 0.52
_NAME_POINTS, _DETAIL_POINTS = 11, 9
_LOWEST, _HIGHEST = 0.45, 1.4
"""Height of a tile as a part of its width, at least and at most; other slices stand in its middle."""
_SIDES = {
    Plane.AXIAL: ("Right", "Left"),
    Plane.CORONAL: ("Right", "Left"),
    Plane.SAGITTAL: ("Anterior", "Posterior"),
}
"""Of the patient, at the left and right edge of a tile."""


def write_contact_sheet(
    path: Path,
    target: Volume,
    result: Segmentation,
    report: SegmentationReport,
    cases: Sequence[SupportCase],
    reference: Segmentation | None = None,
    slices: int = 12,
) -> None:
    """Draw slices of a segmented volume with the outlines of its segments, and the support slices beneath.

    Slices stand in the canonical orientation of `SliceFrame`, at the true proportions in mm, numbered as in
    the report: along the sliced axis of the input file. Each support shown is the most similar one to the
    slice that its caption names.

    Args:
        path: The PNG to make or replace; 1980 pixels wide.
        target: The volume.
        result: What was found in it.
        report: Of the same run.
        cases: The annotated cases of the run; only those whose slices are shown are loaded.
        reference: The true segmentation, dashed in white, where it is known.
        slices: How many slices to show.

    Raises:
        InputError: ``slices`` is below 1, the grids do not fit, or the file cannot be written.
    """
    if slices < 1:
        raise InputError("contact sheet", f"{slices} slices are too few", "Show 1 or more.")
    figure = _Sheet(target, result, report, cases, reference, slices).figure()

    def save(staged: Path) -> None:
        with staged.open("wb") as stream:
            FigureCanvasAgg(figure).print_png(
                stream, metadata={"Software": f"RetrievalSAM {__version__}", "Comment": NOTICE}
            )

    write_staged(path, save)


class _Sheet:
    """The layout: everything is placed in inches from the top left corner."""

    def __init__(
        self,
        target: Volume,
        result: Segmentation,
        report: SegmentationReport,
        cases: Sequence[SupportCase],
        reference: Segmentation | None,
        slices: int,
    ) -> None:
        self.result, self.report, self.reference = result, report, reference
        self.cases = {case.name: case for case in cases}
        self.plane = Plane(report.plane)
        self.stack = SliceStack.of(target, self.plane)
        self.colors = [shown_color(segment.color, segment.value) for segment in result.segments]
        self.masks = _cut(self.stack.frame, result)
        self.truth = _cut(self.stack.frame, reference) if reference is not None else ()
        shown = spread(slices_with_segments((*self.masks, *self.truth), len(self.stack)), slices)
        self.shown = shown
        self.supports = list(self._supports(spread(shown, COLUMNS)))

        self.columns = min(COLUMNS, len(shown))
        self.tile = (WIDTH_INCHES - 2 * _MARGIN - (COLUMNS - 1) * _GAP) / COLUMNS
        height_mm, width_mm = self.stack.extent_mm
        self.tile_height = self.tile * float(np.clip(height_mm / width_mm, _LOWEST, _HIGHEST))
        self.rows = -(-len(shown) // COLUMNS)
        self.legend = list(self._legend_entries())
        widest = max(
            (max(_inches(name, _NAME_POINTS), _inches(detail, _DETAIL_POINTS)) for name, detail, _ in self.legend),
            default=1.0,
        )
        room, least = WIDTH_INCHES - 2 * _MARGIN + _LEGEND_GAP, _SWATCH + widest + _LEGEND_GAP
        self.legend_columns = max(1, min(int(room / least), len(self.legend)))
        # Spread out over the width, but no wider than looks like one line.
        self.legend_column = min(room / self.legend_columns, least + 0.3)
        self.legend_rows = -(-len(self.legend) // self.legend_columns)
        self.height = (
            _HEADER + self.legend_rows * _LEGEND_ROW
            + _HEADING + self.rows * (self.tile_height + _CAPTION)
            + bool(self.supports) * (_HEADING + self.tile_height + _SUPPORT_CAPTION)
            + _FOOTER
        )  # fmt: skip
        self.canvas = Figure(figsize=(WIDTH_INCHES, self.height), dpi=DPI, facecolor=_BACKGROUND)

    def figure(self) -> Figure:
        """Draw everything."""
        top = self._header()
        top = self._legend(top)
        top = self._heading(top, f"Result, {self.report.plane} slices")
        for number, index in enumerate(self.shown):
            row, column = divmod(number, COLUMNS)
            self._draw(self._target_tile(index), column, top + row * (self.tile_height + _CAPTION))
        top += self.rows * (self.tile_height + _CAPTION)
        if self.supports:
            top = self._heading(top, "Support slices: the most similar one to each of these slices of the result")
            for column, (index, support) in enumerate(self.supports):
                self._draw(self._support_tile(index, support), column, top)
        one, other = _SIDES[self.plane]
        axis = ("first", "second", "third")[self.stack.frame.plane_axis]
        sides = f"{one[0]}: {one.lower()} of the patient, {other[0]}: {other.lower()}."
        note = f"Slices are numbered along the {axis} axis of the file. {sides}"
        self._text(_MARGIN, self.height - 0.19, note, size=9, color=_MUTED)
        self._text(
            WIDTH_INCHES - _MARGIN,
            self.height - 0.19,
            f"RetrievalSAM {__version__}",
            size=9,
            color=_MUTED,
            align="right",
        )
        return self.canvas

    def _supports(self, indices: Sequence[int]) -> Iterator[tuple[int, SupportReport]]:
        """For each slice its most similar support whose case is at hand and that is not shown yet."""
        by_index = {entry.index: entry for entry in self.report.slices}
        seen: set[tuple[str, int]] = set()
        for index in indices:
            entry = by_index.get(self.stack.frame.file_index(index))
            found = [s for segment in entry.segments.values() for s in segment.supports] if entry else []
            found = [s for s in found if s.case in self.cases and (s.case, s.slice) not in seen]
            if found:
                best = max(found, key=lambda s: (s.similarity, s.case, s.slice))
                seen.add((best.case, best.slice))
                yield index, best

    def _target_tile(self, index: int) -> Tile:
        file_index = self.stack.frame.file_index(index)
        entry = next((entry for entry in self.report.slices if entry.index == file_index), None)
        sure = [s.confidence for s in entry.segments.values() if s.area_mm2 > 0] if entry else []
        return Tile(
            image=self.stack.image(index),
            spacing_mm=self.stack.spacing_mm,
            outlines=[(mask[index], color) for mask, color in zip(self.masks, self.colors, strict=True)],
            caption=f"Slice {file_index}",
            detail=f"confidence ≥ {min(sure):.2f}" if sure else "",
            reference=[mask[index] for mask in self.truth],
        )

    def _support_tile(self, index: int, support: SupportReport) -> Tile:
        case = self.cases[support.case]
        stack = SliceStack.of(case.load_image(), self.plane)
        segmentation = case.load_segmentation()
        number = stack.frame.slice_index(support.slice)
        names = {segment.name: color for segment, color in zip(self.result.segments, self.colors, strict=True)}
        keys = {segment.key: color for segment, color in zip(self.result.segments, self.colors, strict=True)}
        outlines = []
        for position, segment in enumerate(segmentation.segments):
            color = keys.get(segment.key) or names.get(segment.name)
            if color is not None:
                outlines.append((stack.frame.to_slices(segmentation.mask(position))[number], color))
        return Tile(
            image=stack.image(number),
            spacing_mm=stack.spacing_mm,
            outlines=outlines,
            caption=f"{_short(support.case, 18)}, slice {support.slice}",
            detail=f"similarity {support.similarity:.3f} to slice {self.stack.frame.file_index(index)}",
            detail_beneath=True,
        )

    def _header(self) -> float:
        report = self.report
        found = sum(bool(mask.any()) for mask in self.masks)
        self._text(_MARGIN, 0.33, "RetrievalSAM", size=19, weight="bold")
        self._text(WIDTH_INCHES - _MARGIN, 0.33, NOTICE, size=12, color="#f5c26b", weight="bold", align="right")
        segments, searched = (
            _count(len(self.masks), "segment"),
            _count(len(self.stack), f"{report.plane} slice"),
        )
        facts = (
            f"{found} of {segments} found on {searched}",
            f"{_count(report.library.cases, 'support case')}",
            f"preset {report.preset}",
            f"model {_short(report.model.name, 24)}",
            f"verdict: {report.verdict}",
        )
        self._text(_MARGIN, 0.67, "   ·   ".join(facts), size=10.5, color=_MUTED)
        return _HEADER

    def _legend(self, top: float) -> float:
        for number, (name, detail, color) in enumerate(self.legend):
            row, column = divmod(number, self.legend_columns)
            x, y = _MARGIN + column * self.legend_column, top + row * _LEGEND_ROW
            if color is None:
                line = Line2D(
                    [x / WIDTH_INCHES, (x + 0.22) / WIDTH_INCHES], [1 - (y + 0.12) / self.height] * 2,
                    color="white", linewidth=1.2, linestyle=(0, (3, 2)), transform=self.canvas.transFigure,
                )  # fmt: skip
                self.canvas.add_artist(line)
            else:
                swatch = Rectangle(
                    (x / WIDTH_INCHES, 1 - (y + 0.21) / self.height), 0.2 / WIDTH_INCHES, 0.17 / self.height,
                    facecolor=color, edgecolor="none", transform=self.canvas.transFigure,
                )  # fmt: skip
                self.canvas.add_artist(swatch)
            self._text(x + _SWATCH, y + 0.12, name, size=_NAME_POINTS)
            self._text(x + _SWATCH, y + 0.32, detail, size=_DETAIL_POINTS, color=_MUTED)
        return top + self.legend_rows * _LEGEND_ROW

    def _legend_entries(self) -> Iterator[tuple[str, str, Color | None]]:
        scores = self._dice()
        for number, (segment, color) in enumerate(zip(self.result.segments, self.colors, strict=True)):
            voxels = int(self.masks[number].sum())
            detail = volume_text(voxels * self.result.geometry.voxel_volume_mm3)
            if number in scores:
                detail += f" · Dice {scores[number]:.3f}"
            yield _short(segment.name, 40), detail, color
        if self.reference is not None:
            yield "Reference", "the true outlines", None

    def _dice(self) -> Mapping[int, float]:
        """Dice by index of the segment, where a reference has it."""
        if self.reference is None:
            return {}
        pairs = match_segments(self.result, self.reference)
        return {
            found: dice(self.result.mask(found), self.reference.mask(true))
            for found, true in pairs
            if found is not None and true is not None
        }

    def _heading(self, top: float, text: str) -> float:
        self._text(_MARGIN, top + 0.22, text, size=12, weight="bold")
        return top + _HEADING

    def _draw(self, tile: Tile, column: int, top: float) -> None:
        left = _MARGIN + column * (self.tile + _GAP)
        axes = self.canvas.add_axes((
            left / WIDTH_INCHES, 1 - (top + self.tile_height) / self.height,
            self.tile / WIDTH_INCHES, self.tile_height / self.height,
        ))  # fmt: skip
        draw_tile(axes, tile, self.tile_height / self.tile)
        for x, side in zip((0.03, 0.97), _SIDES[self.plane], strict=True):
            axes.text(
                x, 0.5, side[0], transform=axes.transAxes, color="#d5dae1", fontsize=8, va="center",
                ha="left" if x < 0.5 else "right", path_effects=[withStroke(linewidth=2, foreground="black")],
            )  # fmt: skip
        below = top + self.tile_height
        self._text(left, below + 0.14, tile.caption, size=9.5)
        if tile.detail_beneath:
            self._text(left, below + 0.33, tile.detail, size=8.5, color=_MUTED)
        else:
            self._text(left + self.tile, below + 0.14, tile.detail, size=8.5, color=_MUTED, align="right")

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        color: str = _TEXT,
        weight: str = "normal",
        align: str = "left",
    ) -> None:
        self.canvas.text(
            x / WIDTH_INCHES, 1 - y / self.height, text, fontsize=size, color=color, fontweight=weight,
            ha=align, va="center", fontfamily="DejaVu Sans", parse_math=False,
        )  # fmt: skip


def _cut(frame: SliceFrame, segmentation: Segmentation) -> tuple[Mask, ...]:
    try:
        return tuple(frame.to_slices(segmentation.mask(number)) for number in range(len(segmentation.segments)))
    except ValueError as error:
        raise InputError(
            "contact sheet", f"volume and segmentation lie on different grids ({error})",
            "Give segmentations of this very volume.",
        ) from error  # fmt: skip


def _inches(text: str, points: float) -> float:
    """Width of a line of text."""
    return float(
        TextPath((0, 0), text or " ", size=points, prop=FontProperties(family="DejaVu Sans")).get_extents().x1 / 72
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
