"""The settings of the module as the scene keeps them.

No `from __future__ import annotations` here: Slicer's wrapper reads the annotations as objects.
"""

from slicer import vtkMRMLMarkupsROINode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

PLANES = ("auto", "axial", "coronal", "sagittal")
PRESETS = ("default", "fast", "accurate", "fate-sam", "zhao-2024")
DEVICES = ("auto", "cpu", "cuda", "mps")
BUNDLED = "bundled"


@parameterNodeWrapper
class RetrievalSAMParameters:
    """Settings of one scene.

    Attributes:
        inputVolume: The volume to segment.
        outputSegmentation: Where the segments go; None makes a new node.
        region: Part of the volume to look in; None is the whole.
        libraryFolder: Folder of the support library.
        skippedSegments: Names of the library's segments that are not looked for.
        plane: One of `PLANES`.
        preset: One of `PRESETS`.
        model: Name in the catalogue of models.
        device: One of `DEVICES`.
        cleanMasks: Whether masks are cleaned of what no case has.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    outputSegmentation: vtkMRMLSegmentationNode
    region: vtkMRMLMarkupsROINode
    libraryFolder: str
    skippedSegments: list[str]
    plane: str = "auto"
    preset: str = "default"
    model: str = BUNDLED
    device: str = "auto"
    cleanMasks: bool = True
