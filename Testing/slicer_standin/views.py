"""Slice and 3D views without windows, drawn by Slicer's own displayable managers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
)
THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


class _View:
    """A render window without a window, and the displayable managers that draw into it."""

    def __init__(self, factory_class: Any, managers: tuple[str, ...], logic: Any, first: Any = None) -> None:
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetShowWindow(False)
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(400, 400)
        self.window.AddRenderer(self.renderer)
        if first is not None:
            # The slice's image must come before the managers' actors, or the segments' fills blend with black.
            self.renderer.AddViewProp(first)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()
        factory = factory_class.GetInstance()
        factory.SetMRMLApplicationLogic(logic)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.SetRenderer(self.renderer)
        self.managers.Initialize(factory, self.renderer)

    def picture(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """Renders and returns the picture.

        Args:
            size: width and height in pixels; the last size without it.

        Returns:
            uint8, shape (height, width, 3), first row at the top.
        """
        if size is not None:
            self.window.SetSize(*size)
        self._prepare()
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        return np.ascontiguousarray(pixels[::-1, :, :3])

    def save(self, file: Path, size: tuple[int, int] | None = None) -> None:
        """Writes the picture as a PNG."""
        from PIL import Image

        Image.fromarray(self.picture(size)).save(file)

    def renderWindow(self) -> Any:
        """Returns the vtkRenderWindow."""
        return self.window

    def scheduleRender(self) -> None:
        """A picture is always rendered when it is asked for."""

    def forceRender(self) -> None:
        """Renders now."""
        self.window.Render()

    def _prepare(self) -> None:
        """Brings the view up to date with the scene."""


class SliceView(_View):
    """One slice view: the volume by Slicer's slice logic, segments and markups by its displayable managers."""

    def __init__(self, logic: Any, application_logic: Any) -> None:
        self.logic = logic
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        super().__init__(
            slicer.vtkMRMLSliceViewDisplayableManagerFactory, SLICE_MANAGERS, application_logic, first=actor
        )
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        overlay = vtk.vtkRenderer()
        overlay.GetActiveCamera().ParallelProjectionOn()
        overlay.SetLayer(1)
        self.window.SetNumberOfLayers(2)
        self.window.AddRenderer(overlay)
        self.window.SetAlphaBitPlanes(1)

    def _prepare(self) -> None:
        node = self.logic.GetSliceNode()
        if self.managers.GetMRMLDisplayableNode() is not node:
            self.managers.SetMRMLDisplayableNode(node)
        size = self.window.GetSize()
        if tuple(node.GetDimensions()[:2]) != tuple(size):
            self.logic.ResizeSliceNode(*size)
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())


class View3D(_View):
    """The 3D view."""

    def __init__(self, view_node: Callable[[], Any], application_logic: Any) -> None:
        super().__init__(slicer.vtkMRMLThreeDViewDisplayableManagerFactory, THREE_D_MANAGERS, application_logic)
        self._view_node = view_node
        self._seen = False

    def _prepare(self) -> None:
        node = self._view_node()
        if self.managers.GetMRMLDisplayableNode() is not node:
            self.managers.SetMRMLDisplayableNode(node)
            self._seen = False
        if not self._seen:
            self.window.Render()
            self.resetFocalPoint()
            self._seen = True

    def resetFocalPoint(self) -> None:
        """Looks at everything, from the front."""
        manager = self.managers.GetDisplayableManagerByClassName("vtkMRMLCameraDisplayableManager")
        camera = manager.GetCameraNode() if manager is not None else None
        if camera is not None:
            camera.RotateTo(camera.Anterior)
        self.renderer.ResetCamera()
        self.renderer.ResetCameraClippingRange()
