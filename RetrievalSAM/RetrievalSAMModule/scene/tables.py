"""Numbers as a table of the scene, and as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from .volume_files import SceneError


def show_table(name: str, rows: Sequence[Mapping[str, Any]]) -> slicer.vtkMRMLTableNode:
    """A table node with a column for each key; it becomes the one that table views show."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name))
    table = node.GetTable()
    for key in rows[0] if rows else ():
        values = [row[key] for row in rows]
        column = vtk.vtkStringArray() if any(isinstance(one, str) for one in values) else vtk.vtkDoubleArray()
        column.SetName(key)
        for value in values:
            column.InsertNextValue(_number(value) if isinstance(column, vtk.vtkDoubleArray) else str(value))
        table.AddColumn(column)
    node.Modified()
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveTableID(node.GetID())
    logic.PropagateTableSelection()
    return node


def save_text(file: Path, text: str) -> None:
    """Write a text with the mark by which spreadsheets know names in any script.

    Raises:
        SceneError: The disk does not take it.
    """
    try:
        file.write_text(text, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise SceneError(
            _("'{file}' could not be written; is the disk full? Free some space and try again.").format(file=file.name)
        ) from error


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
