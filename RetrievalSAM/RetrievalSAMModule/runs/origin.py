"""What made segments of the scene, as a case of the library tells it. It never says who."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Of segments that a run has made.

    Attributes:
        model: Name of the model.
        model_sha256: Of its weights.
        plane: The plane in which the run sliced the volume.
        corrected: Indices of the slices that a person corrected, or None where nobody did.
        segments: Names of the segments that the run made.
    """

    model: str
    model_sha256: str
    plane: str
    corrected: tuple[int, ...] | None
    segments: tuple[str, ...]

    def made_by(self, plane: str) -> dict[str, Any]:
        """As the worker takes it (docs/worker.md, `library.add`), for a case that is sliced in a plane.

        In another plane than the run's the corrected slices have no index: that some were is still said.
        """
        corrected = None if self.corrected is None else list(self.corrected) if plane == self.plane else []
        return {"model": self.model, "model_sha256": self.model_sha256, "corrected": corrected}
