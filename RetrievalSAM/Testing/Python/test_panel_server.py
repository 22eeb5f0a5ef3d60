"""Runs on a server: chosen, tried and allowed by the user, and the same results as here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import threading
import unittest

import phantoms
import slicer
from panel_testing import MODULE, PanelTest, wait_until
from RetrievalSAMModule.clients import worker_client
from RetrievalSAMModule.scene.masks.segment_masks import segment_voxels

KEYS = ("RetrievalSAM/ServerAddress", "RetrievalSAM/ServerCaFile", "RetrievalSAM/ServerToken")
NEEDED = ("fastapi", "uvicorn")


@unittest.skipUnless(all(map(importlib.util.find_spec, NEEDED)), "fastapi and uvicorn are not installed here")
class ServerTest(PanelTest):
    @classmethod
    def setUpClass(cls) -> None:
        for key in KEYS:
            slicer.app.userSettings().remove(key)
            cls.addClassCleanup(slicer.app.userSettings().remove, key)
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.ui = self.panel.server_panel.ui
        self.addCleanup(self.compute_on, 0)

    def compute_on(self, index: int) -> None:
        """0: this computer, 1: the server."""
        self.ui.placeSelector.setCurrentIndex(index)

    def start_server(self) -> str:
        """A server with one library, the copy of the module's own; gives its address."""
        libraries = self.folder / "libraries"
        shutil.move(str(self.copy_of_library()), str(libraries / "Trunk"))
        environment = os.environ | {
            "PYTHONPATH": str(MODULE.parents[1]),
            "RETRIEVALSAM_CACHE": str(self.folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }
        command = [
            worker_client.python_program(),
            "-m",
            "RetrievalSAMLib.cli.main",
            "serve",
            str(libraries),
            "--port",
            "0",
        ]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        log: list[str] = []
        reading = threading.Thread(target=lambda: log.extend(iter(process.stderr.readline, "")))
        reading.start()

        def end() -> None:
            process.terminate()
            process.wait()
            reading.join()
            process.stderr.close()

        self.addCleanup(end)
        wait_until(lambda: "listening on" in "".join(log) or process.poll() is not None, "the server")
        return re.search(r"listening on (\S+)", "".join(log))[1]

    def try_server(self, address: str, token: str = "") -> str:
        """What the page says after Test."""
        self.ui.addressEdit.text, self.ui.tokenEdit.text = address, token
        self.ui.testButton.click()
        wait_until(lambda: self.ui.testButton.enabled, "the server's answer")
        return self.ui.serverLabel.text

    def wait_for_run(self) -> None:
        wait_until(lambda: self.panel.segmenting.state != "running", "the run")

    def voxels(self) -> dict[str, bytes]:
        """Of every segment of the result."""
        proposal = self.panel.segmenting.proposal
        return {
            name: segment_voxels(proposal.segmentation, proposal.segment_ids[name], proposal.volume).tobytes()
            for name in proposal.present_segments()
        }

    def test_a_run_and_its_corrections_go_to_the_server_once_the_user_allows_it(self) -> None:
        self.module.settings.preset = "fast"
        volume, drawn = phantoms.add_subject(3)
        slicer.mrmlScene.RemoveNode(drawn)
        self.compute_on(1)
        self.segment_ui.inputSelector.setCurrentNode(volume)
        self.assertFalse(self.segment_ui.segmentButton.enabled)
        self.assertIn("connect to the server", self.segment_ui.segmentButton.toolTip)
        self.assertIn("libraries: 1", self.try_server(self.start_server()))
        self.assertEqual(self.ui.librarySelector.count, 1)
        self.user.will_answer(False)
        self.segment(volume)
        self.wait_for_run()
        self.assertIn("leaves this computer", self.user.reads())
        self.assertEqual(self.panel.segmenting.state, "idle")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)
        self.user.will_answer(True)
        self.press_segment()
        self.wait_for_run()
        self.assertIn("leaves this computer", self.user.reads())
        self.result()
        there = self.voxels()
        self.assertEqual(set(there), {"Liver", "Spleen"})
        self.assertEqual(self.module.logic.computer.process_id(), 0)
        # Corrections go where the result came from, without another question, also after another choice.
        self.compute_on(0)
        self.panel.segmenting.refine([4], [], [])
        self.wait_for_run()
        self.assertEqual(self.panel.segmenting.proposal.report["refinement"]["corrected"], [4])
        self.assertEqual(self.module.logic.computer.process_id(), 0)
        self.panel.segmenting.discard()
        self.open_library()
        self.segment(volume)
        self.wait_for_run()
        self.assertEqual(self.voxels(), there)
        self.panel.segmenting.discard()

    def test_a_server_that_cannot_be_used_is_told_in_words(self) -> None:
        self.compute_on(1)
        self.assertIn("nothing answers there", self.try_server("http://127.0.0.1:1"))
        self.assertIn("volumes would travel unencrypted", self.try_server("http://hospital:8765"))
        self.assertIn("it is no address", self.try_server(""))

    def test_the_token_is_kept_only_where_that_is_asked_for(self) -> None:
        stored = slicer.app.userSettings()
        self.compute_on(1)
        self.try_server("http://127.0.0.1:1", "a-token-of-this-seat")
        self.assertEqual(stored.value(KEYS[0]), "http://127.0.0.1:1")
        self.assertFalse(stored.value(KEYS[2], ""))
        self.ui.rememberTokenCheckBox.checked = True
        self.try_server("http://127.0.0.1:1", "a-token-of-this-seat")
        self.assertEqual(stored.value(KEYS[2]), "a-token-of-this-seat")
        self.ui.rememberTokenCheckBox.checked = False
        self.try_server("http://127.0.0.1:1", "a-token-of-this-seat")
        self.assertFalse(stored.value(KEYS[2], ""))

    def test_the_page_shows_the_server_only_where_it_computes(self) -> None:
        self.assertFalse(self.ui.serverBox.isVisibleTo(self.panel.widget))
        self.compute_on(1)
        self.assertTrue(self.ui.serverBox.isVisibleTo(self.panel.widget))


if __name__ == "__main__":
    unittest.main()
