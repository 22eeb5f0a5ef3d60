"""Plays the tutorial on the module in a window that is not shown, and takes a picture of every step.

python Testing/make_screenshots.py FOLDER [--dark]

The volumes are made up (RetrievalSAMLib/demo), the library and the worker are real.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
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

from RetrievalSAMLib.demo.cohort import make_cohort  # noqa: E402
from RetrievalSAMLib.volumes import write_segmentation, write_volume  # noqa: E402

_SIZE, _PANEL_WIDTH = (1440, 1000), 460
_WINDOW_SIZE = (760, 560)
_SWAPPED = ("Liver", "Spleen")
_SEVERAL = ("subject-03", "subject-04")
_SECONDS = 600.0
_CORRECTED, _PROMPTED = [12, 20], 16  # slices
_INSIDE, _OUTSIDE = ((30, 50, 16), (36, 44, 16)), ((52, 44, 16),)  # voxels


class Tutorial:
    """The steps, in order."""

    def __init__(self, pictures: Path, files: Path) -> None:
        self._pictures, self._files = pictures, files
        self._module = LoadedModule(ROOT / "RetrievalSAM" / "RetrievalSAM.py")
        self._module.enter()
        self._panel = self._module.widget.panel
        self._wait()

    def play(self) -> None:
        """Every step, with its picture."""
        self._picture("start")
        self._create_library()
        for number in (1, 2):
            self._add_case(number)
        self._panel.library_panel.ui.addSection.collapsed = True
        self._picture("library")
        self._segment()
        self._look()
        self._correct()
        self._panel.results_panel.ui.acceptButton.click()
        self._wait()
        self._panel.ui.segmentSection.collapsed = True
        self._panel.ui.librarySection.collapsed = False
        self._picture("accepted")
        self._suggest()
        self._batch()
        self._review()
        self._panel.ui.librarySection.collapsed = True
        self._panel.ui.setupSection.collapsed = False
        self._picture("set-up")
        self._module.close()

    def _create_library(self) -> None:
        folder = self._files / "Trunk library"
        folder.mkdir()
        slicer_standin.dialogs.answers(str(folder))
        self._panel.library_panel.ui.createButton.click()
        self._wait()

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
        self._picture("ready")
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
        """Two slices as an expert has them, a mark, points and a box; then all of it is carried on."""
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
        process_events(500)
        self._picture("correct")
        results.examplesSection.collapsed = False
        ui.clearButton.click()
        ui.propagateButton.click()
        wait_until(lambda: self._panel.segmenting.state != "running", "the corrections to be carried on", _SECONDS)
        self._wait()
        self._panel.corrections_panel._go_to(_CORRECTED[0] + 1)
        process_events(500)
        self._wait()
        self._picture("corrected")

    def _suggest(self) -> None:
        self._load(4)
        self._panel.library_panel.ui.suggestButton.click()
        window = self._panel.suggest_window
        window.ui.suggestButton.click()
        self._wait()
        self._window_picture(window.widget, "suggest")
        window.widget.hide()

    def _batch(self) -> None:
        """The third volume and the fourth, while the first of them goes on."""
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
        for entry in batching.entries:
            if entry.segmentation_id:
                slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(entry.segmentation_id))
        window.widget.hide()

    def _review(self) -> None:
        """With a fourth case whose labels are swapped."""
        volume, segmentation = slicer.util.getNode("subject-04"), self._load_segmentation(4)
        content = segmentation.GetSegmentation()
        one, other = (content.GetSegment(content.GetSegmentIdBySegmentName(name)) for name in _SWAPPED)
        kept, labels = slicer.vtkSegment(), (one.GetLabelValue(), other.GetLabelValue())
        for target, source in ((kept, one), (one, other), (other, kept)):
            target.DeepCopyMetadata(source)
        for segment, label in zip((one, other), labels, strict=True):  # the voxels stay
            segment.SetLabelValue(label)
        library = self._panel.library_panel.ui
        library.addVolumeSelector.setCurrentNode(volume)
        library.addSegmentationSelector.setCurrentNode(segmentation)
        self._wait()
        library.addButton.click()
        self._wait()
        library.reviewButton.click()
        window = self._panel.review_window
        self._wait()
        window.ui.reviewButton.click()
        wait_until(lambda: (self._panel.reviewing.progress or (0,))[0] > 0, "a case to be finished", _SECONDS)
        self._window_picture(window.widget, "reviewing")
        self._wait()
        window.ui.findingsTable.selectRow(0)
        self._window_picture(window.widget, "review")
        window.widget.hide()

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


def main() -> None:
    """Play and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dark", action="store_true", help="in the colors of Slicer's dark style")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    use_palette(options.dark)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        for subject in make_cohort(4):
            write_volume(subject.image, files / f"{subject.name}.nrrd")
            write_segmentation(subject.segmentation, files / f"{subject.name}.seg.nrrd")
        Tutorial(options.folder, files).play()


if __name__ == "__main__":
    main()
