"""A window for people: the module's panel beside the views, on a desktop without Slicer."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .window import to_image


class _ViewLabel(QtWidgets.QLabel):
    """Shows one view's picture; the wheel goes through the slices."""

    def __init__(self, name: str, view: Any, logic: Any = None) -> None:
        super().__init__()
        self._view, self._logic = view, logic
        self.setMinimumSize(200, 200)
        self.toolTip = f"{name}: the wheel goes through the slices" if logic is not None else "3D"

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Moves one slice up or down."""
        if self._logic is not None:
            step = self._logic.GetLowestVolumeSliceSpacing()[2] or 1.0
            steps = 1 if event.angleDelta().y() > 0 else -1
            self._logic.SetSliceOffset(self._logic.GetSliceOffset() + steps * step)
            self.show_picture()

    def show_picture(self) -> None:
        """Renders the view at the label's size."""
        picture = self._view.picture((max(self.width, 50), max(self.height, 50)))
        self.setPixmap(QtGui.QPixmap.fromImage(to_image(picture)))


class DesktopWindow(QtWidgets.QMainWindow):
    """The window; views are drawn anew when something in the scene has changed."""

    def __init__(self, panel: QtWidgets.QWidget, title: str) -> None:
        super().__init__()
        self.windowTitle = title
        scroll = QtWidgets.QScrollArea()
        scroll.setWidget(panel)
        scroll.setWidgetResizable(True)
        scroll.setMinimumWidth(460)
        layout = slicer.app.layoutManager()
        slices = {name: layout.sliceWidget(name) for name in ("Red", "Green", "Yellow")}
        labels = {name: _ViewLabel(name, part.sliceView(), part.sliceLogic()) for name, part in slices.items()}
        three_d = _ViewLabel("3D", layout.threeDWidget(0).threeDView())
        self._labels = (*labels.values(), three_d)
        views = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(views)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for index, label in enumerate((labels["Red"], three_d, labels["Green"], labels["Yellow"])):
            grid.addWidget(label, index // 2, index % 2)
        splitter = QtWidgets.QSplitter()
        splitter.addWidget(scroll)
        splitter.addWidget(views)
        splitter.setStretchFactor(1, 1)
        self.setCentralWidget(splitter)
        self.resize(1440, 900)
        self._stamp: Any = None
        self._timer = QtCore.QTimer(self)
        self._timer.connect("timeout()", self._draw_if_changed)
        self._timer.start(200)

    def _draw_if_changed(self) -> None:
        scene = slicer.mrmlScene
        nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
        sizes = tuple((label.width, label.height) for label in self._labels)
        stamp = (scene.GetMTime(), sum(node.GetMTime() for node in nodes), sizes)
        if stamp != self._stamp:
            self._stamp = stamp
            for label in self._labels:
                label.show_picture()
