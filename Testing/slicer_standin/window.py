"""One picture of everything, arranged like Slicer's main window: the module's panel left, four views right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

_BAR_COLOURS = {"Red": "#f34a4a", "Yellow": "#edd54c", "Green": "#6eb04b", "1": "#7473bb"}
_BAR = 20


def use_palette(dark: bool) -> None:
    """Gives all widgets the light or the dark colours that Slicer's own styles have."""
    slicer.app.setStyle("Fusion")
    slicer.app.setPalette(dark_palette() if dark else light_palette())


def light_palette() -> QtGui.QPalette:
    """Returns the colours of "Light Slicer"."""
    return _palette("#f0f0f0", "#1a1a1a", "#ffffff", "#f7f7f7", "#8a8a8a")


def dark_palette() -> QtGui.QPalette:
    """Returns the colours of "Dark Slicer"."""
    return _palette("#323232", "#f0f0f0", "#252525", "#2d2d2d", "#808080")


def _palette(window: str, text: str, base: str, alternate: str, disabled: str) -> QtGui.QPalette:
    roles = QtGui.QPalette
    palette = QtGui.QPalette(QtGui.QColor(window))
    for role, colour in (
        (roles.Window, window),
        (roles.Button, window),
        (roles.Base, base),
        (roles.AlternateBase, alternate),
        (roles.ToolTipBase, base),
        (roles.WindowText, text),
        (roles.ButtonText, text),
        (roles.Text, text),
        (roles.ToolTipText, text),
        (roles.Highlight, "#2f6fb5"),
        (roles.HighlightedText, "#ffffff"),
        (roles.Link, "#3d8bd9" if window == "#323232" else "#1f5fa8"),
        (roles.PlaceholderText, disabled),
    ):
        palette.setColor(role, QtGui.QColor(colour))
    for role in (roles.WindowText, roles.ButtonText, roles.Text):
        palette.setColor(roles.Disabled, role, QtGui.QColor(disabled))
    return palette


def to_image(pixels: np.ndarray) -> QtGui.QImage:
    """Returns a picture of uint8 (height, width, 3) as a QImage that owns its memory."""
    height, width, _ = pixels.shape
    return QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()


def _view_pictures(size: tuple[int, int]) -> list[tuple[str, QtGui.QImage]]:
    layout = slicer.app.layoutManager()
    pictures = [("Red", layout.sliceWidget("Red").sliceView()), ("1", layout.threeDWidget(0).threeDView())]
    pictures += [(name, layout.sliceWidget(name).sliceView()) for name in ("Green", "Yellow")]
    return [(name, to_image(view.picture(size))) for name, view in pictures]


def panel_picture(panel: QtWidgets.QWidget, width: int, height: int) -> QtGui.QImage:
    """Returns the panel's picture, laid out at a size in pixels; what does not fit is scrolled off, as in Slicer."""
    panel.setAttribute(QtCore.Qt.WA_DontShowOnScreen, slicer.app.platformName == "offscreen")
    panel.resize(width, max(height, panel.minimumSizeHint.height()))
    panel.show()
    slicer.app.processEvents()
    image = QtGui.QImage(width, height, QtGui.QImage.Format_RGB888)
    image.fill(slicer.app.palette().color(QtGui.QPalette.Window))
    painter = QtGui.QPainter(image)
    panel.render(painter, QtCore.QPoint(0, 0))
    painter.end()
    return image


def save_widget(widget: QtWidgets.QWidget, file: Path, size: tuple[int, int]) -> None:
    """Writes `panel_picture` of a window of its own as a PNG.

    Raises:
        OSError: the file cannot be written.
    """
    if not panel_picture(widget, *size).save(str(file), "PNG"):
        raise OSError(f"{file}: the picture cannot be written; check the folder and the disk's free space")


def window_picture(panel: Any, size: tuple[int, int] = (1440, 900), panel_width: int = 460) -> QtGui.QImage:
    """Returns the picture of the whole window.

    Args:
        panel: the module's panel.
        size: width and height in pixels.
        panel_width: width of the panel in pixels.
    """
    width, height = size
    column, row = (width - panel_width - 8) // 2, (height - 4) // 2
    image = QtGui.QImage(width, height, QtGui.QImage.Format_RGB888)
    image.fill(slicer.app.palette().color(QtGui.QPalette.Window))
    painter = QtGui.QPainter(image)
    painter.drawImage(0, 0, panel_picture(panel, panel_width, height))
    for index, (name, picture) in enumerate(_view_pictures((column, row - _BAR))):
        x, y = panel_width + 4 + (index % 2) * (column + 4), (index // 2) * (row + 4)
        bar = QtCore.QRect(x, y, column, _BAR)
        painter.fillRect(bar, QtGui.QColor(_BAR_COLOURS[name]))
        painter.setPen(QtGui.QColor("#101010"))
        painter.drawText(bar.adjusted(6, 0, -6, 0), QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft, name[0])
        if name != "1":
            offset = slicer.app.layoutManager().sliceWidget(name).sliceLogic().GetSliceOffset()
            label = f"{_axis(name)}: {offset:.2f} mm"
            painter.drawText(bar.adjusted(6, 0, -6, 0), QtCore.Qt.AlignVCenter | QtCore.Qt.AlignRight, label)
        painter.drawImage(x, y + _BAR, picture)
    painter.end()
    return image


def _axis(name: str) -> str:
    return {"Red": "S", "Yellow": "R", "Green": "A"}[name]


def save_window(panel: Any, file: Path, size: tuple[int, int] = (1440, 900), panel_width: int = 460) -> None:
    """Writes `window_picture` as a PNG.

    Raises:
        OSError: the file cannot be written.
    """
    if not window_picture(panel, size, panel_width).save(str(file), "PNG"):
        raise OSError(f"{file}: the picture cannot be written; check the folder and the disk's free space")
