"""The last lines of the server's log, for `GET /logs/`. It holds nothing of any patient (`http.access_log`)."""

from __future__ import annotations

import logging
from collections import deque

_MOST = 1000
_FORMAT = logging.Formatter("%(asctime)s %(name)s %(message)s")


class RecentLines(logging.Handler):
    """Keeps them in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_MOST)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append(_FORMAT.format(record))

    def last(self, count: int) -> list[str]:
        """The last ones, the latest last."""
        return list(self._lines)[-count:] if count > 0 else []
