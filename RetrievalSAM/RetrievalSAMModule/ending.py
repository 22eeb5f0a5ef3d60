"""How Qt objects that no parent owns come to their end."""

from __future__ import annotations

import qt


def delete_later(thing: qt.QObject) -> None:
    """Delete an object when the event loop comes round, whoever lets go of it before that.

    `deleteLater()` alone is not enough in Slicer: there an object is deleted at once when Python lets go of it, also
    within a signal of its own, to which Qt then returns, and Slicer dies. The timer holds on to it until then.
    """
    qt.QTimer.singleShot(0, thing.deleteLater)
