"""What is always in sight below the panel: propagate, undo, keep, teach, discard."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..panels.panel import ResourcePath, load_ui, say
from ..runs.segmenting import PROPOSED, RUNNING, Segmenting


class ActionBar:
    """Its buttons; those of corrections are cared for by their panel."""

    def __init__(self, segmenting: Segmenting, library: LibraryClient, resource_path: ResourcePath) -> None:
        self._segmenting = segmenting
        self._library = library
        self.widget, self.ui = load_ui(resource_path, "ActionBar.ui")
        self.ui.keepButton.connect("clicked()", segmenting.accept)
        self.ui.discardButton.connect("clicked()", segmenting.discard)
        segmenting.state_changed.connect(self.update)
        library.changed.connect(self.update)
        self.update()

    def tell(self, text: str) -> None:
        """Say a sentence; an empty one takes no room."""
        say(self.ui.statusLabel, text)
        self.update()

    def update(self) -> None:
        """Show what can be done; what cannot says why."""
        # A run that Segment began is shown there alone.
        running, proposed = self._segmenting.carries_on, self._segmenting.state == PROPOSED
        ui, state = self.ui, self._library.state
        elsewhere = self._segmenting.state == RUNNING and not running
        self.widget.visible = not elsewhere and (running or self._segmenting.waits or bool(ui.statusLabel.text))
        first = state is None or not state.cases
        ui.teachButton.text = _("Save as first case") if first else _("Keep and teach")
        why = "" if proposed else _("A run goes on.") if running else _("Fill the volume first.")
        ui.keepButton.enabled = ui.teachButton.enabled = proposed
        ui.discardButton.enabled = self._segmenting.waits
        ui.keepButton.toolTip = why or _(
            "Keep the segments; they can be taken up again and corrected further at any time"
        )
        about = _("Keep the segments, and make a library with them as its first case: the next volume needs no drawing")
        if not first:
            about = _("Keep the segments, and add them to the library now: the next volume has one more example")
        ui.teachButton.toolTip = why or about
        ui.discardButton.toolTip = _("Put the scene back to what it was before")
