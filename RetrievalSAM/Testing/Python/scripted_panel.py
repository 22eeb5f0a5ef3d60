"""The panel with a worker that answers by a script, so that a test can have whatever a worker may do."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import phantoms
import slicer
from panel_testing import PanelTest

REPORT: dict[str, Any] = {
    "model": {"name": "bundled", "sha256": "0" * 64, "image_size": 256, "origin": "bundled"},
    "plane": "axial",
    "plane_axis": 2,
    "verdict": "in-library",
    "seconds": {"segmenting": 12.0},
    "refinement": None,
    "less_memory": [],
    "calibrated": True,
    "look_first": list(range(12)),
    "segments": [{"name": "Liver", "volume_mm3": 9000.0, "confidence": 0.9}],
    "slices": [
        {
            "index": index,
            "segments": {
                "Liver": {
                    "area_mm2": 100.0,
                    "confidence": 0.5 + index / 30,
                    "supports": [{"case": "Case 1", "slice": 4, "similarity": 0.8}],
                }
            },
        }
        for index in range(12)
    ],
}
THRESHOLDS = [["Liver", 131, 3000, phantoms.COLORS["Liver"]], ["Spleen", 66, 130, phantoms.COLORS["Spleen"]]]
_LIBRARY: dict[str, Any] = {
    "name": "Scripted",
    "folder": "",
    "segments": [
        {"name": name, "value": value, "color": list(color), "terminology": None}
        for value, (name, color) in enumerate(phantoms.COLORS.items(), start=1)
    ],
    "cases": [
        {
            "id": "1",
            "name": "Case 1",
            "modality": "CT",
            "plane": "axial",
            "segments": ["Liver", "Spleen"],
            "slices": 12,
            "created": "2026-01-02T03:04:05+00:00",
            "changed": "2026-01-02T03:04:05+00:00",
            "versions": 1,
            "source": "person",
            "thumbnail": None,
        }
    ],
    "removed": [],
    "damaged": [],
}
_ENVIRONMENT: dict[str, Any] = {
    "python": "3.12",
    "version": "0",
    "device": "cpu",
    "device_reason": "no graphics card",
    "devices": ["cpu"],
    "threads": 1,
    "memory_free": 8e9,
    "memory_total": 16e9,
    "disk_free": 9e9,
    "models_folder": "",
    "packages": {"torch": "2.5"},
    "models": [],
}


NO_REVIEW: dict[str, Any] = {"review": None, "finished": None, "current": False}
NOTHING_LEARNED: dict[str, Any] = {
    "state": "none",
    "text": "nothing learned yet",
    "cases": 1,
    "learned": 0,
    "can_learn": True,
    "run_dice": None,
    "fused_dice": None,
    "sha256": "",
}


def library_of(*names: str, removed: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """A library with cases of these names, whose IDs are `id of <name>`."""
    case = _LIBRARY["cases"][0]
    cases = [{**case, "id": f"id of {name}", "name": name} for name in names]
    gone = [{"id": f"id of {name}", "name": name} for name in removed]
    return {**_LIBRARY, "cases": cases, "removed": gone, **fields}


def scripted(**replies: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """A script of a worker with a library of one case; verbs as keywords, with an underscore for the point."""
    script = {
        "environment": [{"result": _ENVIRONMENT}],
        "library.describe": [{"result": _LIBRARY}],
        "library.slices": [{"result": {"files": [None]}}],
        "library.last_review": [{"result": NO_REVIEW}],
        "library.learned": [{"result": NOTHING_LEARNED}],
        "library.tuned": [{"result": {"tuned": []}}],
        "names.check": [{"result": {"warnings": []}}],
        "dicom.series": [{"result": {"series": []}}],
        "library.privacy": [{"result": {"warnings": []}}],
        "preview": [{"fault": {"code": "input", "message": "There is no preview here."}}],
        "estimate": [{"result": {"seconds": 12.0, "memory_bytes": 5e8, "basis": "typical"}}],
        "segment": [{"threshold": THRESHOLDS, "partials": 2, "progress": 2, "result": {"report": REPORT}}],
    }
    return copy.deepcopy(script | {verb.replace("_", ".", 1): told for verb, told in replies.items()})


class ScriptedTest(PanelTest):
    """The module with a scripted worker, an opened library of one case, and subject 3 as the volume to segment."""

    script = scripted()

    def setUp(self) -> None:
        super().setUp()
        self.panel.library.open(str(self.folder))
        self.wait_until_quiet()
        self.volume, self.truth = self.add_input()
        self.segment_ui.inputSelector.setCurrentNode(self.volume)
        self.wait_until_quiet()

    def add_input(self) -> tuple[slicer.vtkMRMLScalarVolumeNode, dict[str, Any]]:
        """The volume, and where its voxels lie between the thresholds."""
        voxels, _masks = phantoms.subject(3)
        truth = {name: (voxels >= low) & (voxels <= high) for name, low, high, _color in THRESHOLDS}
        return phantoms.add_volume(voxels, "Subject 3"), truth
