"""Where to begin as long as there is no library: three large choices."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ..runs.trying import Trying
from .panel import ResourcePath, load_ui, say, show_fault

_PICTURE = (96, 72)


class StartPanel:
    """Its widgets."""

    def __init__(
        self,
        trying: Trying,
        have_cases: Callable[[], None],
        have_none: Callable[[], None],
        resource_path: ResourcePath,
    ) -> None:
        self._trying = trying
        self.widget, self.ui = load_ui(resource_path, "StartPanel.ui")
        for button, picture, action in (
            (self.ui.exampleButton, "StartExample.png", trying.start),
            (self.ui.casesButton, "StartCases.png", have_cases),
            (self.ui.noneButton, "StartNone.png", have_none),
        ):
            button.setIcon(qt.QIcon(resource_path(f"Icons/{picture}")))
            button.setIconSize(qt.QSize(*_PICTURE))
            button.connect("clicked()", action)
        trying.told.connect(self._told)
        trying.failed.connect(show_fault)
        self._told("")

    def _told(self, text: str) -> None:
        say(self.ui.statusLabel, text)
        self.ui.exampleButton.enabled = not self._trying.running
        self.ui.exampleButton.toolTip = (
            _("The example is being made.")
            if self._trying.running
            else _("Made-up volumes: nothing is downloaded, nobody was scanned")
        )
