"""The module's panel: set-up, library, segment, results, and how they hear of the scene."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .background import Background
from .batch_window import BatchWindow
from .batching import Batching
from .case_loading import CaseLoading
from .correcting import Correcting
from .corrections_panel import CorrectionsPanel
from .library_client import LibraryClient
from .library_panel import LibraryPanel
from .origins import Origins
from .panel import ResourcePath, load_ui, show_fault
from .proposal import Proposal
from .results_panel import ResultsPanel
from .review_window import ReviewWindow
from .reviewing import Reviewing
from .run_place import RunPlace
from .segment_panel import SegmentPanel
from .segmenting import PROPOSED, Segmenting
from .server_panel import ServerPanel
from .server_place import ServerPlace
from .setup_panel import SetupPanel
from .suggest_window import SuggestWindow
from .suggesting import Suggesting
from .work_folder import WorkFolder


class ModulePanel:
    """Everything that the user sees of the module."""

    def __init__(self, logic: Any, resource_path: ResourcePath) -> None:
        self._logic = logic
        self._entered = False
        self._work = WorkFolder()
        self.widget, self.ui = load_ui(resource_path, "RetrievalSAM.ui")
        self.library = LibraryClient(logic.librarian, self._work)
        self.server = ServerPlace(logic.remote)
        place = RunPlace(logic.computer, self.library, self.server)
        self.segmenting = Segmenting(place, self._work)
        loading = CaseLoading(self.library)
        self.setup_panel = SetupPanel(logic.librarian, logic.computer, resource_path)
        self.server_panel = ServerPanel(self.server, resource_path)
        self.correcting = Correcting(self.segmenting)
        self.origins = Origins(self.segmenting, self.correcting)
        self.library_panel = LibraryPanel(self.library, loading, self.origins, resource_path)
        # An estimate needs no network, and must not wait behind a review.
        self.segment_panel = SegmentPanel(logic.librarian, place, self.segmenting, resource_path)
        self.results_panel = ResultsPanel(self.segmenting, self.library, loading, self._work, resource_path)
        self.corrections_panel = CorrectionsPanel(self.segmenting, self.correcting, resource_path)
        self.results_panel.slice_shown.connect(self.corrections_panel.show_slice)
        for place, panel in (
            (self.ui.setupPlace, self.setup_panel),
            (self.setup_panel.ui.serverPlace, self.server_panel),
            (self.ui.libraryPlace, self.library_panel),
            (self.ui.segmentPlace, self.segment_panel),
            (self.ui.resultsPlace, self.results_panel),
            (self.results_panel.ui.correctionsPlace, self.corrections_panel),
        ):
            layout = qt.QVBoxLayout(place)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(panel.widget)
        self._make_windows(loading, resource_path)
        self.batching = Batching(self.background, self._work)
        self.batch_window = BatchWindow(self.batching, self.library, self.segment_panel, resource_path)
        self.segment_panel.ui.severalButton.connect("clicked()", self.batch_window.open)
        self.setup_panel.environment_changed.connect(self._environment_changed)
        self.setup_panel.collapse_wanted.connect(self._collapse_setup)
        self.segmenting.state_changed.connect(self._run_changed)
        self.segmenting.accepted.connect(self._accepted)
        slicer.app.connect("aboutToQuit()", self.cleanup)
        self._follow_scene()

    def _make_windows(self, loading: CaseLoading, resource_path: ResourcePath) -> None:
        """The windows for the care of the library, and the long work behind them."""
        settings = self._logic.getParameterNode
        self.background = Background(self._logic.computer, self.segmenting)
        self.reviewing = Reviewing(self.library, self.background, settings)
        self.suggesting = Suggesting(self.library, self.background, self.segmenting, self._work, settings)
        panel = self.library_panel
        self.review_window = ReviewWindow(
            self.reviewing, self.library, loading, panel.remove, panel.undo_remove, resource_path
        )
        self.suggest_window = SuggestWindow(self.suggesting, self.library, panel.add_case.offer, resource_path)
        panel.ui.reviewButton.connect("clicked()", self.review_window.open)
        panel.ui.suggestButton.connect("clicked()", self.suggest_window.open)
        self.reviewing.changed.connect(self._show_review)
        self.reviewing.failed.connect(show_fault)
        self.suggesting.failed.connect(show_fault)

    def enter(self) -> None:
        """The user came to the module: the first time, look at this computer and open the library used last."""
        if self._entered:
            return
        self._entered = True
        self.setup_panel.check()
        self._open_library()

    def exit(self) -> None:
        """The user left; a run goes on, and nothing else is held."""
        self.corrections_panel.exit()

    def cleanup(self) -> None:
        """End the worker processes and delete temporary files."""
        slicer.app.disconnect("aboutToQuit()", self.cleanup)
        self.segment_panel.set_parameters(None)
        self.library_panel.cleanup()
        self.results_panel.cleanup()
        self.corrections_panel.cleanup()
        self.review_window.close()
        self.suggest_window.close()
        self.batch_window.close()
        self.background.cleanup()
        self.suggesting.cleanup()
        self.batching.cleanup()
        self.segmenting.cleanup()
        self.correcting.cleanup()
        clients = (self._logic.computer, self._logic.librarian, self._logic.remote)
        for client in clients:
            client.hang_up()
        for client in clients:
            client.stop()
        self._work.cleanup()

    def scene_closes(self) -> None:
        """The nodes are about to go."""
        self.segmenting.scene_closes()
        self.origins.scene_closes()
        self.suggesting.scene_closes()
        self.batching.scene_closes()
        self.segment_panel.set_parameters(None)

    def scene_changed(self) -> None:
        """Another scene is there, or more in it."""
        self._follow_scene()
        if self._entered:
            self._open_library()

    def _follow_scene(self) -> None:
        self.segment_panel.set_parameters(self._logic.getParameterNode())

    def _open_library(self) -> None:
        """The library that the scene names, else the one that stays open, else the one this user opened last."""
        wanted = self._logic.getParameterNode().libraryFolder or self.library.folder or self.library.last_folder()
        if wanted and wanted != self.library.folder:
            self.library.open(wanted)

    def _environment_changed(self, environment: dict[str, Any]) -> None:
        self.segment_panel.offer_models(
            [m["name"] for m in environment["models"] if m["kind"] == "segmenter" and m["installed"]]
        )
        self.segment_panel.offer_devices(environment["devices"], environment["device_reason"])

    def _collapse_setup(self, collapsed: bool) -> None:
        self.ui.setupSection.collapsed = collapsed

    def _run_changed(self) -> None:
        if self.segmenting.state == PROPOSED:
            self.ui.resultsSection.collapsed = False

    def _show_review(self) -> None:
        running = self.reviewing.running
        self.library_panel.show_review(_("Review: {text}").format(text=self.reviewing.told) if running else "")

    def _accepted(self, proposal: Proposal) -> None:
        """What was accepted is offered to the library, so that the next volume comes out better."""
        if proposal.volume is not None and proposal.segmentation is not None:
            self.library_panel.add_case.offer(proposal.volume, proposal.segmentation)
