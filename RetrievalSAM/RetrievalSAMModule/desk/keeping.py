"""Results that last: what is kept, put aside or saved with the scene can be taken up again and corrected further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..parameters import PRESETS
from ..runs.correcting import Correcting
from ..runs.segmenting import PROPOSED, RUNNING, Segmenting
from ..scene import kept_result
from ..scene.kept_result import VOLUME_ROLE, KeptResult
from ..scene.proposal import Proposal
from ..scene.volume_files import SceneError

_FIRST_CASE = "first-case"
_REPORT_ENDINGS = (".report.json", ".json")
_NEEDED = ("model", "plane", "plane_axis", "preset", "segments", "slices", "look_first", "seconds", "verdict")


class Keeping:
    """Writes results into the scene, and takes them up from there."""

    def __init__(self, segmenting: Segmenting, correcting: Correcting, library: LibraryClient) -> None:
        self._segmenting = segmenting
        self._correcting = correcting
        self._library = library
        self._noted: tuple[Proposal, dict[str, Any], list[int]] | None = None
        segmenting.leaving.connect(self._write)
        segmenting.state_changed.connect(self._note)
        correcting.changed.connect(self._note)

    def volume_of(self, segmentation: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that a segmentation is a result of, or else lies on; None where it is not in the scene."""
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        return segmentation.GetNodeReference(VOLUME_ROLE) or segmentation.GetNodeReference(role)

    def missing(self, segmentation: slicer.vtkMRMLSegmentationNode | None) -> str:
        """Why a segmentation cannot be taken up, in words; an empty text where it can."""
        if self._segmenting.state == RUNNING:
            return _("A run goes on.")
        if segmentation is None:
            return _("Choose a segmentation.")
        proposal = self._segmenting.proposal
        if proposal is not None and proposal.segmentation is segmentation:
            return _("It is the one that is being corrected.")
        return ""

    def has_report(self, segmentation: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether what is needed is written on it, or lies beside its file."""
        return kept_result.read(segmentation) is not None or self._report_beside(segmentation) is not None

    def take_up(
        self,
        segmentation: slicer.vtkMRMLSegmentationNode,
        volume: slicer.vtkMRMLScalarVolumeNode | None,
        report: str = "",
    ) -> None:
        """Make a result of the scene the one that waits; one that waits already stays in the scene.

        Args:
            segmentation: The result.
            volume: What it is of where it does not know itself.
            report: File of the report, where the scene has none.

        Raises:
            SceneError: It cannot be taken up; the message says why. Nothing was changed.
        """
        missing = self.missing(segmentation)
        if missing:
            raise SceneError(missing)
        known = kept_result.read(segmentation) if not report else None
        if known is None:
            file = Path(report) if report else self._report_beside(segmentation)
            if file is None:
                raise SceneError(_("It has no report. Choose the file that was written with it."))
            known = self._from_report(file, segmentation)
        volume = self.volume_of(segmentation) or volume
        if volume is None or volume.GetImageData() is None:
            raise SceneError(_("Its volume is not in the scene. Load it, show it in the slice views, and try again."))
        self._check(known, volume)
        proposal = known.proposal(segmentation, volume)
        if not proposal.segment_ids:
            raise SceneError(_("None of the segments of its report is in it. Choose the report that belongs to it."))
        self._segmenting.take_up(proposal)

    def _from_report(self, file: Path, segmentation: slicer.vtkMRMLSegmentationNode) -> KeptResult:
        try:
            report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            lacking = [key for key in _NEEDED if key not in report]
        except (OSError, ValueError, TypeError) as error:
            raise SceneError(_("'{file}' cannot be read as a report.").format(file=file.name)) from error
        if lacking:
            raise SceneError(_("'{file}' is no report of a run.").format(file=file.name))
        content = segmentation.GetSegmentation()
        names = [one["name"] for one in report["segments"]]
        ids = {name: content.GetSegmentIdBySegmentName(name) for name in names}
        refinement = report.get("refinement") or {}
        report.setdefault("refinement", None)
        report.setdefault("less_memory", [])
        settings: dict[str, Any] = {"model": report["model"]["name"], "device": "auto"}
        if report["preset"] != _FIRST_CASE:
            if self._library.state is None:
                raise SceneError(_("It was made with a library. Open that one first."))
            preset = report["preset"] if report["preset"] in PRESETS else "default"
            settings |= {"folder": self._library.folder, "segments": names, "plane": report["plane"]}
            settings |= {"roi": None, "preset": preset}
        return KeptResult(
            settings,
            report,
            {name: one for name, one in ids.items() if one},
            tuple(refinement.get("corrected", ())),
            {},
        )

    @staticmethod
    def _check(known: KeptResult, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        size = volume.GetImageData().GetDimensions()
        count = size[int(known.report["plane_axis"])]
        stated = known.report.get("target", {}).get("size", size)
        if list(stated) != list(size) or any(one["index"] >= count for one in known.report["slices"]):
            raise SceneError(
                _(
                    "The result is of a volume of another size than '{volume}'. Choose the one that it was made from."
                ).format(volume=volume.GetName())
            )

    @staticmethod
    def _report_beside(segmentation: slicer.vtkMRMLSegmentationNode) -> Path | None:
        storage = segmentation.GetStorageNode()
        file = storage.GetFileName() if storage is not None else None
        if not file:
            return None
        stem = str(file).removesuffix(".nrrd").removesuffix(".seg")
        found = (Path(stem + ending) for ending in _REPORT_ENDINGS)
        return next((one for one in found if one.is_file()), None)

    def _note(self) -> None:
        """While a result waits: whenever the scene is saved, it says what is corrected by then."""
        proposal = self._segmenting.proposal
        if self._segmenting.state != PROPOSED or proposal is None or not proposal.is_in_scene:
            return
        corrected = self._correcting.corrected
        noted = proposal, proposal.report, corrected
        if noted != self._noted:
            self._noted = noted
            KeptResult.of(proposal, corrected, left=False).write(proposal.segmentation, proposal.volume)

    def _write(self, proposal: Proposal) -> None:
        """Also slices that were only looked at and found right stay corrected."""
        self._noted = None
        if proposal.is_in_scene and proposal.report:
            proposal.corrected = frozenset(self._correcting.corrected_for(proposal))
            kept = KeptResult.of(proposal, sorted(proposal.corrected), left=True)
            kept.write(proposal.segmentation, proposal.volume)
