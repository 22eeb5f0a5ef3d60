"""The set-up page: what is missing is named, and nothing is installed or downloaded without a click and a yes."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import unittest
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import slicer
import slicer.util
from panel_testing import MODULE, PanelTest
from RetrievalSAMModule import packages
from scripted_panel import scripted

PYPROJECT = MODULE.parents[1] / "pyproject.toml"
BROUGHT_BY_SLICER = {"torch", "numpy", "SimpleITK", "requests"}
MODEL = {
    "name": "sam2.1-small",
    "kind": "segmenter",
    "bytes": 184_000_000,
    "licence": "Apache-2.0",
    "installed": False,
    "intact": None,
}


@contextmanager
def without(*missing: str, versions: dict[str, str] | None = None):
    """Python as if some packages were not installed, or in other versions."""
    original = importlib.metadata.version

    def version(name: str) -> str:
        if name in missing:
            raise importlib.metadata.PackageNotFoundError(name)
        return (versions or {}).get(name) or original(name)

    with mock.patch.object(importlib.metadata, "version", version):
        yield


@contextmanager
def everything_there():
    """Every package in the newest version, whatever this Python has."""
    with mock.patch.object(importlib.metadata, "version", lambda name: {"sam2": "1.1.0"}.get(name, "999.0")):
        yield


@contextmanager
def without_attribute(thing: Any, name: str) -> Iterator[None]:
    """A module as if it lacked one name."""
    if not hasattr(thing, name):
        yield
        return
    kept = getattr(thing, name)
    delattr(thing, name)
    try:
        yield
    finally:
        setattr(thing, name, kept)


class PackageStateTest(unittest.TestCase):
    def test_what_is_missing_is_named(self) -> None:
        with everything_there():
            self.assertTrue(packages.package_state().complete)
            with without("faiss-cpu", "timm"):
                state = packages.package_state()
        self.assertEqual(state.missing, ("faiss-cpu>=1.8", "timm>=1.0"))
        self.assertFalse(state.complete)

    def test_a_version_that_is_too_old_counts_as_missing(self) -> None:
        with everything_there(), without(versions={"scipy": "1.9.3", "sam2": "1.0.0", "pillow": "10.0.0"}):
            self.assertEqual(packages.package_state().missing, ("scipy>=1.11", "sam2==1.1.0"))

    def test_pytorch_without_its_vision_package_is_not_there(self) -> None:
        with everything_there(), without("torchvision"):
            self.assertIsNone(packages.package_state().pytorch)

    @unittest.skipUnless(PYPROJECT.is_file(), "the module is not in its source tree")
    def test_the_requirements_are_those_of_the_package(self) -> None:
        listed = re.search(r"^dependencies = \[(.*?)^\]", PYPROJECT.read_text(encoding="utf-8"), re.M | re.S)
        declared = set(re.findall(r'"([^"]+)"', listed.group(1)))
        brought = {one for one in declared if re.split("[>=]", one)[0] in BROUGHT_BY_SLICER}
        self.assertEqual(len(brought), len(BROUGHT_BY_SLICER))
        self.assertEqual({*packages.REQUIREMENTS, *packages.WITHOUT_DEPENDENCIES}, declared - brought)


class SetupTest(PanelTest):
    script = scripted()

    def setUp(self) -> None:
        self.enter_missing(())
        super().setUp()

    def enter_missing(self, names: tuple[str, ...]) -> None:
        """Let these packages be missing, until the end of the test."""
        for context in (everything_there(), without(*names)):
            context.__enter__()
            self.addCleanup(context.__exit__, None, None, None)

    def check(self) -> None:
        self.panel.setup_panel.ui.checkButton.click()
        self.wait_until_quiet()

    def rows(self) -> dict[str, str]:
        table = self.panel.setup_panel.ui.checksTable
        return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}

    def press(self, row: str, label: str) -> None:
        slicer.util.findChild(self.panel.setup_panel.widget, f"{row} {label}").click()
        self.wait_until_quiet()


class MissingPackagesTest(SetupTest):
    def setUp(self) -> None:
        super().setUp()
        self.pip = mock.Mock()
        patch = mock.patch.object(slicer.util, "pip_install", self.pip)
        patch.start()
        self.addCleanup(patch.stop)
        self.enter_missing(("faiss-cpu", "sam2", "timm"))
        self.check()

    def asked_of_pip(self) -> list[list[str]]:
        return [list(call.args[0]) for call in self.pip.call_args_list]

    def test_the_missing_packages_are_named_and_nothing_is_installed_by_looking(self) -> None:
        self.assertIn("faiss-cpu>=1.8, sam2==1.1.0, timm>=1.0", self.rows()["Python packages"])
        self.assertFalse(self.panel.ui.setupSection.collapsed)
        self.pip.assert_not_called()

    def test_a_no_installs_nothing(self) -> None:
        self.user.will_answer(False)
        self.press("Python packages", "Install")
        self.assertIn("Install these Python packages into Slicer from the internet?", self.user.reads())
        self.pip.assert_not_called()

    def test_a_package_that_others_use_in_an_older_version_is_named_before_it_is_replaced(self) -> None:
        with without(versions={"pydicom": "2.4.4"}):
            self.check()
            self.user.will_answer(False)
            self.press("Python packages", "Install")
            question = self.user.reads()
        self.assertIn("pydicom>=3.0.1", question)
        self.assertIn(
            "are replaced, and other modules of Slicer use the new version then as well: pydicom 2.4.4", question
        )
        self.user.will_answer(False)
        self.check()
        self.press("Python packages", "Install")
        self.assertNotIn("replaced", self.user.reads())

    def test_a_yes_installs_what_would_bring_another_pytorch_without_dependencies(self) -> None:
        self.user.will_answer(True)
        self.press("Python packages", "Install")
        self.assertIn("faiss-cpu>=1.8, sam2==1.1.0, timm>=1.0", self.user.reads())
        self.assertEqual(
            self.asked_of_pip(),
            [
                ["faiss-cpu>=1.8"],
                ["--no-deps", "--no-build-isolation", "sam2==1.1.0"],
                ["--no-deps", "--no-build-isolation", "timm>=1.0"],
            ],
        )

    def test_sam2_is_installed_without_its_compiled_part(self) -> None:
        told = []
        self.pip.side_effect = lambda _what, **_options: told.append(os.environ.get("SAM2_BUILD_CUDA"))
        with mock.patch.dict(os.environ):
            os.environ.pop("SAM2_BUILD_CUDA", None)
            self.user.will_answer(True)
            self.press("Python packages", "Install")
            self.assertNotIn("SAM2_BUILD_CUDA", os.environ)
        self.user.reads()
        self.assertEqual(set(told), {"0"})

    def test_without_internet_wheels_come_from_a_folder_alone(self) -> None:
        self.user.will_answer(self.folder, True)
        self.press("Python packages", "From folder...")
        self.assertIn(str(self.folder), self.user.reads())
        for arguments in self.asked_of_pip():
            self.assertEqual(arguments[:3], ["--no-index", "--find-links", str(self.folder)])
        self.assertEqual(len(self.asked_of_pip()), 3)

    def test_a_pip_that_fails_is_told_with_what_to_do(self) -> None:
        self.let_pip_fail(shown_by_slicer=False)
        message = self.user.reads()
        self.assertIn("returned non-zero exit status 1. Behind a firewall", message)
        self.assertIn("'pip download'", message)

    def test_where_slicer_shows_why_pip_failed_the_page_says_what_to_do_and_no_second_window_comes(self) -> None:
        self.let_pip_fail(shown_by_slicer=True)
        self.assertIn("Package installation failed", self.user.reads())
        self.assertFalse(self.user.has_message())
        said = self.panel.setup_panel.ui.stateLabel.text
        self.assertIn("exit status 1. Behind a firewall", said)
        self.assertIn("'pip download'", said)

    def let_pip_fail(self, shown_by_slicer: bool) -> None:
        """Press Install where pip fails, as in a Slicer that shows why (5.12) or not (5.10)."""

        def pip(_what: list[str], **_options: str) -> None:
            if shown_by_slicer:
                slicer.util.errorDisplay("Package installation failed.", detailedText="pip's output")
            raise subprocess.CalledProcessError(1, "pip install")

        self.pip.side_effect = pip
        self.user.will_answer(True)
        with without_attribute(slicer, "packaging") if not shown_by_slicer else nullcontext():
            self.press("Python packages", "Install")
        self.assertIn("Install these Python packages", self.user.reads())


class MissingPyTorchTest(SetupTest):
    @unittest.skipIf(hasattr(slicer.modules, "pytorchutils"), "the PyTorch extension is installed")
    def test_without_its_extension_the_user_is_told_where_to_get_it(self) -> None:
        self.enter_missing(("torch", "torchvision"))
        self.check()
        self.assertEqual(self.rows()["PyTorch"], "missing")
        self.press("PyTorch", "Install")
        self.assertIn("Open Slicer's Extensions Manager, install 'PyTorch'", self.user.reads())

    def test_pytorch_is_left_to_its_extension(self) -> None:
        self.enter_missing(("torch", "torchvision"))
        self.check()
        logic = mock.Mock()
        with (
            mock.patch.object(slicer.modules, "pytorchutils", mock.Mock(), create=True),
            mock.patch.dict("sys.modules", PyTorchUtils=mock.Mock(PyTorchUtilsLogic=lambda: logic)),
        ):
            self.press("PyTorch", "Install")
        logic.installTorch.assert_called_once_with(askConfirmation=True)


class BrokenPyTorchTest(SetupTest):
    script = scripted()
    script["environment"][0]["result"] |= {
        "device": None,
        "device_reason": "PyTorch cannot be used here (a DLL is missing).",
        "devices": [],
        "memory_free": None,
        "disk_free": 10_000_000,
    }

    def test_the_page_says_what_is_broken_and_stays_open(self) -> None:
        self.assertFalse(self.panel.ui.setupSection.collapsed)
        text = self.panel.setup_panel.ui.stateLabel.text
        self.assertIn("a DLL is missing", text)
        self.assertIn("Install PyTorch again", text)
        rows = self.rows()
        self.assertEqual((rows["Memory"], rows["Disk"]), ("unknown", "10 MB free; too little for most weights"))


class CompleteTest(SetupTest):
    script = scripted()
    script["environment"][0]["result"]["models"] = [MODEL]
    script["models.download"] = [{"result": {"models": [MODEL]}}]
    script["models.import"] = [
        {"fault": {"code": "model", "message": "sam2.1-small: the file is not the official one. Download it again."}}
    ]

    def test_with_everything_there_the_page_folds_away(self) -> None:
        self.assertTrue(self.panel.ui.setupSection.collapsed)
        rows = self.rows()
        self.assertEqual(rows["PyTorch"], "2.5")
        self.assertIn("Runs on cpu: no graphics card", self.panel.setup_panel.ui.stateLabel.text)

    def test_weights_are_downloaded_only_after_a_yes(self) -> None:
        self.assertEqual(self.requests("models.download"), [])
        button = next(
            child
            for child in slicer.util.findChildren(self.panel.setup_panel.widget, className="QPushButton")
            if child.text.startswith("Download")
        )
        self.user.will_answer(False)
        button.click()
        self.wait_until_quiet()
        self.assertIn("184 MB", self.user.reads())
        self.assertEqual(self.requests("models.download"), [])
        self.user.will_answer(True)
        button.click()
        self.wait_until_quiet()
        self.user.reads()
        self.assertEqual([one["with"] for one in self.requests("models.download")], [{"name": "sam2.1-small"}])

    def test_weights_that_are_not_the_official_ones_are_told(self) -> None:
        self.user.will_answer(self.folder)
        self.panel.setup_panel.ui.importWeightsButton.click()
        self.wait_until_quiet()
        self.assertIn("not the official one. Download it again", self.user.reads())
        self.assertEqual(self.requests("models.import")[0]["with"], {"folder": str(self.folder)})
