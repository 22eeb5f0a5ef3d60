"""What the tests of the panel share: the module on show, a user who answers it, and libraries to work with."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
import unittest
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import qt
import slicer
import slicer.util

HERE = Path(__file__).resolve().parent
# Another one where an installed extension is tested (Testing/packaged_layout.py).
MODULE = Path(os.environ.get("RETRIEVALSAM_MODULE") or HERE.parents[1] / "RetrievalSAM.py")
inside_slicer = "slicer_standin" not in sys.modules
if not inside_slicer and str(MODULE.parent) not in sys.path:
    sys.path.insert(0, str(MODULE.parent))  # Slicer itself has done so

import phantoms  # noqa: E402
from RetrievalSAMModule.clients import worker_client  # noqa: E402
from RetrievalSAMModule.panels import ask  # noqa: E402

_LAST_FOLDER = "RetrievalSAM/LibraryFolder"
_ONLY_WHAT_HANGS_TAKES_SO_LONG_MS = 600_000


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Let the application work until a condition holds."""
    if condition():
        return
    loop, check, limit, late = qt.QEventLoop(), qt.QTimer(), qt.QTimer(), []

    def look() -> None:
        if condition():
            loop.quit()

    def give_up() -> None:
        late.append(True)
        loop.quit()

    check.connect("timeout()", look)
    limit.connect("timeout()", give_up)
    limit.setSingleShot(True)
    check.start(10)
    limit.start(_ONLY_WHAT_HANGS_TAKES_SO_LONG_MS)
    loop.exec_()
    check.stop()
    limit.stop()
    if late:
        raise AssertionError(f"waited in vain for {what}")


class ErrorLog:
    """What VTK, Qt and Python have reported as errors since it was made: each would light Slicer's red icon."""

    _LEVEL = 2  # the column of CTK's list
    # Of MRML's own reading of a saved slice node that lies obliquely; no call of the module is behind it.
    _OF_SLICER = "GetSliceOrientationPreset: invalid orientation preset name: Reformat"

    def __init__(self) -> None:
        self._model = slicer.app.errorLogModel()
        self._first = self._model.logEntryCount()

    def errors(self) -> list[str]:
        """Their texts, oldest first."""
        slicer.app.processEvents()
        level = [self._model.data(self._model.index(row, self._LEVEL)) for row in range(self._model.logEntryCount())]
        rows = range(self._first, len(level))
        texts = [self._model.logEntryDescription(n) for n in rows if level[n] in ("Error", "Critical", "Fatal")]
        return [text for text in texts if self._OF_SLICER not in text]


