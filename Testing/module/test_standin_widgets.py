"""Widgets from .ui files, node selectors and the segments table of the stand-in, on a real scene."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ctk
import numpy as np
import pytest
import qt
import slicer
import slicer.util

UI_FILE = Path(__file__).parent / "standin_demo" / "Resources" / "UI" / "StandinDemo.ui"


@pytest.fixture
def ui(scene: Any) -> Iterator[SimpleNamespace]:
    widget = slicer.util.loadUI(str(UI_FILE))
    variables = slicer.util.childWidgetVariables(widget)
    widget.setMRMLScene(scene)
    yield variables
    widget.setMRMLScene(None)
    variables.table.setSegmentationNode(None)
    widget.delete()


def add_volume(name: str) -> Any:
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name=name)


def test_widgets_of_a_ui_file_are_exactly_those_of_qt_ctk_and_slicer(ui: Any) -> None:
    assert type(ui.applyButton) is qt.QPushButton
    assert type(ui.smooth) is qt.QCheckBox
    assert type(ui.inputs) is ctk.ctkCollapsibleButton
    assert type(ui.volumeSelector) is slicer.qMRMLNodeComboBox
    assert type(ui.inputs.layout()) is qt.QFormLayout


def test_dynamic_properties_survive(ui: Any) -> None:
    assert ui.volumeSelector.property("SlicerParameterName") == "inputVolume"


def test_connections_of_the_ui_file_are_carried_out(ui: Any) -> None:
    assert not ui.applyButton.enabled
    ui.smooth.checked = True
    assert ui.applyButton.enabled


def test_a_class_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "unknown.ui"
    file.write_text(UI_FILE.read_text(encoding="utf-8").replace("ctkSliderWidget", "ctkNoSuchWidget"), encoding="utf-8")
    with pytest.raises(RuntimeError, match="ctkNoSuchWidget"):
        slicer.util.loadUI(str(file))


def test_a_node_selector_follows_the_scene(ui: Any, scene: Any) -> None:
    nodes: list[Any] = []
    truths: list[bool] = []
    ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    ui.volumeSelector.connect("currentNodeChanged(bool)", truths.append)
    first, second = add_volume("same name"), add_volume("same name")
    assert ui.volumeSelector.nodeCount() == 2
    assert ui.volumeSelector.currentNode() is None
    ui.volumeSelector.setCurrentNode(second)
    assert ui.volumeSelector.currentNodeID == second.GetID()
    ui.volumeSelector.currentNodeID = first.GetID()
    assert ui.volumeSelector.currentNode() is first
    scene.RemoveNode(first)
    assert ui.volumeSelector.currentNode() is None
    ui.volumeSelector.setCurrentNode(second)
    scene.Clear(0)
    assert (nodes, truths) == ([second, first, None, second, None], [True, True, False, True, False])


def test_a_node_selector_offers_only_its_types(ui: Any, scene: Any) -> None:
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    hidden = add_volume("hidden")
    hidden.SetHideFromEditors(True)
    assert ui.volumeSelector.nodeCount() == 0
    ui.volumeSelector.showChildNodeTypes = True
    assert ui.volumeSelector.nodeFromIndex(0) is labels


def test_without_none_the_first_node_is_chosen(scene: Any) -> None:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(scene)
    volume = add_volume("first")
    assert selector.currentNode() is volume
    selector.setMRMLScene(None)


def test_the_user_creates_a_node_in_the_selector(ui: Any, scene: Any) -> None:
    by_user: list[Any] = []
    ui.segmentationSelector.connect("nodeAddedByUser(vtkMRMLNode*)", by_user.append)
    box = ui.segmentationSelector.findChild(qt.QComboBox)
    row = box.findText("Create new Segmentation")
    box.setCurrentIndex(row)
    box.activated.emit(row)
    assert by_user == [ui.segmentationSelector.currentNode()]
    assert by_user[0].GetName() == "Result"


def test_several_nodes_can_be_checked(scene: Any) -> None:
    selector = slicer.qMRMLCheckableNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(scene)
    first, second = add_volume("a"), add_volume("b")
    selector.setCheckState(second, qt.Qt.Checked)
    assert selector.checkedNodes() == [second]
    assert selector.uncheckedNodes() == [first]
    scene.RemoveNode(second)
    assert selector.noneChecked()
    selector.setMRMLScene(None)


def test_the_segments_table_shows_and_edits_segments(ui: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    ui.table.setSegmentationNode(node)
    for name in ("liver", "kidney"):
        node.GetSegmentation().AddEmptySegment(name, name)
    inner = ui.table.findChild(qt.QTableWidget)
    assert [inner.item(row, 2).text() for row in range(inner.rowCount)] == ["liver", "kidney"]
    chosen: list[bool] = []
    ui.table.connect("selectionChanged(QItemSelection,QItemSelection)", lambda: chosen.append(True))
    ui.table.setSelectedSegmentIDs(["kidney"])
    assert tuple(ui.table.selectedSegmentIDs()) == ("kidney",)
    assert chosen
    inner.item(0, 0).setCheckState(qt.Qt.Unchecked)
    assert not node.GetDisplayNode().GetSegmentVisibility("liver")
    inner.item(0, 2).setText("Liver")
    assert node.GetSegmentation().GetSegment("liver").GetName() == "Liver"


def test_a_collapsible_button_folds_its_contents(ui: Any) -> None:
    folded: list[bool] = []
    ui.inputs.connect("contentsCollapsed(bool)", folded.append)
    ui.inputs.collapsed = True
    assert (ui.inputs.collapsed, ui.supports.isHidden(), folded) == (True, True, [True])
    ui.inputs.collapsed = False
    assert not ui.supports.isHidden()
    assert ui.inputs.text == "Inputs"


def test_a_slider_keeps_within_its_limits() -> None:
    slider, values = ctk.ctkSliderWidget(), []
    slider.minimum, slider.maximum, slider.singleStep = 1.0, 20.0, 0.5
    slider.connect("valueChanged(double)", values.append)
    slider.value = 7.5
    slider.value = 25.0
    assert (slider.value, values) == (20.0, [7.5, 20.0])


def test_a_path_is_typed_or_chosen(standin: Any, tmp_path: Path) -> None:
    edit, paths = ctk.ctkPathLineEdit(), []
    edit.filters = ctk.ctkPathLineEdit.Dirs
    edit.connect("currentPathChanged(QString)", paths.append)
    edit.currentPath = "/first"
    standin.dialogs.answers(str(tmp_path), "")
    for _ in range(2):
        edit.findChild(qt.QToolButton).click()
    assert paths == ["/first", str(tmp_path)]
    assert edit.currentPath == str(tmp_path)


def test_items_of_a_combo_box_are_checked() -> None:
    box, changes = ctk.ctkCheckableComboBox(), []
    box.addItem("a")
    box.addItem("b")
    box.connect("checkedIndexesChanged()", lambda: changes.append(1))
    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)
    assert [index.row() for index in box.checkedIndexes()] == [1]
    assert changes
