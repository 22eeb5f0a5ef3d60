"""The ctk widgets that module panels use, on PySide6: same properties, signals and slots, similar looks."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from .native import delegated_property, native_widget, plain_property


@native_widget
class ctkCollapsibleButton(QtWidgets.QWidget):
    """A section with a header that folds it."""

    contentsCollapsed = Signal(bool)
    toggled = Signal(bool)
    clicked = Signal(bool)

    def __init__(self, parent: Any = None) -> None:
        text = parent if isinstance(parent, str) else ""
        super().__init__(None if isinstance(parent, str) else parent)
        self._collapsed, self._text = False, text
        self._hidden: list[QtWidgets.QWidget] = []
        self.setContentsMargins(0, self._header_height(), 0, 0)

    def _header_height(self) -> int:
        return self.fontMetrics().height() + 10

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Paints the header, and a frame round the contents."""
        painter = QtWidgets.QStylePainter(self)
        header = self.rect.adjusted(0, 0, 0, 0)
        header.setHeight(self._header_height() - 2)
        painter.setPen(self.palette.color(QtGui.QPalette.Mid))
        painter.fillRect(header, self.palette.color(QtGui.QPalette.Button))
        painter.drawRect(header.adjusted(0, 0, -1, -1))
        if not self._collapsed:
            painter.drawRect(self.rect.adjusted(0, header.height() - 1, -1, -1))
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, header.height() // 2 - 6, 12, 12)
        shape = QtWidgets.QStyle.PE_IndicatorArrowRight if self._collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        painter.drawPrimitive(shape, arrow)
        painter.setPen(self.palette.color(QtGui.QPalette.ButtonText))
        painter.drawText(header.adjusted(24, 0, -6, 0), Qt.AlignVCenter | Qt.AlignLeft, self._text)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        """Folds or unfolds on a click on the header."""
        if event.position().y() <= self._header_height():
            self.setCollapsed(not self._collapsed)
            self.clicked.emit(not self._collapsed)

    def _contents(self) -> list[QtWidgets.QWidget]:
        return list(self.findChildren(QtWidgets.QWidget, options=Qt.FindDirectChildrenOnly))

    def setCollapsed(self, collapsed: bool) -> None:
        """Hides or shows the contents."""
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self._hidden = [child for child in self._contents() if not child.isHidden()]
            for child in self._hidden:
                child.setVisible(False)
        else:
            for child in self._hidden:
                child.setVisible(True)
            self._hidden = []
        self.setMaximumHeight(self._header_height() if collapsed else 16777215)
        self.updateGeometry()
        self.update()
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    def _set_text(self, text: str) -> None:
        self._text = text
        self.update()

    def minimumSizeHint(self) -> QtCore.QSize:
        """Returns the least size: the header's when folded."""
        if self._collapsed or self.layout() is None:
            return QtCore.QSize(60, self._header_height())
        return self.layout().totalMinimumSize()

    def setText(self, text: str) -> None:
        """Sets the header's text."""
        self._set_text(text)

    collapsed = Property(bool, lambda self: self._collapsed, setCollapsed)
    text = Property(str, lambda self: self._text, _set_text)
    checked = Property(bool, lambda self: not self._collapsed, lambda self, on: self.setCollapsed(not on))
    collapsedHeight = plain_property(int, "collapsedHeight", 10)
    contentsFrameShape = plain_property(int, "contentsFrameShape", 0)
    flat = plain_property(bool, "flat", False)


@native_widget
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box beside it."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    native_signals = {"valueChanged(double)": "valueChanged", "valueIsChanging(double)": "valueIsChanging"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(Qt.Horizontal)
        self._spin = QtWidgets.QDoubleSpinBox()
        self._step = 1.0
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spin)
        self._fit()
        self._slider.connect("valueChanged(int)", self._slid)
        self._spin.connect("valueChanged(double)", self._spun)

    def _fit(self) -> None:
        self._slider.setRange(0, round((self._spin.maximum - self._spin.minimum) / self._step))
        self._spin.setSingleStep(self._step)

    def _slid(self, position: int) -> None:
        self._spin.setValue(self._spin.minimum + position * self._step)

    def _spun(self, value: float) -> None:
        blocked = self._slider.blockSignals(True)
        self._slider.setValue(round((value - self._spin.minimum) / self._step))
        self._slider.blockSignals(blocked)
        self.valueChanged.emit(value)

    def setValue(self, value: float) -> None:
        """Sets the value, within the limits."""
        self._spin.setValue(value)

    def _set_minimum(self, value: float) -> None:
        self._spin.setMinimum(value)
        self._fit()

    def _set_maximum(self, value: float) -> None:
        self._spin.setMaximum(value)
        self._fit()

    def _set_step(self, value: float) -> None:
        self._step = value
        self._fit()

    value = Property(float, lambda self: self._spin.value, setValue)
    minimum = Property(float, lambda self: self._spin.minimum, _set_minimum)
    maximum = Property(float, lambda self: self._spin.maximum, _set_maximum)
    singleStep = Property(float, lambda self: self._step, _set_step)
    pageStep = plain_property(float, "pageStep", 10.0)
    tracking = plain_property(bool, "tracking", True)
    decimals = delegated_property(int, "_spin", "decimals")
    suffix = delegated_property(str, "_spin", "suffix")
    prefix = delegated_property(str, "_spin", "prefix")