class User:
    """Reads every message and answers every question, in Slicer and outside alike."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, str]] = []
        self._answers: deque[Any] = deque()

    def __enter__(self) -> User:
        self._patches = ExitStack()
        for name in ("errorDisplay", "warningDisplay", "infoDisplay"):
            self._patches.enter_context(mock.patch.object(slicer.util, name, self._told))
        for name in ("confirmOkCancelDisplay", "confirmYesNoDisplay"):
            self._patches.enter_context(mock.patch.object(slicer.util, name, self._asked))
        for name in ("folder", "file_to_open", "file_to_save"):
            self._patches.enter_context(mock.patch.object(ask, name, lambda *_question: str(self._answer("a path"))))
        self._patches.enter_context(
            mock.patch.object(ask, "files_to_open", lambda *_question: [str(file) for file in self._answer("paths")])
        )
        return self

    def __exit__(self, *_error: Any) -> None:
        self._patches.close()

    def will_answer(self, *answers: Any) -> None:
        """Answer the next questions so: a path for a file, an empty text for cancel, a list for files; else a bool."""
        self._answers.extend(answers)

    def reads(self) -> str:
        """The message, or question, that came first of those not read yet, with its details."""
        if not self._messages:
            raise AssertionError("no message was shown")
        text, details = self._messages.pop(0)
        return f"{text}\n{details}"

    def has_message(self) -> bool:
        """Whether a message has not been read."""
        return bool(self._messages)

    def left_over(self) -> list[str]:
        """Messages that nobody read and answers that nobody wanted."""
        return [text for text, _details in self._messages] + [f"answer {answer!r}" for answer in self._answers]

    def _told(self, text: str, *_arguments: Any, **options: Any) -> None:
        self._messages.append((text, options.get("detailedText", "")))

    def _asked(self, text: str, *_arguments: Any, **options: Any) -> bool:
        self._told(text, **options)
        return bool(self._answer(text))

    def _answer(self, question: str) -> Any:
        if not self._answers:
            raise AssertionError(f"a question that the test does not answer: {question}")
        return self._answers.popleft()


class OpenedModule:
    """The module as the user has it before them.

    Args:
        worker: Program arguments of a worker in the place of the real one, or None.
    """

    def __init__(self, worker: list[str] | None = None) -> None:
        settings = slicer.app.userSettings()
        self._last_folder = settings.value(_LAST_FOLDER, "")
        settings.remove(_LAST_FOLDER)
        kind = worker_client.WorkerClient
        self._worker = partial(kind, worker_client.python_program(), worker) if worker is not None else kind
        with mock.patch.object(worker_client, "WorkerClient", self._worker):
            self._show()

    def _show(self) -> None:
        if inside_slicer:
            slicer.util.selectModule("RetrievalSAM")
            slicer.util.reloadScriptedModule("RetrievalSAM")  # while it is on show: it enters itself
        else:
            from slicer_standin.module import LoadedModule

            self._loaded = LoadedModule(MODULE)
            self._loaded.enter()

    @property
    def widget(self) -> Any:
        """Slicer's side of the panel; another object after a reload."""
        return slicer.modules.RetrievalSAMWidget

    @property
    def panel(self) -> Any:
        """The panel."""
        return self.widget.panel

    @property
    def logic(self) -> Any:
        """The logic, with both workers."""
        return self.widget.logic

    @property
    def settings(self) -> Any:
        """The parameter node of the scene."""
        return self.logic.getParameterNode()

    def process_ids(self) -> list[int]:
        """Of the workers that run."""
        return [n for n in (self.logic.computer.process_id(), self.logic.librarian.process_id()) if n]

    def leave(self) -> None:
        """Go to another module."""
        if inside_slicer:
            slicer.util.selectModule("Data")
        else:
            self._loaded.exit()

    def come_back(self) -> None:
        """Come to the module again."""
        if inside_slicer:
            slicer.util.selectModule("RetrievalSAM")
        else:
            self._loaded.enter()

    def reload(self) -> None:
        """As by the Reload button."""
        with mock.patch.object(worker_client, "WorkerClient", self._worker):
            slicer.util.reloadScriptedModule("RetrievalSAM")

    def close(self) -> None:
        """Leave the module."""
        if inside_slicer:
            self.widget.cleanup()
        else:
            self._loaded.close()
        settings = slicer.app.userSettings()
        settings.remove(_LAST_FOLDER)
        if self._last_folder:
            settings.setValue(_LAST_FOLDER, self._last_folder)


