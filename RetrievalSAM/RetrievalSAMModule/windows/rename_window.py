"""The window that gives a library's segments other names."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels.panel import ResourcePath, bring_up, dismiss, load_ui, say, show_fault
from ..texts import wording
from .segment_names import NamedValue, SegmentNames, as_parameter


class RenameWindow:
    """A window of its own; Slicer stays usable while it is open.

    Args:
        library: The open library.
        resource_path: Where `.ui` files are.
    """

    def __init__(self, library: LibraryClient, resource_path: ResourcePath) -> None:
        self._library = library
        self._case = ""
        self._busy = False
        self.widget, self.ui = load_ui(resource_path, "RenameWindow.ui")
        self._names = SegmentNames(self.ui.namesTable)
        self._names.changed.connect(self._enable)
        self.ui.renameButton.connect("clicked()", self._rename)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        self._enable()

    def open(self, case: str) -> None:
        """Show the segments of a case, by its ID."""
        self._case = case
        self._names.show([])
        say(self.ui.statusLabel, "")
        bring_up(self.widget)
        self._library.ask("library.case", {"case": case}, self._found, self._fault)

    def close(self) -> None:
        """The end of the module."""
        dismiss(self.widget)

    def _found(self, told: dict[str, Any]) -> None:
        if told["id"] == self._case:  # another one may have been asked for meanwhile
            self._names.show([NamedValue(one["value"], one["name"]) for one in told["segments"]])

    def _enable(self) -> None:
        missing = ""
        if self._names.nameless():
            missing = _("Every segment needs a name.")
        elif not self._names.new_names():
            missing = _("Type another name first.")
        self.ui.renameButton.enabled = not missing and not self._busy
        self.ui.renameButton.toolTip = missing or _("Change the names in all cases that have these segments")

    def _rename(self) -> None:
        self._busy = True
        self._enable()
        self._library.rename(self._case, as_parameter(self._names.new_names()), self._renamed, self._fault)

    def _renamed(self, result: dict[str, Any]) -> None:
        self._busy = False
        say(self.ui.statusLabel, _("Changed: {cases}.").format(cases=wording.cases(len(result["cases"]))))
        self._library.ask("library.case", {"case": self._case}, self._found, self._fault)

    def _fault(self, fault: WorkerFault) -> None:
        self._busy = False
        self._enable()
        show_fault(fault)
