"""slicer.app.layoutManager(): three slice views and a 3D view, with Slicer's own logics and nodes."""

from __future__ import annotations

from typing import Any

import slicer

SLICES = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


class SliceWidget:
    """What a module reaches of a slice view: its logic, its node and its picture."""

    def __init__(self, name: str, application_logic: Any, scene: Any) -> None:
        self.name = name
        self._application_logic = application_logic
        self._view: Any = None
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetSliceLogics().AddItem(self._logic)
        self._logic.SetMRMLScene(scene)
        self.restore()

    def restore(self) -> None:
        """Makes the slice node again, as Slicer's layout does after a scene was closed."""
        if self._logic.GetSliceNode() is None or self._logic.GetSliceNode().GetScene() is None:
            node = self._logic.AddSliceNode(self.name)
            node.SetOrientation(SLICES[self.name])
        self._logic.GetSliceNode().SetMappedInLayout(1)

    def sliceLogic(self) -> Any:
        """Returns the vtkMRMLSliceLogic."""
        return self._logic

    def mrmlSliceNode(self) -> Any:
        """Returns the vtkMRMLSliceNode."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        """Returns the vtkMRMLSliceCompositeNode."""
        return self._logic.GetSliceCompositeNode()

    def sliceView(self) -> Any:
        """Returns the rendered view (made when it is first asked for)."""
        from .views import SliceView

        if self._view is None:
            self._view = SliceView(self._logic, self._application_logic)
        return self._view

    def fitSliceToBackground(self) -> None:
        """Fits the view to the volume."""
        self._logic.FitSliceToBackground()


class ThreeDWidget:
    """What a module reaches of the 3D view."""

    def __init__(self, application_logic: Any, scene: Any) -> None:
        self._application_logic, self._scene = application_logic, scene
        self._view: Any = None
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetViewLogics().AddItem(self._logic)
        self._logic.SetMRMLScene(scene)
        self.restore()

    def restore(self) -> None:
        """Makes the view node again after a scene was closed."""
        if self.mrmlViewNode() is None:
            self._logic.AddViewNode("1")
        self.mrmlViewNode().SetMappedInLayout(1)

    def viewLogic(self) -> Any:
        """Returns the vtkMRMLViewLogic."""
        return self._logic

    def mrmlViewNode(self) -> Any:
        """Returns the vtkMRMLViewNode."""
        # Without Slicer's own view widgets the logic loses its node as soon as a camera is added.
        return self._scene.GetSingletonNode("1", "vtkMRMLViewNode")

    def threeDView(self) -> Any:
        """Returns the rendered view (made when it is first asked for)."""
        from .views import View3D

        if self._view is None:
            self._view = View3D(self.mrmlViewNode, self._application_logic)
        return self._view


class LayoutManager:
    """The views of Slicer's "Four-Up" layout."""

    def __init__(self, application_logic: Any, scene: Any) -> None:
        self._scene, self._application_logic = scene, application_logic
        self._slices = {name: SliceWidget(name, application_logic, scene) for name in SLICES}
        self._three_d = ThreeDWidget(application_logic, scene)
        self._layout = 3
        scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, self._restore)
        scene.AddObserver(slicer.vtkMRMLScene.EndImportEvent, self._restore)

    def _restore(self, caller: Any, event: str) -> None:
        for widget in self._slices.values():
            widget.restore()
        self._three_d.restore()

    def sliceViewNames(self) -> tuple[str, ...]:
        """Returns the names of the slice views."""
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        """Returns a slice view by its name, or None."""
        return self._slices.get(name)

    def mrmlSliceLogics(self) -> Any:
        """Returns the collection of all vtkMRMLSliceLogic."""
        return self._application_logic.GetSliceLogics()

    @property
    def threeDViewCount(self) -> int:
        """Number of 3D views."""
        return 1

    def threeDWidget(self, index: int) -> ThreeDWidget | None:
        """Returns a 3D view, or None."""
        return self._three_d if index == 0 else None

    @property
    def layout(self) -> int:
        """Number of the layout, as in vtkMRMLLayoutNode."""
        return self._layout

    def setLayout(self, layout: int) -> None:
        """Notes the layout asked for."""
        self._layout = int(layout)

    def mrmlScene(self) -> Any:
        """Returns the scene."""
        return self._scene

    def resetSliceViews(self) -> None:
        """Fits every slice view to its volume."""
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """Looks at everything in the 3D view."""
        self._three_d.threeDView().resetFocalPoint()
