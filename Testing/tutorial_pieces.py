"""Plays one piece of the tutorial on the module in a window that is not shown, and takes its pictures.

`make_screenshots.py` starts it. The volumes are made up (RetrievalSAMLib/demo), the library and the workers are real.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT), str(ROOT / "RetrievalSAM" / "Testing" / "Python")]

import slicer_standin  # noqa: E402

slicer_standin.install()

import phantoms  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402
import slicer.util  # noqa: E402
import vtk  # noqa: E402
from slicer_standin.module import LoadedModule, process_events, wait_until  # noqa: E402
from slicer_standin.window import save_widget, save_window, use_palette  # noqa: E402

from RetrievalSAMLib.library import SupportLibrary  # noqa: E402
from RetrievalSAMLib.volumes import Segmentation, read_segmentation, read_volume  # noqa: E402

_SIZE, _PANEL_WIDTH = (1440, 1000), 460
_WINDOW_SIZE = (760, 560)
_SWAPPED = ("Liver", "Spleen")
_SEVERAL = ("subject-03", "subject-04")
_SECONDS = 3600.0
"""A step may take long on a busy computer; one that takes longer hangs."""
_CORRECTED, _PROMPTED = [12, 20], 16  # slices
_INSIDE, _OUTSIDE = ((30, 50, 16), (36, 44, 16)), ((52, 44, 16),)  # voxels


class Tutorial:
    """The module with its panel, and the pieces that are played on it.

    Args:
        pictures: Folder that the pictures go to.
        files: Folder of the made-up volumes.
        work: Folder for the library, and whatever else a piece makes.
    """

    def __init__(self, pictures: Path, files: Path, work: Path) -> None:
        self._pictures, self._files, self._work = pictures, files, work
        self._module = LoadedModule(ROOT / "RetrievalSAM" / "RetrievalSAM.py")
        self._module.enter()
        self._panel = self._module.widget.panel
        self._wait()

    def close(self) -> None:
        """End the module and its workers."""
        self._module.close()

    def set_up(self) -> None:
        """The page on which everything is there."""
        self._show_section("setupSection")
        self._picture("set-up")

    def server(self) -> None:
        """The set-up page with a server that has answered."""
        self._library(2, self._work / "libraries" / "Trunk")
        command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "serve", str(self._work / "libraries")]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "RETRIEVALSAM_CACHE": str(self._work / "cache")}
        process = subprocess.Popen([*command, "--port", "0"], env=environment, stderr=subprocess.PIPE, text=True)
        log: list[str] = []
        reading = threading.Thread(target=lambda: log.extend(iter(process.stderr.readline, "")))
        reading.start()
        try:
            wait_until(lambda: "listening on" in "".join(log), "the server", _SECONDS)
            address = re.search(r"listening on (\S+)", "".join(log))
            assert address is not None
            self._show_section("setupSection")
            ui = self._panel.server_panel.ui
            ui.placeSelector.setCurrentIndex(1)
            ui.addressEdit.text = address[1]
            ui.testButton.click()
            wait_until(lambda: ui.testButton.enabled, "the server's answer", _SECONDS)
            self._picture("server")
            ui.placeSelector.setCurrentIndex(0)
        finally:
            process.terminate()
            process.wait()
            reading.join()

    def library(self) -> None:
        """A new library, and two cases that come into it."""
        folder = self._work / "Trunk library"
        folder.mkdir()
        slicer_standin.dialogs.answers(str(folder))
        self._panel.library_panel.ui.createButton.click()
        self._wait()
        for number in (1, 2):
            self._add_case(number)
        self._panel.library_panel.ui.addSection.collapsed = True
        self._picture("library")

    def run(self) -> None:
        """A volume is segmented, looked at and corrected."""
        self._go_fast()
        self._open(2)
        self._segment()
        self._look()
        self._correct()

    def start(self) -> None:
        """What a new user sees, with a volume on display."""
        slicer.util.setSliceViewerLayers(background=self._load(3), fit=True)
        self._wait()
        self._picture("start")

    def first_case(self) -> None:
        """Two slices are drawn, and the volume is filled."""
        volume, expert = self._load(3), self._load_segmentation(3)
        expert.GetDisplayNode().SetVisibility(False)
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        panel, ui = self._panel, self._panel.first_case_panel.ui
        self._show_section("firstCaseSection")
        ui.volumeSelector.setCurrentNode(volume)
        ui.structureEdit.text = "Liver"
        ui.addStructureButton.click()
        drawing = panel.segmenting.proposal.segmentation
        for index in _CORRECTED:
            phantoms.edit_slice(drawing, "Liver", volume, index, phantoms.mask_of(expert, "Liver", volume)[index])
        slicer.mrmlScene.RemoveNode(expert)
        wait_until(lambda: panel.correcting.corrected == _CORRECTED, "the drawn slices", _SECONDS)
        panel.corrections_panel._go_to(_CORRECTED[0])
        self._picture("first-case")
        panel.action_bar.ui.propagateButton.click()
        wait_until(lambda: panel.segmenting.state != "running", "the volume to be filled", _SECONDS)
        self._wait()
        panel.ui.firstCaseSection.collapsed = True
        self._picture("first-case-filled")

    def suggest(self) -> None:
        """Which of two volumes to annotate next."""
        self._open(2)
        for number in (3, 4):
            self._load(number)
        self._panel.library_panel.ui.suggestButton.click()
        window = self._panel.suggest_window
        window.ui.suggestButton.click()
        self._wait()
        self._window_picture(window.widget, "suggest")
        window.widget.hide()

    def batch(self) -> None:
        """Two volumes: one is done, the other is segmented."""
        self._go_fast()
        self._open(2)
        for number in (3, 4):
            self._load(number)
        self._panel.segment_panel.ui.severalButton.click()
        window = self._panel.batch_window
        for row in range(window.ui.volumesList.count):
            item = window.ui.volumesList.item(row)
            item.setCheckState(qt.Qt.Checked if item.text() in _SEVERAL else qt.Qt.Unchecked)
        window.ui.startButton.click()
        batching = self._panel.batching
        wait_until(lambda: batching.finished == 1 and "Segmenting" in batching.entries[1].told, "progress", _SECONDS)
        window.ui.queueTable.selectRow(1)
        self._window_picture(window.widget, "batch")
        window.ui.startButton.click()
        wait_until(lambda: not batching.running, "the end of the queue", _SECONDS)
        window.widget.hide()

    def review(self) -> None:
        """A library in which the labels of one case are swapped."""
        self._open(4, swapped=4)
        self._panel.library_panel.ui.reviewButton.click()
        window = self._panel.review_window
        self._wait()
        window.ui.reviewButton.click()
        wait_until(lambda: self._panel.reviewing.running, "the review to begin", _SECONDS)
        wait_until(lambda: not self._panel.reviewing.running, "the review", _SECONDS)
        self._wait()
        window.ui.findingsTable.selectRow(0)
        self._window_picture(window.widget, "review")
        window.widget.hide()

    def _library(self, cases: int, folder: Path, swapped: int | None = None) -> None:
        """A library with the first subjects; in that of one number two labels are swapped."""
        library = SupportLibrary.create(folder, "Trunk library")
        for number in range(1, cases + 1):
            name = f"subject-{number:02d}"
            segmentation = read_segmentation(self._files / f"{name}.seg.nrrd")
            if number == swapped:
                segmentation = _with_swapped_names(segmentation)
            library.add(read_volume(self._files / f"{name}.nrrd"), segmentation, name=name, modality="CT")

    def _open(self, cases: int, swapped: int | None = None) -> None:
        folder = self._work / "Trunk library"
        self._library(cases, folder, swapped)
        slicer_standin.dialogs.answers(str(folder))
        self._panel.library_panel.ui.openButton.click()
        self._wait()

    def _go_fast(self) -> None:
        """The preset that takes the least time; nothing of it is seen in a picture but the estimate."""
        self._module.widget.logic.getParameterNode().preset = "fast"

    def _show_section(self, wanted: str) -> None:
        for name in ("setupSection", "librarySection", "firstCaseSection", "segmentSection", "resultsSection"):
            getattr(self._panel.ui, name).collapsed = name != wanted

    def _add_case(self, number: int) -> None:
        volume, segmentation = self._load(number), self._load_segmentation(number)
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        ui = self._panel.library_panel.ui
        ui.addSection.collapsed = False
        ui.addVolumeSelector.setCurrentNode(volume)
        ui.addSegmentationSelector.setCurrentNode(segmentation)
        ui.addModalitySelector.setCurrentText("CT")
        self._wait()
        if number == 1:
            self._picture("add")
        ui.addButton.click()
        self._wait()
        segmentation.GetDisplayNode().SetVisibility(False)

    def _segment(self) -> None:
        volume = self._load(3)
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        panel, ui = self._panel, self._panel.segment_panel.ui
        panel.ui.librarySection.collapsed = True
        ui.inputSelector.setCurrentNode(volume)
        process_events(500)
        self._wait()
        grown: list[bool] = []
        panel.segmenting.grown.connect(lambda: grown.append(True))
        ui.segmentButton.click()
        wait_until(lambda: len(grown) > 1 or panel.segmenting.state != "running", "a partial result", _SECONDS)
        self._picture("running")
        wait_until(lambda: panel.segmenting.state != "running", "the result", _SECONDS)
        self._wait()

    def _look(self) -> None:
        self._panel.ui.segmentSection.collapsed = True
        results = self._panel.results_panel.ui
        results.worstTable.selectRow(0)
        results.show3DCheckBox.checked = True
        process_events(500)
        self._wait()
        slicer.app.layoutManager().threeDWidget(0).threeDView().resetFocalPoint()
        self._picture("result")

    def _correct(self) -> None:
        """Two slices as an expert has them, a mark, points and a box."""
        proposal, ui = self._panel.segmenting.proposal, self._panel.corrections_panel.ui
        expert = self._load_segmentation(3)
        expert.GetDisplayNode().SetVisibility(False)
        for index in _CORRECTED:
            for name in ("Liver", "Spleen"):
                mask = phantoms.mask_of(expert, name, proposal.volume)[index]
                phantoms.edit_slice(proposal.segmentation, name, proposal.volume, index, mask)
        slicer.mrmlScene.RemoveNode(expert)
        wait_until(lambda: self._panel.correcting.corrected == _CORRECTED, "the corrected slices", _SECONDS)
        self._panel.corrections_panel._go_to(_PROMPTED)
        process_events(500)
        self._wait()
        ui.promptSegmentSelector.setCurrentIndex(ui.promptSegmentSelector.findText("Liver"))
        for button, voxels in ((ui.insideButton, _INSIDE), (ui.outsideButton, _OUTSIDE)):
            button.click()
            node_id = slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID()
            for voxel in voxels:
                world = phantoms.world_of(proposal.volume, voxel)
                slicer.mrmlScene.GetNodeByID(node_id).AddControlPointWorld(vtk.vtkVector3d(*world))
        ui.promptSegmentSelector.setCurrentIndex(ui.promptSegmentSelector.findText("Left kidney"))
        ui.boxButton.click()
        results = self._panel.results_panel.ui
        results.examplesSection.collapsed = True
        shown = {("Liver", _PROMPTED), ("Left kidney", _PROMPTED)}
        wait_until(lambda: shown <= self._panel.correcting.previewed, "the previews", _SECONDS)
        process_events(500)
        self._picture("correct")
        results.examplesSection.collapsed = False

    def _window_picture(self, window: Any, step: str) -> None:
        process_events(300)
        save_widget(window, self._pictures / f"module-{step}.png", _WINDOW_SIZE)

    def _load(self, number: int) -> Any:
        return slicer.util.loadVolume(str(self._files / f"subject-{number:02d}.nrrd"))

    def _load_segmentation(self, number: int) -> Any:
        return slicer.util.loadSegmentation(str(self._files / f"subject-{number:02d}.seg.nrrd"))

    def _wait(self) -> None:
        """Until both workers have answered everything, also what their answers led to."""
        logic = self._module.widget.logic
        for _again in range(2):
            wait_until(lambda: not logic.librarian.busy and not logic.computer.busy, "the workers", _SECONDS)
            process_events(300)

    def _picture(self, step: str) -> None:
        process_events(300)
        save_window(self._module.panel, self._pictures / f"module-{step}.png", _SIZE, _PANEL_WIDTH)


def _with_swapped_names(segmentation: Segmentation) -> Segmentation:
    """The voxels of two segments change places."""
    names = [segment.name for segment in segmentation.segments]
    one, other = (names.index(name) for name in _SWAPPED)
    masks = [segmentation.mask(n) for n in range(len(names))]
    masks[one], masks[other] = masks[other], masks[one]
    return Segmentation.from_masks(segmentation.segments, masks, segmentation.geometry)


PIECES = {
    "set-up": Tutorial.set_up,
    "server": Tutorial.server,
    "library": Tutorial.library,
    "start": Tutorial.start,
    "first-case": Tutorial.first_case,
    "run": Tutorial.run,
    "suggest": Tutorial.suggest,
    "batch": Tutorial.batch,
    "review": Tutorial.review,
}


def main() -> int:
    """Play a piece.

    Returns:
        0, or 1 where something in the module went wrong meanwhile.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piece", choices=PIECES)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--files", type=Path, required=True, help="folder of the made-up volumes")
    parser.add_argument("--dark", action="store_true", help="in the colors of Slicer's dark style")
    options = parser.parse_args()
    use_palette(options.dark)
    with tempfile.TemporaryDirectory() as work:
        tutorial = Tutorial(options.folder, options.files, Path(work))
        PIECES[options.piece](tutorial)
        tutorial.close()
    return 1 if slicer_standin.slot_errors or slicer_standin.dialogs.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
