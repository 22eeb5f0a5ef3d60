"""Propagation by itself: where the user wants that, corrections are carried on once nothing was changed for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..runs.correcting import Correcting
from ..runs.segmenting import PROPOSED, Segmenting

_LOOK_MS = 500
_PAUSE_LOOKS = 5


class PropagatingByItself:
    """Looks twice a second whether the user still corrects.

    Attributes:
        pause_looks: So many looks without a change are a pause.
    """

    def __init__(
        self, segmenting: Segmenting, correcting: Correcting, busy: Callable[[], bool], propagate: Callable[[], None]
    ) -> None:
        """Begin switched off.

        Args:
            segmenting: Whose result is corrected.
            correcting: Its corrections.
            busy: Whether the user is in the middle of something, such as a stroke.
            propagate: Carries the corrections on.
        """
        self._segmenting = segmenting
        self._correcting = correcting
        self._busy = busy
        self._propagate = propagate
        self._seen: Any = None
        self._quiet = 0
        self._wanted = False
        self.pause_looks = _PAUSE_LOOKS
        self._timer = qt.QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.connect("timeout()", self.look)

    @property
    def on(self) -> bool:
        """Whether it is switched on."""
        return bool(self._timer.active)

    def switch(self, on: bool) -> None:
        """Switch it on or off; what was corrected before waits for the next change."""
        self.hold()
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def hold(self) -> None:
        """What is there now is not carried on: it was just put back, or the button is used."""
        self._seen, self._wanted = self._now(), False

    def look(self) -> None:
        """Carry on what has rested long enough."""
        if self._segmenting.state != PROPOSED:
            return
        now = self._now()
        if now != self._seen or self._busy() or qt.QApplication.mouseButtons() != qt.Qt.NoButton:
            self._wanted = self._wanted or now != self._seen
            self._seen, self._quiet = now, 0
            return
        self._quiet += 1
        if self._wanted and self._quiet >= self.pause_looks and not self._correcting.missing():
            self._wanted = False
            self._propagate()

    def _now(self) -> Any:
        """Equal as long as nobody changes anything."""
        proposal = self._segmenting.proposal
        if self._segmenting.state != PROPOSED or proposal is None or not proposal.is_in_scene:
            return None
        versions = [proposal.version(name) for name in proposal.present_segments()]
        return self._correcting.corrected, self._correcting.prompts.keep(), versions
