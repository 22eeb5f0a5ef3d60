"""The tutorial's sample data: offered by Slicer's Sample Data module, and loaded as the tutorial says."""

from __future__ import annotations

import tarfile
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import SampleData
import SimpleITK as sitk
import slicer
import slicer.util
from panel_testing import ErrorLog, OpenedModule, nodes_of_scene
from RetrievalSAMModule import sample_data

CASES = ("hippocampus_001", "hippocampus_003", "hippocampus_004")


def archive_in(folder: Path) -> Path:
    """An archive as the published one is laid out, with made-up voxels."""
    file = folder / "Task04_Hippocampus.tar"
    voxels = np.zeros((4, 6, 8), np.int16)
    voxels[1:3, 1:3, 1:4], voxels[1:3, 3:5, 1:4] = 1, 2
    with tarfile.open(file, "w") as tar:
        for part, values in (("imagesTr", voxels * 100), ("labelsTr", voxels)):
            for case in CASES:
                one = folder / f"{part}-{case}.nii.gz"
                sitk.WriteImage(sitk.GetImageFromArray(values), str(one))
                tar.add(one, f"Task04_Hippocampus/{part}/{case}.nii.gz")
    return file


class RegisteringTest(unittest.TestCase):
    def test_the_set_is_registered_by_slicers_own_arguments(self) -> None:
        register = mock.create_autospec(SampleData.SampleDataLogic.registerCustomSampleDataSource)
        with mock.patch.object(SampleData.SampleDataLogic, "registerCustomSampleDataSource", register):
            sample_data.register()
        told = register.call_args.kwargs
        self.assertEqual((told["category"], told["sampleName"]), ("RetrievalSAM", "RetrievalSAMHippocampus"))
        self.assertTrue(Path(told["thumbnailFileName"]).is_file())
        self.assertTrue(told["checksums"].startswith(("MD5:", "SHA256:")))

    def test_it_is_there_once_slicer_has_started(self) -> None:
        module = OpenedModule()
        self.addCleanup(module.close)
        sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory("RetrievalSAM")
        self.assertEqual([source.sampleName for source in sources], ["RetrievalSAMHippocampus"])


class LoadingTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.addCleanup(slicer.mrmlScene.Clear, 0)
        self.log = ErrorLog()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_two_annotated_volumes_and_one_to_segment_come(self) -> None:
        before = nodes_of_scene()
        nodes = sample_data.load(archive_in(self.folder), self.folder)
        self.assertEqual(
            [node.GetName() for node in nodes],
            [CASES[0], f"Segments of {CASES[0]}", CASES[1], f"Segments of {CASES[1]}", CASES[2]],
        )
        drawn = slicer.util.arrayFromSegmentBinaryLabelmap(
            nodes[1], nodes[1].GetSegmentation().GetNthSegmentID(1), nodes[0]
        )
        self.assertEqual(int(drawn.sum()), 2 * 2 * 3)
        left = [node for node in nodes_of_scene() if node not in before and "LabelMap" in node]
        self.assertEqual(left, [], "the label maps it was read from are left behind")
        self.assertEqual(self.log.errors(), [])

    def test_an_archive_that_lacks_a_case_is_told_with_what_to_do(self) -> None:
        file = self.folder / "empty.tar"
        tarfile.open(file, "w").close()
        with self.assertRaisesRegex(FileNotFoundError, "delete it and download it again"):
            sample_data.load(file, self.folder)

    def test_the_download_is_checked_against_its_checksum(self) -> None:
        source = SimpleNamespace(
            uris=[sample_data.URL], fileNames=["Task04_Hippocampus.tar"], checksums=[sample_data.CHECKSUM]
        )
        asked = []

        class Logic:
            def downloadFile(self, uri: str, folder: str, name: str, checksum: str) -> str:  # noqa: N802
                asked.append((uri, name, checksum))
                return str(archive)

        archive = archive_in(self.folder)
        with mock.patch.object(SampleData, "SampleDataLogic", Logic):
            self.assertEqual(len(sample_data.download(source)), 5)
        self.assertEqual(asked, [(sample_data.URL, "Task04_Hippocampus.tar", sample_data.CHECKSUM)])
