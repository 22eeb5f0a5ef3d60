"""The module can be looked at without Slicer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import slicer.util

SCRIPT = Path(__file__).resolve().parents[1] / "show_module.py"


def show(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=600)


def test_a_picture_of_the_module_with_a_volume_is_written(standin: Any, scene: Any, tmp_path: Path) -> None:
    volume = slicer.util.addVolumeFromArray(np.random.default_rng(0).integers(0, 500, (8, 32, 32)).astype(np.int16))
    file, picture = tmp_path / "a volume.nrrd", tmp_path / "shown.png"
    assert slicer.util.saveNode(volume, str(file), {})
    process = show("--volume", str(file), "--screenshot", str(picture))
    assert process.returncode == 0, process.stderr
    image = qt.QImage(str(picture))
    assert (image.width(), image.height()) == (1440, 900)
    view = [image.pixelColor(x, 240).lightness() for x in range(560, 860, 4)]
    assert len(set(view)) > 10, "the slice view shows no noise"


def test_a_volume_that_is_not_there_is_told(standin: Any, tmp_path: Path) -> None:
    process = show("--volume", str(tmp_path / "missing.nrrd"), "--screenshot", str(tmp_path / "shown.png"))
    assert process.returncode == 2
    assert "missing.nrrd" in process.stderr and "check the path" in process.stderr


def test_the_desktop_window_draws_what_changes(standin: Any, scene: Any) -> None:
    from slicer_standin.desktop import DesktopWindow

    window = DesktopWindow(qt.QWidget(), "Shown")
    window._draw_if_changed()
    before = window._labels[0].pixmap.toImage()
    volume = slicer.util.addVolumeFromArray(np.full((8, 32, 32), 100, np.int16))
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 100)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    window._draw_if_changed()
    after = window._labels[0].pixmap.toImage()
    assert before.size() == after.size()
    assert before != after
    window.delete()
