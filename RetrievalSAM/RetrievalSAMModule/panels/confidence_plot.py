"""Confidence along the slices as a picture: one line a segment, in the segment's color."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 32
_LINE_WIDTH = 2
_FAINT = 70  # of 255, the opacity of the grid


def plot_confidence(
    lines: Sequence[tuple[Sequence[float], Sequence[tuple[int, float]]]],
    first: int,
    last: int,
    marked: int | None,
    size: qt.QSize,
    palette: qt.QPalette,
) -> qt.QPixmap:
    """Draw the plot in the colors of the application, light or dark.

    Args:
        lines: RGB in [0, 1], and (slice index, confidence in [0, 1]) by ascending index.
        first: Index of the first slice.
        last: Index of the last slice.
        marked: Index of the slice on display, or None.
        size: Of the picture in pixels.
        palette: Of the widget that will show it.
    """
    picture = qt.QPixmap(size)
    picture.fill(palette.color(qt.QPalette.Base))
    width, height = size.width() - _LEFT - _RIGHT, size.height() - _TOP - _BOTTOM

    def place(index: float, value: float) -> qt.QPointF:
        across = (index - first) / max(last - first, 1)
        return qt.QPointF(_LEFT + across * width, _TOP + (1 - value) * height)

    painter = qt.QPainter(picture)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    text = palette.color(qt.QPalette.Text)
    faint = qt.QColor(text.red(), text.green(), text.blue(), _FAINT)
    for value in (0.0, 0.5, 1.0):
        painter.setPen(qt.QPen(faint, 1))
        painter.drawLine(place(first, value), place(last, value))
        painter.setPen(text)
        painter.drawText(qt.QRectF(0, place(first, value).y() - 8, _LEFT - 5, 16), _RIGHT_AND_MIDDLE, f"{value:g}")
    for index, alignment in ((first, qt.Qt.AlignLeft), (last, qt.Qt.AlignRight)):
        left = _LEFT if index == first else _LEFT + width - 60
        painter.drawText(qt.QRectF(left, _TOP + height + 2, 60, 15), alignment, str(index))
    painter.drawText(
        qt.QRectF(_LEFT, _TOP + height + 14, width, 16), qt.Qt.AlignHCenter, _("Confidence along the slices")
    )
    if marked is not None and first <= marked <= last:
        painter.setPen(qt.QPen(text, 1, qt.Qt.DashLine))
        painter.drawLine(place(marked, 0.0), place(marked, 1.0))
    for color, points in lines:
        pen = qt.QPen(qt.QColor(*(round(255 * part) for part in color)), _LINE_WIDTH)
        painter.setPen(pen)
        for before, after in itertools.pairwise(points):
            if after[0] == before[0] + 1:  # a gap where the segment is absent
                painter.drawLine(place(*before), place(*after))
        for point in points:
            painter.drawEllipse(place(*point), 1.0, 1.0)
    painter.end()
    return picture


def slice_in_plot(x: float, first: int, last: int, width: int) -> int:
    """The index of the slice that is drawn at a place in the picture.

    Args:
        x: From the picture's left edge, in pixels.
        first: Index of the first slice.
        last: Index of the last slice.
        width: Of the picture in pixels.
    """
    across = (x - _LEFT) / (width - _LEFT - _RIGHT)
    return round(first + min(max(across, 0.0), 1.0) * (last - first))


class PlotClicks:
    """Tells which slice was clicked in a plot.

    Attributes:
        slice_at: From pixels to the index of a slice, for the plot that is shown.
    """

    def __init__(self, label: qt.QLabel, clicked: Callable[[int], None]) -> None:
        self.slice_at: Callable[[float], int] | None = None
        self._clicked = clicked

        class Filter(qt.QObject):
            def eventFilter(_filter, _watched: Any, event: Any) -> bool:  # noqa: N802, N805
                self._heard(event)
                return False

        self._filter = Filter()
        label.setCursor(qt.QCursor(qt.Qt.PointingHandCursor))
        label.installEventFilter(self._filter)

    def _heard(self, event: Any) -> None:
        if self.slice_at is not None and event.type() == qt.QEvent.MouseButtonRelease:
            # Qt 6 has another name for it, and warns of the one that Qt 5 has.
            place = event.position() if hasattr(event, "position") else event.pos()
            self._clicked(self.slice_at(place.x()))


_RIGHT_AND_MIDDLE = qt.Qt.AlignRight | qt.Qt.AlignVCenter
