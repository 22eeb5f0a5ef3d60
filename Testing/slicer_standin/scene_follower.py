"""Keeps a widget of nodes up to date with the scene."""

from __future__ import annotations

import weakref
from typing import Any

import shiboken6


class SceneFollower:
    """Observes what is added to, removed from and renamed in a scene, for as long as its widget lives."""

    def __init__(self, widget: Any) -> None:
        self._widget = weakref.ref(widget)
        self._scene: Any = None
        self._tags: list[tuple[Any, int]] = []
        self._names: dict[str, tuple[Any, int]] = {}

    @property
    def scene(self) -> Any:
        """The observed scene, or None."""
        return self._scene

    def follow(self, scene: Any) -> None:
        """Observes another scene; None for none."""
        for target, tag in self._tags:
            target.RemoveObserver(tag)
        self.watch_names([])
        self._scene, self._tags = scene, []
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent, scene.EndCloseEvent)
            self._tags = [(scene, scene.AddObserver(event, self._refresh_widget)) for event in events]

    def watch_names(self, nodes: list[Any]) -> None:
        """Also observes these nodes, whose names are shown, and no others."""
        wanted = {node.GetID(): node for node in nodes}
        for identifier in [known for known in self._names if known not in wanted]:
            node, tag = self._names.pop(identifier)
            node.RemoveObserver(tag)
        for identifier, node in wanted.items():
            if identifier not in self._names:
                self._names[identifier] = (node, node.AddObserver("ModifiedEvent", self._refresh_widget))

    def _refresh_widget(self, caller: Any, event: str) -> None:
        widget = self._widget()
        if widget is None or not shiboken6.isValid(widget):
            # Its C++ side is gone; in Slicer the observers go with it.
            self.follow(None)
        elif self._scene is not None and not self._scene.IsBatchProcessing():
            widget._refresh()
