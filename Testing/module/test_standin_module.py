"""The stand-in loads a scripted module as Slicer does, and scenes keep its parameters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import slicer.util
from slicer.parameterNodeWrapper import parameterNodeWrapper

DEMO = Path(__file__).parent / "standin_demo" / "StandinDemo.py"


@pytest.fixture
def demo(load_module: Callable[[Path], Any]) -> Any:
    return load_module(DEMO)


def add_volume(name: str) -> Any:
    return slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name=name)


def test_the_module_is_known_to_slicer(demo: Any) -> None:
    assert slicer.modules.standindemo.title == "Stand-in demo"
    assert slicer.util.modulePath("StandinDemo") == str(DEMO)
    assert slicer.util.getModuleWidget(slicer.modules.standindemo) is demo.widget
    assert slicer.modules.StandinDemoWidget is demo.widget
    with pytest.raises(AttributeError):
        demo.module.tittle = "a"


def test_enter_and_exit_are_told(demo: Any) -> None:
    demo.enter()
    demo.exit()
    assert demo.widget.story == ["enter", "exit"]


def test_widgets_show_the_parameters_and_change_them(demo: Any) -> None:
    widget = demo.widget
    assert (widget.ui.supports.value, widget.ui.threshold.value, widget.ui.smooth.checked) == (5, 0.5, True)
    widget.parameters.supports = 9
    widget.parameters.title = "shown"
    assert (widget.ui.supports.value, widget.ui.title.text) == (9, "shown")
    volume = add_volume("CT")
    widget.ui.volumeSelector.setCurrentNode(volume)
    widget.ui.threshold.value = 0.25
    widget.ui.smooth.checked = False
    assert widget.parameters.inputVolume is volume
    assert (widget.parameters.threshold, widget.parameters.smooth) == (0.25, False)
    slicer.mrmlScene.RemoveNode(volume)
    assert widget.parameters.inputVolume is None


def test_parameters_lie_in_the_node_as_slicer_writes_them(demo: Any) -> None:
    volume = add_volume("CT")
    parameters = demo.widget.parameters
    parameters.inputVolume = volume
    parameters.names = ["liver", "left kidney"]
    parameters.names.append("spleen")
    node = slicer.mrmlScene.GetSingletonNode("StandinDemo", "vtkMRMLScriptedModuleNode")
    assert parameters.parameterNode is node
    assert (node.GetParameter("supports"), node.GetParameter("smooth")) == ("5", "True")
    assert [node.GetParameter(f"names_{index}") for index in range(3)] == ["liver", "left kidney", "spleen"]
    assert node.GetNodeReferenceID("inputVolume") == volume.GetID()


def test_a_saved_scene_keeps_the_parameters(demo: Any, tmp_path: Path) -> None:
    demo.widget.parameters.inputVolume = add_volume("kept")
    demo.widget.parameters.names = ["liver"]
    demo.widget.parameters.supports = 3
    file = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(file))
    slicer.mrmlScene.Clear(0)
    assert (demo.widget.parameters.supports, demo.widget.parameters.inputVolume) == (5, None)
    slicer.util.loadScene(str(file))
    parameters = type(demo.widget.parameters)(demo.widget.logic.getParameterNode())
    assert (parameters.supports, list(parameters.names)) == (3, ["liver"])
    assert parameters.inputVolume.GetName() == "kept"


def test_a_closed_scene_leaves_working_views_and_panel(demo: Any, scene: Any) -> None:
    scene.Clear(0)
    for name in slicer.app.layoutManager().sliceViewNames():
        assert slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().GetScene() is scene
    volume = add_volume("after")
    demo.widget.ui.volumeSelector.setCurrentNode(volume)
    assert demo.widget.parameters.inputVolume is volume


def test_the_module_can_be_reloaded(demo: Any) -> None:
    before = demo.widget
    before.parameters.supports = 8
    demo.reload()
    assert demo.widget is not before
    assert demo.widget.ui.supports.value == 8
    demo.widget.ui.applyButton.click()
    assert (before.clicks, demo.widget.clicks) == ([], [False])


def test_a_reload_sets_up_and_does_not_enter(demo: Any) -> None:
    assert not demo.panel.isEntered
    demo.enter()
    assert demo.panel.isEntered
    demo.reload()
    assert demo.widget.story == []
    assert demo.panel.isEntered
    demo.exit()
    assert not demo.panel.isEntered


def test_the_error_log_holds_what_vtk_qt_and_python_report(scene: Any) -> None:
    log = slicer.app.errorLogModel()
    before = log.logEntryCount()
    slicer.vtkMRMLSegmentationStorageNode().ReadData(slicer.vtkMRMLSegmentationNode())
    logging.getLogger("a module").error("it failed")
    logging.getLogger("a module").info("it goes on")
    told = [log.logEntryDescription(row) for row in range(before, log.logEntryCount())]
    assert len(told) == 2
    assert "filename" in told[0] and told[1] == "it failed"
    assert log.data(log.index(before, 2)) == "Error"


def test_a_segmentation_that_is_hidden_makes_the_subject_hierarchy_complain(scene: Any) -> None:
    log = slicer.app.errorLogModel()
    before = log.logEntryCount()
    shown = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Shown")
    shown.GetSegmentation().AddEmptySegment("a")
    assert log.logEntryCount() == before
    hidden = slicer.vtkMRMLSegmentationNode()
    hidden.SetHideFromEditors(True)
    scene.AddNode(hidden).GetSegmentation().AddEmptySegment("a")
    assert "no subject hierarchy item" in log.logEntryDescription(before)


def test_display_nodes_go_with_their_node_and_cannot_go_twice(scene: Any) -> None:
    log = slicer.app.errorLogModel()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    before = log.logEntryCount()
    scene.RemoveNode(node)
    assert not scene.IsNodePresent(display)
    assert log.logEntryCount() == before
    scene.RemoveNode(display)
    assert "already removed" in log.logEntryDescription(before)


def test_colours_of_segments_are_those_of_a_qcolor(scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("a", "a", (0.1, 0.2, 0.3))
    red = node.GetSegmentation().GetSegment("a").GetColor()[0]
    assert red != 0.1
    assert red == pytest.approx(0.1, abs=1e-5)


def test_parameters_refuse_what_they_do_not_hold(demo: Any) -> None:
    parameters = demo.widget.parameters
    for name, value in (("supports", "5"), ("title", 5), ("smooth", 1), ("names", [1]), ("inputVolume", "CT")):
        with pytest.raises(TypeError):
            setattr(parameters, name, value)
    with pytest.raises(AttributeError):
        parameters.suports = 5


def test_a_type_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="serializer"):

        @parameterNodeWrapper
        class Wrong:
            picture: np.ndarray


def test_observers_hear_of_a_change_once(demo: Any) -> None:
    heard: list[str] = []
    parameters = demo.widget.parameters
    tag = parameters.AddObserver("ModifiedEvent", lambda caller, event: heard.append(event))
    parameters.title = "new"
    parameters.title = "new"
    parameters.RemoveObserver(tag)
    parameters.title = "newer"
    assert heard == ["ModifiedEvent"]


def test_files_go_in_and_out_by_slicers_own_functions(scene: Any, tmp_path: Path) -> None:
    volume = add_volume("CT")
    volume.SetSpacing(1.0, 2.0, 3.0)
    assert slicer.util.saveNode(volume, str(tmp_path / "CT.nrrd"), {})
    read = slicer.util.loadVolume(str(tmp_path / "CT.nrrd"), {})
    assert tuple(read.GetSpacing()) == pytest.approx((1.0, 2.0, 3.0))
    shown = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID()
    assert shown == read.GetID()
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadSegmentation(str(tmp_path / "missing.seg.nrrd"), {})


def test_sample_data_is_registered_with_slicers_argument_names() -> None:
    import SampleData

    before = len(SampleData.SampleDataLogic.registered)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="RetrievalSAM",
        sampleName="One",
        uris="https://example.org/a.nrrd",
        fileNames="a.nrrd",
        nodeNames="One",
        checksums="SHA256:00",
        thumbnailFileName="a.png",
    )
    assert SampleData.SampleDataLogic.registered.pop().sampleName == "One"
    assert len(SampleData.SampleDataLogic.registered) == before
    for unknown in ("name", "sampleDescription"):
        with pytest.raises(TypeError, match=unknown):
            SampleData.SampleDataLogic.registerCustomSampleDataSource(**{unknown: "Two"})


def test_inside_slicer_nothing_is_replaced(standin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import qt

    monkeypatch.delitem(standin._state, "installed")
    assert standin.inside_slicer()
    before = qt.QPushButton
    standin.install()
    assert qt.QPushButton is before
    assert not standin.installed()
