"""slicer.parameterNodeWrapper: typed parameters in a vtkMRMLScriptedModuleNode, connected to widgets."""

from __future__ import annotations

import types
import typing
from typing import Any

import slicer

from . import parameter_types
from .parameter_gui import connector_for
from .parameter_types import ParameterType


class _Connection:
    """All widgets that were connected by one call of connectGui."""

    def __init__(self, wrapper: Any, widgets: dict[str, Any]) -> None:
        self._wrapper = wrapper
        self._connectors = {}
        for name, widget in widgets.items():
            declared = type(wrapper).parameters.get(name)
            if declared is None:
                raise ValueError(f"widget {widget.name!r} names the parameter {name!r}, which does not exist")
            self._connectors[name] = connector_for(widget, declared)
        self._updating = False
        self._tag = wrapper.parameterNode.AddObserver("ModifiedEvent", self._node_changed)
        self._node_changed(None, "")
        for name, connector in self._connectors.items():
            connector.connect(self._changed_by(name))

    def _changed_by(self, name: str) -> Any:
        def changed() -> None:
            if not self._updating:
                setattr(self._wrapper, name, self._connectors[name].read())

        return changed

    def _node_changed(self, caller: Any, event: str) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for name, connector in self._connectors.items():
                value = getattr(self._wrapper, name)
                if connector.read() != value:
                    connector.write(value)
        finally:
            self._updating = False

    def release(self) -> None:
        """Lets go of node and widgets."""
        self._wrapper.parameterNode.RemoveObserver(self._tag)
        for connector in self._connectors.values():
            connector.disconnect()


def _parameter(name: str, kind: ParameterType) -> property:
    def read(self: Any) -> Any:
        return kind.read(self.parameterNode, name)

    def write(self: Any, value: Any) -> None:
        kind.check(value)
        if kind.is_in(self.parameterNode, name) and kind.read(self.parameterNode, name) == value:
            return
        with slicer.util.NodeModify(self.parameterNode):
            kind.write(self.parameterNode, name, value)

    return property(read, write)


def _widgets_of(gui: Any) -> dict[str, Any]:
    if isinstance(gui, dict):
        return dict(gui)
    candidates = vars(gui).values() if not hasattr(gui, "children") else slicer.util.findChildren(gui)
    found = {}
    for widget in candidates:
        name = widget.property("SlicerParameterName") if hasattr(widget, "property") else None
        if name:
            found[str(name)] = widget
    return found


def parameterNodeWrapper(cls: type | None = None, **options: Any) -> Any:
    """Class decorator: the annotated attributes become parameters of a MRML node.

    Raises:
        TypeError: an attribute has a type that cannot be kept.
    """
    if cls is None:
        return lambda kind: parameterNodeWrapper(kind, **options)
    declared = typing.get_type_hints(cls, include_extras=True)
    parameters = {
        name: ParameterType(kind, vars(cls).get(name, ParameterType.MISSING)) for name, kind in declared.items()
    }
    own = {"parameterNode", "_connections"}

    def initialize(self: Any, parameterNode: Any) -> None:
        object.__setattr__(self, "parameterNode", parameterNode)
        object.__setattr__(self, "_connections", {})
        with slicer.util.NodeModify(parameterNode):
            for name, kind in parameters.items():
                if not kind.is_in(parameterNode, name):
                    kind.write(parameterNode, name, kind.default)

    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name not in parameters and name not in own and not hasattr(type(self), name):
            raise AttributeError(f"{cls.__name__} has no parameter {name!r}")
        object.__setattr__(self, name, value)

    def AddObserver(self: Any, *arguments: Any) -> int:
        return int(self.parameterNode.AddObserver(*arguments))

    def RemoveObserver(self: Any, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def connectGui(self: Any, gui: Any) -> int:
        tag = max(self._connections, default=0) + 1
        self._connections[tag] = _Connection(self, _widgets_of(gui))
        return tag

    def disconnectGui(self: Any, tag: int) -> None:
        self._connections.pop(tag).release()

    def default(self: Any, name: str) -> Any:
        return parameters[name].default

    def isCached(self: Any, name: str) -> bool:
        return False

    namespace = dict(vars(cls))
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    functions = (AddObserver, RemoveObserver, connectGui, disconnectGui, default, isCached)
    namespace.update({function.__name__: function for function in functions})
    namespace.update({"__init__": initialize, "__setattr__": set_attribute, "parameters": parameters})
    namespace.update({name: _parameter(name, kind) for name, kind in parameters.items()})
    return type(cls.__name__, cls.__bases__, namespace)


def build() -> types.ModuleType:
    """Returns the module `slicer.parameterNodeWrapper`."""
    module: Any = types.ModuleType("slicer.parameterNodeWrapper", "Typed parameters in the scene.")
    module.parameterNodeWrapper = parameterNodeWrapper
    for name in ("Default", "Choice", "WithinRange", "Minimum", "Maximum", "Decimals", "SingleStep"):
        setattr(module, name, getattr(parameter_types, name))
    return module
