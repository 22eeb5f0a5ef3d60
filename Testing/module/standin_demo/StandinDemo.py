"""A small scripted module: the tests of the stand-in load it as Slicer would."""

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


@parameterNodeWrapper
class StandinDemoParameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    supports: int = 5
    threshold: float = 0.5
    smooth: bool = True
    title: str = "untitled"
    names: list[str]


class StandinDemo(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Stand-in demo"
        parent.categories = ["Testing"]


class StandinDemoWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.clicks = []
        self.story = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/StandinDemo.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = StandinDemoLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.scene_closes)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.scene_closed)
        self.ui.applyButton.connect("clicked(bool)", self.clicks.append)
        self.ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.ui.table.setSegmentationNode)
        self.parameters = StandinDemoParameters(self.logic.getParameterNode())
        self.tag = self.parameters.connectGui(self.ui)

    def enter(self):
        self.story.append("enter")

    def exit(self):
        self.story.append("exit")

    def cleanup(self):
        self.removeObservers()
        if self.parameters is not None:
            self.parameters.disconnectGui(self.tag)

    def scene_closes(self, caller, event):
        self.parameters.disconnectGui(self.tag)
        self.parameters = None

    def scene_closed(self, caller, event):
        self.parameters = StandinDemoParameters(self.logic.getParameterNode())
        self.tag = self.parameters.connectGui(self.ui)


class StandinDemoLogic(ScriptedLoadableModuleLogic):
    pass