@native_widget
class ctkSearchBox(QtWidgets.QLineEdit):
    """A line edit that looks like a search."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.placeholderText = "Search..."

    showSearchIcon = plain_property(bool, "showSearchIcon", True)
    alwaysShowClearIcon = plain_property(bool, "alwaysShowClearIcon", False)


@native_widget
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that is typed, or chosen with a dialog."""

    Dirs, Files, Drives, Hidden, System = 0x001, 0x002, 0x004, 0x100, 0x200
    Readable, Writable, Executable = 0x010, 0x020, 0x040
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit = QtWidgets.QLineEdit()
        self._button = QtWidgets.QToolButton()
        self._button.text = "..."
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._edit, 1)
        layout.addWidget(self._button)
        self._filters: Any = self.Files
        self._edit.connect("textChanged(QString)", self._edited)
        self._button.connect("clicked()", self.browse)

    def _edited(self, text: str) -> None:
        self.currentPathChanged.emit(text)

    def browse(self) -> None:
        """Asks for a path with a file dialog."""
        if int(self._filters) & self.Dirs:
            path = QtWidgets.QFileDialog.getExistingDirectory(self, "Select a folder", self._edit.text)
        elif int(self._filters) & self.Writable:
            path = QtWidgets.QFileDialog.getSaveFileName(self, "Select a file", self._edit.text)
        else:
            path = QtWidgets.QFileDialog.getOpenFileName(self, "Select a file", self._edit.text)
        if path:
            self._edit.text = path

    def setCurrentPath(self, path: str) -> None:
        """Sets the path."""
        if not isinstance(path, str):
            raise ValueError(f"setCurrentPath takes a string, not {type(path).__name__}")
        self._edit.text = path

    def addCurrentPathToHistory(self) -> None:
        """Remembers the path; the stand-in's field has no history to show it in."""

    currentPath = Property(str, lambda self: self._edit.text, setCurrentPath)
    filters = plain_property(int, "filters", Files)
    nameFilters = plain_property("QStringList", "nameFilters", [])
    label = plain_property(str, "label", "")
    showBrowseButton = Property(
        bool, lambda self: not self._button.isHidden(), lambda self, on: self._button.setVisible(on)
    )
    showHistoryButton = plain_property(bool, "showHistoryButton", True)
    sizeAdjustPolicy = plain_property(int, "sizeAdjustPolicy", 0)
    settingKey = plain_property(str, "settingKey", "")


@native_widget
class ctkDirectoryButton(QtWidgets.QPushButton):
    """A button that shows a folder and asks for another one."""

    directoryChanged = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._directory = ""
        self.connect("clicked()", self.browse)

    def browse(self) -> None:
        """Asks for a folder."""
        path = QtWidgets.QFileDialog.getExistingDirectory(self, "Select a folder", self._directory)
        if path:
            self._set_directory(path)

    def _set_directory(self, path: str) -> None:
        changed = path != self._directory
        self._directory = path
        self.setText(path)
        if changed:
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: self._directory, _set_directory)


@native_widget
class ctkCheckableComboBox(QtWidgets.QComboBox):
    """A combo box whose items have check marks."""

    checkedIndexesChanged = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(QtGui.QStandardItemModel(0, 1, self))
        self.model().connect("dataChanged(QModelIndex,QModelIndex)", lambda: self.checkedIndexesChanged.emit())
        self.model().connect("rowsInserted(QModelIndex,int,int)", self._inserted)

    def _inserted(self, parent: QtCore.QModelIndex, first: int, last: int) -> None:
        for row in range(first, last + 1):
            item = self.model().item(row)
            item.setFlags(Qt.ItemIsUserCheckable | Qt.ItemIsEnabled)
            item.setData(Qt.Unchecked, Qt.CheckStateRole)

    def checkedIndexes(self) -> list[QtCore.QModelIndex]:
        """Returns the model's indexes of the checked items."""
        rows = range(self.count)
        return [self.model().index(row, 0) for row in rows if self.model().item(row).checkState() == Qt.Checked]

    def setCheckState(self, index: QtCore.QModelIndex, state: Qt.CheckState) -> None:
        """Checks or unchecks an item."""
        self.model().itemFromIndex(index).setCheckState(Qt.CheckState(state))

    def checkState(self, index: QtCore.QModelIndex) -> Qt.CheckState:
        """Returns whether an item is checked."""
        return self.model().itemFromIndex(index).checkState()


@native_widget
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with "Do not show again"."""

    dontShowAgainVisible = plain_property(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = plain_property(str, "dontShowAgainSettingsKey", "")


@native_widget
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a default text."""

    defaultText = plain_property(str, "defaultText", "")
