"""What a person does at the desk, act by act, on the panel with a scripted worker; volumes of any size.

`test_panel_never_waits.py` counts what each act makes the window's own thread wait for, and `Testing/panel_times.py`
measures how long each keeps it from everything else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import phantoms
import qt
import slicer
import vtk
from corrected_panel import CorrectionsTest
from scripted_panel import REPORT, THRESHOLDS, library_of, scripted

CASES = 200
"""Of the large library."""

THUMBNAIL = (64, 48)


@dataclass(frozen=True)
class Act:
    """One thing that a person does.

    Attributes:
        name: In words.
        do: Does it through the widgets, or sets in the scene what Slicer's own tools set.
        done: Whether all that follows has happened.
        waits_for_run: Whether a run is a part of it.
    """

    name: str
    do: Callable[[], None]
    done: Callable[[], Any]
    waits_for_run: bool = False


def report_of(slices: int) -> dict[str, Any]:
    """A run's report of so many slices."""
    rows = [{**REPORT["slices"][0], "index": index} for index in range(slices)]
    first = min(10, slices)
    gains = [round(0.05 / (place + 1), 4) for place in range(first)]
    segments = [{"name": name, "volume_mm3": 9000.0, "confidence": 0.9} for name, *_rest in THRESHOLDS]
    return {**REPORT, "slices": rows, "segments": segments, "look_first": list(range(first)), "look_first_gains": gains}