class PanelTest(unittest.TestCase):
    """One module for the tests of a class, with the real workers, unless `script` says what they answer.

    Attributes:
        script: For `scripted_worker.py`; the module is then opened anew for each test.
        module: The opened module.
        user: Answers and reads.
        folder: For the test's own files.
        errors_expected: What errors that the test provokes say; any other one fails it.
    """

    script: dict[str, list[dict[str, Any]]] | None = None
    errors_expected: tuple[str, ...] = ()
    module: OpenedModule
    _files: Path
    _template: Path | None = None

    @classmethod
    def setUpClass(cls) -> None:
        slicer.mrmlScene.Clear(0)
        cls._files = Path(tempfile.mkdtemp(prefix="panel-tests-"))
        cls.addClassCleanup(shutil.rmtree, cls._files, ignore_errors=True)
        if cls.script is None:
            cls.module = OpenedModule()
            cls.addClassCleanup(cls.module.close)

    def setUp(self) -> None:
        self._error_log = ErrorLog()
        self.folder = Path(tempfile.mkdtemp(dir=self._files))
        self.user = self.enterContext(User()) if hasattr(self, "enterContext") else self._entered_user()
        if self.script is not None:
            self.open_module(self.script)
        slicer.mrmlScene.Clear(0)
        self.panel.library.close()
        self.wait_until_quiet()

    def _entered_user(self) -> User:
        # unittest has enterContext since Python 3.11.
        user = User().__enter__()
        self.addCleanup(user.__exit__)
        return user

    def open_module(self, script: dict[str, list[dict[str, Any]]]) -> None:
        """The module with workers that answer by a script."""
        file, self._log = self.folder / "script.json", self.folder / "log.jsonl"
        file.write_text(json.dumps(script), encoding="utf-8")
        self._log.touch()
        self.module = OpenedModule(["-u", str(HERE / "scripted_worker.py"), str(file), str(self._log)])
        self.addCleanup(self.module.close)

    def tearDown(self) -> None:
        if self.panel is not None:
            self.wait_until_quiet()
        self.assertEqual(self.user.left_over(), [])
        errors = self._error_log.errors()
        self.assertEqual([e for e in errors if not any(known in e for known in self.errors_expected)], [])
        if not inside_slicer:  # Slicer may have PyTorch loaded for another module
            self.assertNotIn("torch", sys.modules, "something computes in the application's own process")

    @property
    def panel(self) -> Any:
        """The panel, or None after its end."""
        return self.module.panel

    @property
    def segment_ui(self) -> SimpleNamespace:
        """Widgets of the segment panel."""
        return self.panel.segment_panel.ui

    @property
    def library_ui(self) -> SimpleNamespace:
        """Widgets of the library panel."""
        return self.panel.library_panel.ui

    @property
    def review_ui(self) -> SimpleNamespace:
        """Widgets of the window of the review."""
        return self.panel.review_window.ui

    @property
    def suggest_ui(self) -> SimpleNamespace:
        """Widgets of the window that says what to annotate next."""
        return self.panel.suggest_window.ui

    @property
    def batch_ui(self) -> SimpleNamespace:
        """Widgets of the window that segments several volumes."""
        return self.panel.batch_window.ui

    @property
    def results_ui(self) -> SimpleNamespace:
        """Widgets of the results panel."""
        return self.panel.results_panel.ui

    @property
    def first_case_ui(self) -> SimpleNamespace:
        """Widgets of the panel of a first case."""
        return self.panel.first_case_panel.ui

    @property
    def bar_ui(self) -> SimpleNamespace:
        """Widgets of the bar that is always in sight."""
        return self.panel.action_bar.ui

    @property
    def corrections_ui(self) -> SimpleNamespace:
        """Widgets of the desk, and of the bar below it."""
        return SimpleNamespace(**(vars(self.panel.corrections_panel.ui) | vars(self.panel.action_bar.ui)))

    def wait_until_quiet(self) -> None:
        """Until no worker has anything to answer, and no run goes on."""
        logic = self.module.logic
        wait_until(
            lambda: not logic.librarian.busy and not logic.computer.busy and self.panel.segmenting.state != "running",
            "the workers to answer",
        )

    def requests(self, verb: str) -> list[dict[str, Any]]:
        """What scripted workers were asked, in order."""
        return [line for line in self.everything() if line["do"] == verb]

    def everything(self) -> list[dict[str, Any]]:
        """All that scripted workers were asked, in order."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def copy_of_library(self) -> Path:
        """A library of the subjects 1 and 2, made by the module itself."""
        if PanelTest._template is None:
            PanelTest._template = self._made_library()
        folder = self.folder / "Trunk library"
        shutil.copytree(PanelTest._template, folder)
        return folder

    def open_library(self) -> Path:
        """Open a copy of that library."""
        folder = self.copy_of_library()
        self.user.will_answer(folder)
        self.library_ui.openButton.click()
        self.wait_until_quiet()
        return folder

    def _made_library(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="panel-tests-library-")) / "Trunk library"
        folder.mkdir()
        atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
        library, faults = self.panel.library, []
        library.create(str(folder), faults.append)
        self.wait_until_quiet()
        for number in (1, 2):
            volume, drawn = phantoms.add_subject(number)
            library.add_from_scene(
                volume,
                drawn,
                ("Liver", "Spleen"),
                name=f"Case {number}",
                modality="CT",
                on_done=lambda _result: None,
                on_fault=faults.append,
                on_stopped=lambda: None,
            )
            self.wait_until_quiet()
            for node in (volume, drawn):
                slicer.mrmlScene.RemoveNode(node)
        self.assertEqual(faults, [])
        library.close()
        return folder

    def segment(self, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        """Choose a volume and press Segment."""
        self.segment_ui.inputSelector.setCurrentNode(volume)
        self.press_segment()

    def press_segment(self) -> None:
        """Press the button, which must be ready."""
        self.assertTrue(self.segment_ui.segmentButton.enabled, self.segment_ui.segmentButton.toolTip)
        self.segment_ui.segmentButton.click()

    def result(self) -> slicer.vtkMRMLSegmentationNode:
        """The segmentation that waits to be accepted."""
        self.assertEqual(self.panel.segmenting.state, "proposed")
        return self.panel.segmenting.proposal.segmentation


def texts(table: qt.QTableWidget) -> list[list[str]]:
    """What a table says, row by row."""
    columns = range(table.columnCount)
    return [[table.item(row, column).text() for column in columns] for row in range(table.rowCount)]


def nodes_of_scene() -> list[str]:
    """IDs of the nodes that a saved scene holds, without the module's settings and what Slicer makes when it likes."""
    nodes = (slicer.mrmlScene.GetNthNode(n) for n in range(slicer.mrmlScene.GetNumberOfNodes()))
    left_out = ("vtkMRMLScriptedModuleNode", "vtkMRMLSubjectHierarchyNode")
    return sorted(node.GetID() for node in nodes if node.GetSaveWithScene() and node.GetClassName() not in left_out)
