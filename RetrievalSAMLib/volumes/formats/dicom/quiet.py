"""pydicom and highdicom write lines of their own, with values of files in them: they stay out of logs and terminals."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

_LOGGERS = ("pydicom", "highdicom")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it these libraries print and log nothing; what they raise is not touched."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.disabled = True
                logger.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for logger, disabled, level in zip(loggers, before, levels, strict=True):
                logger.disabled = disabled
                logger.setLevel(level)
