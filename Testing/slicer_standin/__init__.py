"""A stand-in for the parts of 3D Slicer's application that a scripted module needs, for use without Slicer.

The scene, its nodes, storage, logics and displayable managers are Slicer's own, from the package `slicer-core`; `qt`,
`ctk`, the qMRML widgets and the base classes of scripted modules are this package's, on PySide6, and as strict as
PythonQt is. `install()` makes them importable under Slicer's names. Inside Slicer it does nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import types
from typing import Any

from .dialogs import Dialogs, Shown, UnexpectedDialog, dialogs
from .failures import slot_errors

__all__ = ["Dialogs", "Shown", "UnexpectedDialog", "clear", "dialogs", "install", "installed", "slot_errors"]

_state: dict[str, Any] = {}


def inside_slicer() -> bool:
    """Tells whether this Python is that of the real application."""
    slicer = sys.modules.get("slicer")
    return slicer is not None and hasattr(slicer, "app") and "installed" not in _state


def installed() -> bool:
    """Tells whether the stand-in has been installed in this process."""
    return "installed" in _state


def install(offscreen: bool = True) -> None:
    """Makes `qt`, `ctk`, `slicer` with its submodules, and `SampleData` importable; nothing inside Slicer.

    Args:
        offscreen: no window is opened; False shows widgets on the desktop.
    """
    if inside_slicer() or installed():
        return
    if offscreen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        if sys.platform == "linux":
            os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    from . import failures, qt_module

    _state["installed"] = True
    sys.modules["qt"] = qt_module.build()
    import slicer
    import slicer.util

    # Loop variables that slicer-core's __init__ leaves behind; slicer.info and the like must not exist.
    for name in ("module", "me", "info", "item_name"):
        vars(slicer).pop(name, None)
    from . import application, packaging_record, parameter_node, scripted, slicer_modules, slicer_util
    from . import ctk_widgets as widgets

    ctk: Any = types.ModuleType("ctk", "The ctk widgets of the stand-in.")
    for name, value in vars(widgets).items():
        if name.startswith("ctk"):
            setattr(ctk, name, value)
    sys.modules["ctk"] = ctk
    from . import qmrml_segment_editor, qmrml_segments  # noqa: F401  (they put their classes into slicer)

    for full_name, module in {
        "slicer.i18n": slicer_modules.build_i18n(),
        "slicer.ScriptedLoadableModule": scripted.build(),
        "slicer.parameterNodeWrapper": parameter_node.build(),
        "slicer.packaging": packaging_record.build(),
    }.items():
        sys.modules[full_name] = module
        setattr(slicer, full_name.partition(".")[2], module)
    sys.modules["SampleData"] = slicer_modules.build_sample_data()
    slicer_util.patch(slicer.util)
    slicer.app = application.qSlicerApplication()
    slicer.app.start_scene()
    atexit.register(shutil.rmtree, slicer.app.temporaryPath, ignore_errors=True)
    failures.watch_uncaught()


def clear() -> None:
    """Forgets recorded dialogs, slot errors, pip calls and opened addresses."""
    if not installed():
        return
    from . import failures, packaging_record, qt_dialogs

    failures.clear()
    dialogs.clear()
    packaging_record.pip_calls.clear()
    packaging_record.fail_with.clear()
    qt_dialogs.opened_urls.clear()
