"""What a test of the module must not leave unseen, whichever conftest it stands under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import clear, dialogs, slot_errors


@contextmanager
def nothing_unseen() -> Iterator[None]:
    """Fails what runs within, where a slot raised, a dialog came unexpected, or one that was expected did not come."""
    import slicer

    clear()
    yield
    slicer.app.processEvents()
    errors, unexpected, unanswered = list(slot_errors), list(dialogs.unexpected), dialogs.unanswered
    clear()
    assert not errors, f"exceptions in slots: {errors!r}"
    assert not unexpected, f"unexpected dialogs: {unexpected!r}"
    assert not unanswered, f"dialogs that were expected and did not come; answers left: {unanswered!r}"
