"""The panel with a result of a scripted worker whose slices are corrected."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import phantoms
from panel_testing import wait_until
from scripted_panel import REPORT, THRESHOLDS, ScriptedTest, scripted

GOOD = {"threshold": THRESHOLDS, "partials": 1, "result": {"report": REPORT}}
# Other thresholds: what the worker gives after a correction differs from before on every slice but the corrected ones.
MOVED = [["Liver", 141, 3000, phantoms.COLORS["Liver"]], ["Spleen", 66, 120, phantoms.COLORS["Spleen"]]]
REFINED = {**REPORT, "refinement": {"corrected": [4], "recomputed": {}, "changed": {}, "reused": True}}
REFINES = {"threshold": MOVED, "partials": 1, "progress": 1, "result": {"report": REFINED}}


class CorrectionsTest(ScriptedTest):
    script = scripted(segment=[GOOD], refine=[REFINES])

    def get_result(self, volume: Any = None) -> Any:
        self.segment(volume or self.volume)
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")
        self.wait_until_quiet()
        return self.result()

    def mask(self, name: str = "Liver", volume: Any = None) -> np.ndarray:
        return phantoms.mask_of(self.result(), name, volume or self.volume)

    def draw(self, index: int, name: str = "Liver", axis: int = 2, volume: Any = None) -> np.ndarray:
        """Change one slice; what it is then, as the volume has its voxels."""
        volume = volume or self.volume
        changed = ~np.take(self.mask(name, volume), index, axis=2 - axis)
        phantoms.edit_slice(self.result(), name, volume, index, changed, axis)
        return changed

    def wait_for(self, slices: list[int]) -> None:
        wait_until(lambda: self.panel.correcting.corrected == slices, f"the slices {slices} to be seen")

    def said(self) -> str:
        """The line that names the corrected slices, without its links."""
        return re.sub("<[^>]*>", "", self.corrections_ui.correctedLabel.text)

    def propagate(self) -> None:
        self.assertTrue(self.corrections_ui.propagateButton.enabled, self.corrections_ui.propagateButton.toolTip)
        self.corrections_ui.propagateButton.click()
        wait_until(lambda: self.panel.segmenting.state != "running", "the corrections to be carried on")
        self.wait_until_quiet()
