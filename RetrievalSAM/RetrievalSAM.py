"""RetrievalSAM, a scripted module of 3D Slicer: what Slicer is told of it. The work is in `RetrievalSAMModule`."""

from __future__ import annotations

import unittest
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class RetrievalSAM(ScriptedLoadableModule):
    """Name, category and help of the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("RetrievalSAM")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["The RetrievalSAM team"]
        parent.helpText = _(
            "Segments a volume by the example of a few annotated ones, which you keep in a support library. "
            "No training, no GPU needed, nothing leaves this computer. For research use only. "
            '<a href="https://github.com/RetrievalSAM/SlicerRetrievalSAM">Documentation and tutorial</a>'
        )
        parent.acknowledgementText = _(
            "The method joins FATE-SAM (arXiv 2501.09138) and Zhao et al. (arXiv 2408.08813); "
            "it stands on SAM 2 (arXiv 2408.00714) and DINOv2 (arXiv 2304.07193)."
        )
        slicer.app.connect("startupCompleted()", _register_sample_data)


def _register_sample_data() -> None:
    from RetrievalSAMModule.sample_data import register

    register()


class RetrievalSAMWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Slicer's side of the panel."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.panel = None

    def setup(self) -> None:
        """Called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from RetrievalSAMModule.panels.module_panel import ModulePanel

        self.logic = RetrievalSAMLogic()
        self.panel = ModulePanel(self.logic, self.resourcePath)
        self.layout.addWidget(self.panel.widget)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._scene_closes)
        self.addObserver(scene, scene.EndCloseEvent, self._scene_changed)
        self.addObserver(scene, scene.EndImportEvent, self._scene_changed)
        if self.parent.isEntered:  # Reload makes the panel anew while it is on show, and does not enter it again
            self.enter()

    def enter(self) -> None:
        """Called each time the user comes to the module."""
        if self.panel is not None:  # cleanup() has run where the module's own tests did
            self.panel.enter()

    def exit(self) -> None:
        """Called each time the user leaves the module; a run goes on."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self) -> None:
        """Called when Slicer ends or the module is reloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def _scene_closes(self, caller, event) -> None:
        self.panel.scene_closes()

    def _scene_changed(self, caller, event) -> None:
        self.panel.scene_changed()


class RetrievalSAMLogic(ScriptedLoadableModuleLogic):
    """What the module can do without its panel: settings of a scene, and worker processes.

    Attributes:
        computer: Runs segmentations; loads the networks when they are first needed.
        librarian: Reads and changes libraries and weights, so that a run that goes on keeps nobody waiting.
        remote: Has runs done by a server; starts only where the user chose one.
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        from RetrievalSAMModule.clients.worker_client import WorkerClient

        self.computer = WorkerClient()
        self.librarian = WorkerClient()
        self.remote = WorkerClient(module="RetrievalSAMLib.server.remote")

    def getParameterNode(self):  # noqa: N802 - Slicer's name
        """The settings, kept in the scene."""
        from RetrievalSAMModule.parameters import RetrievalSAMParameters

        return RetrievalSAMParameters(super().getParameterNode())


class RetrievalSAMTest(ScriptedLoadableModuleTest):
    """What Slicer's "Reload and Test" runs."""

    def runTest(self) -> None:  # noqa: N802 - Slicer's name
        """The same tests as outside Slicer, on Slicer's own widgets; they are in the source, not in the package.

        Raises:
            AssertionError: A test failed; the console tells which.
        """
        folder = Path(__file__).resolve().parent / "Testing" / "Python"
        if not folder.is_dir():
            self.delayDisplay(_("The tests are not installed; load the module from its source to run them."))
            return
        suite = unittest.defaultTestLoader.discover(str(folder))
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        self.assertTrue(result.wasSuccessful(), f"{len(result.failures) + len(result.errors)} tests failed")
