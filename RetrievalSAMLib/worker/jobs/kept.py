"""Networks that stay loaded from one request to the next: one set of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...out_of_memory import free_memory

if TYPE_CHECKING:
    from ...segmentation.desk.preview import SlicePreview
    from ...segmentation.settings.options import Models

Key = tuple[str, str, str, int | None]
"""(segmenter, encoder, device, image size)"""


class KeptNetworks:
    """The networks of the last run.

    Attributes:
        preview: The volume whose slices were looked at last, and what it depends on; it goes with the networks.
    """

    def __init__(self) -> None:
        self._key: Key | None = None
        self._models: Models | None = None
        self.preview: tuple[tuple[object, ...], SlicePreview] | None = None

    def get(self, model: str, encoder: str, device: str, image_size: int | None) -> Models:
        """The networks, loaded where they are not those of the last run.

        Raises:
            InputError: The device cannot be used.
            ModelError: Weights are missing or damaged.
        """
        key = (model, encoder, device, image_size)
        if self._models is None or self._key != key:
            from ...segmentation.settings.networks import load_models

            self.forget()  # two sets at once might not fit
            self._models = load_models(model, encoder, device=device, image_size=image_size)
            self._key = key
        return self._models

    def holds(self, model: str, encoder: str, device: str, image_size: int | None) -> bool:
        """Whether these need not be loaded."""
        return self._models is not None and self._key == (model, encoder, device, image_size)

    def forget(self) -> None:
        """Free them."""
        self._key = self._models = self.preview = None
        free_memory()
