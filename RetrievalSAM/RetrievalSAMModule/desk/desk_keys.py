"""Keys for correcting, which act in this module only: from when the user comes to when the user leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import qt


class DeskKeys:
    """Shortcuts of one widget's window. A letter that is typed into a field stays a letter."""

    def __init__(self, widget: qt.QWidget, actions: Mapping[str, Callable[[], None]]) -> None:
        self._shortcuts: dict[str, qt.QShortcut] = {}
        for key, action in actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), widget)
            shortcut.connect("activated()", action)
            self._shortcuts[key] = shortcut
        self.exit()

    def enter(self) -> None:
        """The keys act from now on."""
        for shortcut in self._shortcuts.values():
            shortcut.setEnabled(True)

    def exit(self) -> None:
        """They act no more."""
        for shortcut in self._shortcuts.values():
            shortcut.setEnabled(False)

    def active(self) -> list[str]:
        """The keys that act."""
        return sorted(key for key, shortcut in self._shortcuts.items() if shortcut.enabled)
