"""Nodes that leave the scene together with those that only they had."""

from __future__ import annotations

import slicer


def remove(node: slicer.vtkMRMLDisplayableNode) -> None:
    """Take a node out of the scene, with its display nodes and its storage node.

    A bare scene keeps those; Slicer's application takes some of them out by itself, and writes an error where one is
    taken out twice.
    """
    scene = slicer.mrmlScene
    displays = [node.GetNthDisplayNode(number) for number in range(node.GetNumberOfDisplayNodes())]
    for one in (node, *displays, node.GetStorageNode()):
        if one is not None and scene.IsNodePresent(one):
            scene.RemoveNode(one)
