"""The panel with the button: what to segment, which segments, and how far the run is."""

from __future__ import annotations

from typing import Any

import qt
import slicer.util
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerClient, WorkerFault
from ..parameters import BUNDLED, RetrievalSAMParameters
from ..runs.run_place import RunPlace, is_on_server
from ..runs.segmenting import IDLE, PROPOSED, RUNNING, Segmenting
from ..scene.proposal import Choices, Proposal
from ..scene.volume_files import SceneError, grid_of, region_voxels
from ..texts import wording
from .panel import (
    ResourcePath,
    check_list,
    checked_names,
    choice,
    choose,
    color_icon,
    fill_choices,
    load_ui,
    say,
    show_fault,
)

_QUIET_MS = 250


class SegmentPanel:
    """Choices of a run, kept in the scene's parameter node, and the button that starts and stops it."""

    def __init__(
        self, worker: WorkerClient, library: RunPlace, segmenting: Segmenting, resource_path: ResourcePath
    ) -> None:
        self._worker = worker
        self._library = library
        self._segmenting = segmenting
        self._parameters: RetrievalSAMParameters | None = None
        self._gui_tag: Any = None
        self._asked = 0
        self.widget, self.ui = load_ui(resource_path, "SegmentPanel.ui")
        fill_choices(
            self.ui.presetSelector,
            [
                ("default", _("Balanced")),
                ("fast", _("Fast (fewer examples)")),
                ("accurate", _("Thorough (more examples)")),
                ("fate-sam", _("As published: FATE-SAM")),
                ("zhao-2024", _("As published: Zhao et al. 2024")),
            ],
        )
        fill_choices(
            self.ui.planeSelector,
            [
                ("auto", _("As acquired (recommended)")),
                ("axial", _("Axial")),
                ("coronal", _("Coronal")),
                ("sagittal", _("Sagittal")),
            ],
        )
        self.offer_models([BUNDLED])
        self.offer_devices(["cpu"], "")
        self._carried = False  # whether the last run carried corrections on
        # An estimate is asked for when the user has paused.
        self._estimate_timer = qt.QTimer()
        self._estimate_timer.setSingleShot(True)
        self._estimate_timer.setInterval(_QUIET_MS)
        self._estimate_timer.connect("timeout()", self._ask_estimate)
        for box, name in self._boxes():
            box.connect("currentIndexChanged(int)", lambda _index, box=box, name=name: self._chosen(box, name))
        self.ui.segmentsList.connect("itemChanged(QListWidgetItem*)", lambda _item: self._segments_checked())
        self.ui.segmentButton.connect("clicked()", self._clicked)
        library.changed.connect(self._library_changed)
        segmenting.state_changed.connect(self._run_changed)
        segmenting.progressed.connect(self._progressed)
        segmenting.failed.connect(self._failed)
        segmenting.told.connect(self._told)
        self._say("")
        self.update()

    def set_parameters(self, parameters: RetrievalSAMParameters | None) -> None:
        """Follow the settings of another scene, or none."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._gui_tag)
            self._parameters.parameterNode.RemoveObserver(self._observer)
        self._parameters = parameters
        if parameters is None:
            return
        self._gui_tag = parameters.connectGui(self.ui)
        self._observer = parameters.AddObserver("ModifiedEvent", lambda _caller, _event: self._parameters_changed())
        self._parameters_changed()
        self._show_segments()

    def offer_models(self, names: list[str]) -> None:
        """The models whose weights are here."""
        texts = {BUNDLED: _("Bundled (small, fast)")}
        fill_choices(self.ui.modelSelector, [(name, texts.get(name, name)) for name in names])
        self._show_boxes()

    def offer_devices(self, names: list[str], reason: str) -> None:
        """The devices of this computer; `reason` says why the default is what it is."""
        texts = {
            "auto": _("Automatic"),
            "cpu": _("Processor (CPU)"),
            "cuda": _("NVIDIA graphics card (CUDA)"),
            "mps": _("Apple graphics (MPS)"),
        }
        fill_choices(self.ui.deviceSelector, [(name, texts[name]) for name in ("auto", *names)])
        self.ui.deviceSelector.toolTip = reason or _("Where the network runs")
        self._show_boxes()

    def update(self) -> None:
        """Show what can be done now."""
        # Corrections that are carried on are told of, and cancelled, where they began.
        running, elsewhere = self._segmenting.state == RUNNING, self._segmenting.carries_on
        own = running and not elsewhere
        missing = _("A run goes on.") if elsewhere else self._missing()
        button = self.ui.segmentButton
        button.text = _("Cancel") if own else _("Segment")
        button.enabled = own or not missing
        button.toolTip = _("Stop; the scene is put back") if own else missing or _("Find the segments of the library")
        for widget in (
            self.ui.inputSelector,
            self.ui.outputSelector,
            self.ui.regionSelector,
            self.ui.segmentsList,
            self.ui.cleanCheckBox,
            *(box for box, _name in self._boxes()),
        ):
            widget.enabled = not running
        self.ui.progressBar.visible = own
        if not running:
            self._estimate_timer.start()
            if missing:
                say(self.ui.estimateLabel, missing)

    def _missing(self) -> str:
        if self._parameters is None or self._parameters.inputVolume is None:
            return _("Choose a volume.")
        return self.missing()

    def missing_for_several(self) -> str:
        """What is missing for a batch, which is computed here."""
        if self._library.on_server:
            return _("Several volumes are segmented by this computer: choose it under Set-up.")
        return self.missing()

    def missing(self) -> str:
        """What is missing for a run on any volume, in words; an empty text for nothing."""
        state = self._library.state
        if state is None and self._library.on_server:
            return _("Under Set-up, connect to the server and choose one of its libraries.")
        if state is None:
            return _("Open or create a support library first.")
        if not state.cases:
            return _("The library has no case yet. Add an annotated volume first.")
        if not checked_names(self.ui.segmentsList):
            return _("Check at least one segment.")
        return ""

    def _run_changed(self) -> None:
        if self._segmenting.state == RUNNING:
            self._carried = self._segmenting.carries_on
        if self._segmenting.state == PROPOSED:
            if self._segmenting.proposal.report["verdict"] == "unlike-library":
                self._say(_("Done, but this volume is unlike anything in this library. Look at every slice below."))
            else:
                self._say(_("Done. Look at the result below, then keep or discard it."))
        elif self._segmenting.state == IDLE:
            self._say("")
        self.update()

    def _clicked(self) -> None:
        if self._segmenting.state == RUNNING:
            self._say(_("Stopping..."))
            self._segmenting.cancel()
            return
        self._say("")
        waiting = self._segmenting.proposal if self._segmenting.waits else None
        if waiting is not None and not self._may_replace(waiting):
            return
        try:
            self._segmenting.start(self.choices())
        except SceneError as error:
            show_fault(WorkerFault(str(error)))
            return
        self.ui.progressBar.setRange(0, 0)
        say(self.ui.estimateLabel, "")
        if self._segmenting.state == RUNNING:
            self._say(_("Starting..."))

    def _may_replace(self, waiting: Proposal) -> bool:
        """Nothing that waits is lost without a word: a run into the same segmentation asks."""
        if waiting.segmentation is None or self._parameters.outputSegmentation is not waiting.segmentation:
            return True
        return bool(
            slicer.util.confirmOkCancelDisplay(
                _(
                    "'{name}' holds a result that is neither kept nor discarded, and the run would write over it. "
                    "Segment anew?"
                ).format(name=waiting.segmentation.GetName()),
                windowTitle=_("RetrievalSAM"),
            )
        )

    def choices(self) -> Choices:
        """What is chosen here, as far as it is there."""
        parameters, names = self._parameters, checked_names(self.ui.segmentsList)
        return Choices(
            volume=parameters.inputVolume,
            output=parameters.outputSegmentation,
            region=parameters.region,
            library=self._library.folder,
            segments=None if len(names) == self.ui.segmentsList.count else tuple(names),
            plane=parameters.plane,
            preset=parameters.preset,
            model=choice(self.ui.modelSelector),
            device=choice(self.ui.deviceSelector),
            clean=parameters.cleanMasks,
        )

    def _progressed(self, stage: str, done: int, total: int, seconds_left: float | None) -> None:
        if self._segmenting.carries_on:
            return
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.setValue(done)
        self._say(wording.progress(stage, done, total, seconds_left))

    def _failed(self, fault: WorkerFault) -> None:
        self._told(_("The run failed; the scene is as it was before."))
        show_fault(fault)

    def _told(self, text: str) -> None:
        if not self._carried:
            self._say(text)

    def _ask_estimate(self) -> None:
        if self._missing() or self._segmenting.state == RUNNING:
            return
        choices = self.choices()
        if is_on_server(choices.library):
            say(self.ui.estimateLabel, _("The server computes. Only voxels and grid of the volume are sent."))
            return
        try:
            box = region_voxels(choices.region, choices.volume) if choices.region is not None else None
        except SceneError as error:
            say(self.ui.estimateLabel, str(error))
            return
        if choices.volume.GetImageData() is None:
            say(self.ui.estimateLabel, _("The volume has no voxels."))
            return
        self._asked += 1
        number = self._asked
        self._worker.request(
            "estimate",
            {
                "folder": choices.library,
                **grid_of(choices.volume),
                "roi": [int(edge) for edge in box] if box is not None else None,
                "segments": list(choices.segments) if choices.segments is not None else None,
                "plane": choices.plane,
                "preset": choices.preset,
                "model": choices.model,
                "device": choices.device,
            },
            on_result=lambda result: self._show_estimate(number, result),
            on_fault=lambda fault: self._show_no_estimate(number, fault),
        )

    def _show_estimate(self, number: int, result: dict[str, Any]) -> None:
        if number == self._asked and self._segmenting.state != RUNNING and not self._missing():
            measured = result["basis"] == "measured"
            text = (
                _("Takes about {time} and {memory} of memory.")
                if measured
                else _("Takes roughly {time} and {memory} of memory.")
            )
            self.ui.estimateLabel.text = text.format(
                time=wording.duration(result["seconds"]), memory=wording.size(result["memory_bytes"])
            )

    def _show_no_estimate(self, number: int, fault: WorkerFault) -> None:
        if number == self._asked:
            say(self.ui.estimateLabel, fault.message)

    def _library_changed(self) -> None:
        state = self._library.state
        if state is not None and self._parameters is not None and not is_on_server(state.folder):
            self._parameters.libraryFolder = state.folder
        self._show_segments()

    def _show_segments(self) -> None:
        state = self._library.state
        segments = state.segments if state is not None else ()
        skipped = set(self._parameters.skippedSegments) if self._parameters is not None else set()
        icons = {segment.name: color_icon(segment.color) for segment in segments}
        names = [segment.name for segment in segments]
        check_list(self.ui.segmentsList, names, lambda name: name not in skipped, icons)
        self.update()

    def _segments_checked(self) -> None:
        if self._parameters is not None:
            checked = set(checked_names(self.ui.segmentsList))
            names = [self.ui.segmentsList.item(row).text() for row in range(self.ui.segmentsList.count)]
            self._parameters.skippedSegments = [name for name in names if name not in checked]
        self.update()

    def _chosen(self, box: qt.QComboBox, name: str) -> None:
        if self._parameters is not None:
            setattr(self._parameters, name, choice(box))
        self.update()

    def _parameters_changed(self) -> None:
        self._show_boxes()
        self.update()

    def _show_boxes(self) -> None:
        if self._parameters is not None:
            for box, name in self._boxes():
                choose(box, getattr(self._parameters, name))

    def _boxes(self) -> tuple[tuple[qt.QComboBox, str], ...]:
        return (
            (self.ui.presetSelector, "preset"),
            (self.ui.planeSelector, "plane"),
            (self.ui.modelSelector, "model"),
            (self.ui.deviceSelector, "device"),
        )

    def _say(self, text: str) -> None:
        say(self.ui.statusLabel, text)