def script_of(repeats: tuple[int, int, int]) -> dict[str, list[dict[str, Any]]]:
    """What a worker says about the volume of a `DeskTest`."""
    slices, rows, columns = (size * times for size, times in zip(phantoms.SHAPE, repeats, strict=True))
    shown = np.zeros((rows, columns), dtype=bool)
    shown[rows // 4 : rows // 2, columns // 4 : columns // 2] = True
    mask = base64.b64encode(np.packbits(shown).tobytes()).decode("ascii")
    report = report_of(slices)
    run = {"threshold": THRESHOLDS, "partials": 2, "progress": 20, "result": {"report": report}}
    refined = {**report, "refinement": {"corrected": [4], "recomputed": {}, "changed": {}, "reused": True}}
    return scripted(
        segment=[run],
        refine=[{**run, "result": {"report": refined}}],
        preview=[{"result": {"slice": 3, "mask": mask}}],
        numbers=[{"result": {"rows": [{"volume_id": "Subject 3", "segment": "Liver"}], "csv": "volume_id,segment"}}],
        library_add=[{"result": {"case": {"name": "case-201"}, "notes": []}}],
    )


def large_library(folder: Path) -> dict[str, Any]:
    """What the worker tells of a library of many cases, each with a picture in a file of its own."""
    picture = qt.QImage(*THUMBNAIL, qt.QImage.Format_RGB888)
    picture.fill(qt.QColor("#406080"))
    told = library_of(*(f"Case {number}" for number in range(CASES)))
    for number, case in enumerate(told["cases"]):
        case["thumbnail"] = str(folder / f"{number}.png")
        picture.save(case["thumbnail"])
    return told


class DeskTest(CorrectionsTest):
    """The volume of every panel test, each of its voxels repeated.

    Attributes:
        repeats: So many times along (k, j, i).
    """

    repeats = (1, 1, 1)
    script = script_of(repeats)

    def add_input(self) -> tuple[slicer.vtkMRMLScalarVolumeNode, dict[str, Any]]:
        """The large volume."""
        voxels, _masks = phantoms.subject(3)
        for axis, times in enumerate(self.repeats):
            voxels = np.repeat(voxels, times, axis=axis)
        grid = phantoms.IJK_TO_RAS @ np.diag([*(1 / times for times in self.repeats[::-1]), 1])
        truth = {name: (voxels >= low) & (voxels <= high) for name, low, high, _color in THRESHOLDS}
        return phantoms.add_volume(voxels, "Subject 3", grid), truth

    def acts(self) -> Iterator[Act]:
        """In their order; each is to be done, and its end waited for, before the next is asked for."""
        correcting, segmenting = self.panel.correcting, self.panel.segmenting
        ui, results = self.corrections_ui, self.results_ui
        shown = correcting.previewed
        yield Act("segment", self.press_segment, self._proposed, waits_for_run=True)
        yield Act("go to the next slice", self.panel.corrections_panel.next_wanted.emit, lambda: self._slice == 0)
        yield Act("take up the points", ui.insideButton.click, lambda: ui.insideButton.checked)
        yield Act("the first point", lambda: self._point(3), lambda: ("Liver", 3) in shown)
        yield Act("a point on another slice", lambda: self._point(5), lambda: ("Liver", 5) in shown)
        yield Act("undo a point", ui.undoButton.click, lambda: ("Liver", 5) not in shown)
        yield Act("redo a point", ui.redoButton.click, lambda: ("Liver", 5) in shown)
        yield Act("a box", ui.boxButton.click, lambda: ("Liver", self._slice) in shown)
        yield Act("a stroke", lambda: self._stroke(7), lambda: ("Liver", 7) in shown)
        yield Act("brush a slice", lambda: self._brush(9), lambda: 9 in correcting.corrected)
        yield Act("undo the brush", ui.undoButton.click, lambda: 9 not in correcting.corrected)
        yield Act("redo the brush", ui.redoButton.click, lambda: 9 in correcting.corrected)
        yield Act("propagate", ui.propagateButton.click, self._proposed, waits_for_run=True)
        yield Act("undo the propagation", ui.undoButton.click, lambda: 9 in correcting.edited)
        yield Act("redo the propagation", ui.redoButton.click, lambda: 9 not in correcting.edited)
        yield Act("open the report", lambda: self._open_report(results), lambda: True)
        yield Act("its numbers", results.tableButton.click, self._numbers_came)
        yield Act("keep", self.bar_ui.keepButton.click, lambda: segmenting.state == "idle")
        yield Act("open a library of 200 cases", self._open_large, self._large_is_open)
        yield Act("search in it", lambda: self.library_ui.searchEdit.setText("case 19"), lambda: True)
        yield Act("choose a case", lambda: self.library_ui.caseTable.selectRow(19), lambda: True)
        yield Act("segment again", self.press_segment, self._proposed, waits_for_run=True)
        yield Act("keep and teach", self.bar_ui.teachButton.click, self._taught)

    @property
    def _slice(self) -> int | None:
        return self.panel.results_panel._slice

    def _proposed(self) -> bool:
        return self.panel.segmenting.state == "proposed"

    def _numbers_came(self) -> bool:
        return slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") > 0

    def _taught(self) -> bool:
        return self.panel.segmenting.state == "idle" and "case-201" in self.bar_ui.statusLabel.text

    def _place(self, index: int) -> np.ndarray:
        size = self.volume.GetImageData().GetDimensions()
        return phantoms.world_of(self.volume, (size[0] * 0.3, size[1] * 0.4, index))

    def _active_list(self) -> Any:
        node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
        return slicer.mrmlScene.GetNodeByID(node_id)

    def _point(self, index: int) -> None:
        self._active_list().AddControlPointWorld(vtk.vtkVector3d(*self._place(index)))

    def _stroke(self, index: int) -> None:
        self.corrections_ui.strokeInsideButton.click()
        node = self._active_list()
        for shift in (0.0, 3.0, 6.0):
            node.AddControlPointWorld(vtk.vtkVector3d(*(self._place(index) + [shift, shift, 0])))
        self.corrections_ui.strokeInsideButton.click()

    def _brush(self, index: int) -> None:
        """As a brush does it: one slice of the segment's own labelmap changes."""
        proposal = self.panel.segmenting.proposal
        size = self.volume.GetImageData().GetDimensions()
        patch = slicer.vtkOrientedImageData()
        patch.SetExtent(2, size[0] // 3, 2, size[1] // 3, index, index)
        grid = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(grid)
        patch.SetGeometryFromImageToWorldMatrix(grid)
        patch.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        patch.GetPointData().GetScalars().Fill(1)
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        logic.SetBinaryLabelmapToSegment(
            patch, proposal.segmentation, proposal.segment_ids["Liver"], logic.MODE_MERGE_MAX, patch.GetExtent()
        )

    def _open_report(self, results: Any) -> None:
        self.panel.ui.resultsSection.collapsed = True
        self.panel.ui.resultsSection.collapsed = False
        results.examplesSection.collapsed = False
        results.worstTable.selectRow(2)

    def _open_large(self) -> None:
        self.panel.library.open(str(self.folder / "large"))

    def _large_is_open(self) -> bool:
        state = self.panel.library.state
        return state is not None and len(state.cases) == CASES and not self.panel.library._worker.busy
