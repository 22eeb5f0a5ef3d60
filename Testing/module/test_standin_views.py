"""The stand-in's views show what Slicer's displayable managers draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qt
import slicer
import slicer.util

ORGAN = (0.9, 0.3, 0.1)


@pytest.fixture
def anatomy(scene: Any) -> Any:
    """A grey ball with an orange one in it; returns the segmentation node."""
    z, y, x = np.mgrid[0:40, 0:60, 0:60]
    body = ((x - 30) / 25) ** 2 + ((y - 30) / 25) ** 2 + ((z - 20) / 18) ** 2 < 1
    organ = ((x - 22) / 9) ** 2 + ((y - 30) / 9) ** 2 + ((z - 20) / 9) ** 2 < 1
    to_ras = np.diag([-2.0, -2.0, 2.0, 1.0])
    to_ras[:3, 3] = (60, 60, -40)
    volume = slicer.util.addVolumeFromArray(np.where(body, 500, 0).astype(np.int16), ijkToRAS=to_ras, name="CT")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    identifier = node.GetSegmentation().AddEmptySegment("organ", "organ", ORGAN)
    slicer.util.updateSegmentBinaryLabelmapFromArray(organ.astype(np.uint8), node, identifier, volume)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    return node


def coloured(picture: np.ndarray) -> np.ndarray:
    """Returns where a picture of uint8 (height, width, 3) is much redder than it is blue."""
    return picture[..., 0].astype(int) - picture[..., 2] > 60


def red_view() -> Any:
    return slicer.app.layoutManager().sliceWidget("Red").sliceView()


def test_a_slice_shows_the_volume_and_the_segment_on_the_patients_right(standin: Any, anatomy: Any) -> None:
    picture = red_view().picture((300, 240))
    assert (picture.shape, picture.dtype) == ((240, 300, 3), np.uint8)
    where = coloured(picture)
    assert where.sum() > 500
    # Small x is the patient's right here, and Slicer shows that on the viewer's left.
    assert np.argwhere(where)[:, 1].mean() < 150
    grey = ~where & (picture.max(axis=-1) > 100)
    assert grey.sum() > where.sum()


def test_an_outline_without_fill_is_a_ring(standin: Any, anatomy: Any) -> None:
    filled = coloured(red_view().picture((300, 240)))
    anatomy.GetDisplayNode().SetOpacity2DFill(0.0)
    outline = coloured(red_view().picture((300, 240)))
    assert 0 < outline.sum() < filled.sum() / 2
    rows, columns = np.argwhere(filled).mean(axis=0).round().astype(int)
    assert filled[rows, columns] and not outline[rows, columns]


def test_hiding_a_segment_and_moving_on_change_the_picture(standin: Any, anatomy: Any) -> None:
    logic = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    shown = coloured(red_view().picture((300, 240))).sum()
    logic.SetSliceOffset(logic.GetSliceOffset() + 12)
    smaller = coloured(red_view().picture((300, 240))).sum()
    assert 0 < smaller < shown
    anatomy.GetDisplayNode().SetSegmentVisibility("organ", False)
    assert coloured(red_view().picture((300, 240))).sum() == 0


def test_the_3d_view_shows_the_surface_again_and_again(standin: Any, anatomy: Any) -> None:
    anatomy.CreateClosedSurfaceRepresentation()
    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    slicer.app.layoutManager().resetThreeDViews()
    first = coloured(view.picture((300, 240))).sum()
    assert first > 300
    assert coloured(view.picture((300, 240))).sum() == first


def test_views_work_after_the_scene_was_closed(standin: Any, anatomy: Any, scene: Any) -> None:
    red_view().picture((300, 240))
    scene.Clear(0)
    assert coloured(red_view().picture((300, 240))).sum() == 0
    volume = slicer.util.addVolumeFromArray(np.full((20, 20, 20), 300, np.int16))
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 300)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    assert (red_view().picture((300, 240)) > 200).mean() > 0.2


def test_the_window_has_the_panel_left_and_four_views(standin: Any, anatomy: Any, tmp_path: Path) -> None:
    from slicer_standin import window

    panel = qt.QWidget()
    layout = qt.QVBoxLayout(panel)
    layout.addWidget(qt.QPushButton("Segment"))
    layout.addStretch(1)
    pictures = []
    for dark in (False, True):
        window.use_palette(dark)
        file = tmp_path / f"{dark}.png"
        window.save_window(panel, file, (1000, 620), 300)
        picture = qt.QImage(str(file))
        assert (picture.width(), picture.height()) == (1000, 620)
        pictures.append(picture)
    light, dark_one = (picture.pixelColor(150, 500).lightness() for picture in pictures)
    assert dark_one < 80 < 200 < light
    red_bar = pictures[0].pixelColor(450, 10)
    assert red_bar.red() > 200 > 100 > red_bar.blue()
    window.use_palette(False)
