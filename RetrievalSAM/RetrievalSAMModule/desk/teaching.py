"""Keep and teach: a result becomes a case of the library there and then, or the first case of a new one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels import ask
from ..panels.panel import show_fault
from ..runs.origins import Origins
from ..runs.segmenting import PROPOSED, Segmenting
from ..scene.masks.segment_masks import segment_mask
from ..scene.proposal import Proposal
from ..scene.volume_files import SceneError
from ..turn_queue import TurnQueue


class Teaching:
    """Asks what has to be asked, keeps the result, and adds it.

    Attributes:
        widget: Whose windows the questions are; set when the panel is there.
    """

    def __init__(
        self, segmenting: Segmenting, library: LibraryClient, origins: Origins, tell: Callable[[str], None]
    ) -> None:
        self._segmenting = segmenting
        self._library = library
        self._origins = origins
        self._tell = tell
        self._waiting: Proposal | None = None
        self._turns = TurnQueue()
        self.widget: qt.QWidget | None = None
        library.changed.connect(self._library_opened)

    def teach(self) -> None:
        """Keep the result that waits, and add it to the library; where none is open, one is made first."""
        proposal = self._segmenting.proposal
        if self._segmenting.state != PROPOSED or not proposal.is_in_scene:
            return
        if self._library.state is not None:
            self._check(proposal)
            return
        folder = ask.folder(self.widget, _("Choose a new or empty folder for the support library"))
        if folder:
            self._waiting = proposal
            there = (Path(folder) / "library.json").is_file()
            (self._library.open if there else self._library.create)(folder, self._fault)

    def _library_opened(self) -> None:
        proposal, self._waiting = self._waiting, None
        if proposal is not None and self._library.state is not None:
            self._check(proposal)

    def _check(self, proposal: Proposal) -> None:
        """Names that look like patient data are asked about before they go into a folder that may be shared."""
        names = self._names(proposal)
        if not names:
            show_fault(WorkerFault(_("Nothing was found in this volume, so there is nothing to teach.")))
            return
        self._library.ask(
            "names.check", {"names": names}, lambda told: self._add_if_wanted(proposal, told["warnings"]), self._fault
        )

    def _add_if_wanted(self, proposal: Proposal, warnings: list[dict[str, str]]) -> None:
        if self._segmenting.proposal is not proposal or self._segmenting.state != PROPOSED:
            return  # decided otherwise meanwhile
        if warnings and not slicer.util.confirmYesNoDisplay(
            _("Some names look like patient data: {names}. Add them to the library all the same?").format(
                names=", ".join(f"{one['name']} ({one['reason']})" for one in warnings)
            ),
            windowTitle=_("RetrievalSAM"),
        ):
            return
        self._add(proposal)

    def _add(self, proposal: Proposal) -> None:
        names, volume, segmentation = self._names(proposal), proposal.volume, proposal.segmentation
        try:
            self._library.add_from_scene(
                volume,
                segmentation,
                names,
                name="",  # numbered: the volume's name may be the patient's
                modality="",
                on_done=self._added,
                on_fault=self._fault,
                on_stopped=lambda: self._tell(_("Stopped; the case was not added.")),
                origin=self._origins.of(volume, segmentation, names),
            )
        except SceneError as error:
            self._fault(WorkerFault(str(error)))
            return
        self._turns.add(lambda: self._keep(proposal))  # in a turn of its own: the files were work enough

    def _keep(self, proposal: Proposal) -> None:
        if self._segmenting.proposal is proposal:
            self._segmenting.accept()
        self._tell(_("Adding the case..."))

    @staticmethod
    def _names(proposal: Proposal) -> list[str]:
        """Of the segments that are not empty, as the scene has them."""
        if not proposal.is_in_scene:
            return []
        content, names = proposal.segmentation.GetSegmentation(), []
        for segment_id in proposal.present_segments().values():
            mask = segment_mask(proposal.segmentation, segment_id, proposal.volume)
            if mask is not None and mask.any():
                names.append(content.GetSegment(segment_id).GetName())
        return names

    def _added(self, result: dict[str, Any]) -> None:
        told = _("Kept. {name} is in the library: the next volume has one more example.").format(
            name=result["case"]["name"]
        )
        self._tell(" ".join([told, *(note["text"] for note in result["notes"])]))

    def _fault(self, fault: WorkerFault) -> None:
        self._waiting = None
        self._tell("")
        show_fault(fault)
