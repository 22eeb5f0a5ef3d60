"""Sample data of the tutorial: the hippocampus set of the Medical Segmentation Decathlon.

Three volumes come from one published archive, which is checked against its checksum: two with segmentations, for the
library, and one without, to be segmented. MSD Task04 is CC BY-SA 4.0 (arXiv 1902.09063).
"""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from .scene import scene_nodes
from .scene.masks.segment_masks import replace_segment

URL = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"
CHECKSUM = "MD5:9d24dba78a72977dbd1d2e110310f31b"
SAMPLE_NAME = "RetrievalSAMHippocampus"
_ARCHIVE = "Task04_Hippocampus.tar"
_ANNOTATED = ("hippocampus_001", "hippocampus_003")
_TO_SEGMENT = "hippocampus_004"
_SEGMENTS = (
    (1, "Anterior hippocampus", (0.95, 0.62, 0.25)),
    (2, "Posterior hippocampus", (0.30, 0.72, 0.93)),
)


def register() -> None:
    """Tell Slicer's Sample Data module of the set; nothing is downloaded before the user asks for it."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="RetrievalSAM",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(Path(__file__).resolve().parent.parent / "Resources" / "Icons" / "RetrievalSAM.png"),
        uris=URL,
        fileNames=_ARCHIVE,
        checksums=CHECKSUM,
        loadFiles=False,
        customDownloader=download,
    )


def download(source: Any) -> list[slicer.vtkMRMLNode]:
    """Slicer's Sample Data module calls this: download, check, unpack what is needed, load.

    Returns:
        The nodes that were loaded.
    """
    import SampleData

    logic = SampleData.SampleDataLogic()
    folder = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
    archive = logic.downloadFile(source.uris[0], str(folder), source.fileNames[0], source.checksums[0])
    return load(Path(archive), folder)


def load(archive: Path, folder: Path) -> list[slicer.vtkMRMLNode]:
    """Unpack five files of the archive into a folder and load them.

    Raises:
        FileNotFoundError: The archive lacks one.
    """
    nodes = []
    for case in (*_ANNOTATED, _TO_SEGMENT):
        volume = slicer.util.loadVolume(str(_unpack(archive, "imagesTr", case, folder)), {"name": case})
        nodes.append(volume)
        if case != _TO_SEGMENT:
            nodes.append(_load_segmentation(_unpack(archive, "labelsTr", case, folder), volume))
    slicer.util.setSliceViewerLayers(background=nodes[-1], fit=True)
    return nodes


def _unpack(archive: Path, part: str, case: str, folder: Path) -> Path:
    wanted = (part, f"{case}.nii.gz")
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and PurePosixPath(member.name).parts[-2:] == wanted:
                content = tar.extractfile(member)
                if content is not None:
                    file = folder / f"{case}-{part}.nii.gz"
                    file.write_bytes(content.read())
                    return file
    raise FileNotFoundError(f"{archive.name} holds no {part}/{case}.nii.gz; delete it and download it again.")


def _load_segmentation(file: Path, volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLSegmentationNode:
    labels = slicer.util.loadLabelVolume(str(file))
    segmentation = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode", _("Segments of {volume}").format(volume=volume.GetName())
    )
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    voxels = slicer.util.arrayFromVolume(labels)
    for value, name, color in _SEGMENTS:
        segment_id = segmentation.GetSegmentation().AddEmptySegment("", name, color)
        replace_segment(segmentation, segment_id, volume, (voxels == value).astype("uint8"))
    scene_nodes.remove(labels)
    return segmentation
