"""The stand-in for Slicer's `qt` refuses what PythonQt refuses, and works where PythonQt works."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import ctk
import pytest
import qt
import slicer

TESTING = Path(__file__).resolve().parents[1]


def test_an_unknown_attribute_cannot_be_set_on_a_qt_object() -> None:
    button = qt.QPushButton("Run")
    with pytest.raises(AttributeError, match="does not exist"):
        button.enabeld = False
    with pytest.raises(AttributeError, match="does not exist"):
        slicer.qMRMLNodeComboBox().nodeType = ["vtkMRMLScalarVolumeNode"]
    with pytest.raises(AttributeError):
        button.noSuchThing  # noqa: B018


def test_a_slot_cannot_be_overwritten() -> None:
    with pytest.raises(AttributeError, match="can not be overwritten"):
        qt.QPushButton().click = print


def test_a_python_subclass_may_have_attributes_of_its_own() -> None:
    class Marked(qt.QLabel):
        def __init__(self) -> None:
            super().__init__("text")
            self.mark = 3

    label = Marked()
    assert (label.mark, label.text) == (3, "text")


def test_properties_are_attributes_with_setters() -> None:
    button = qt.QPushButton("Run")
    button.enabled, button.text, button.toolTip = False, "Stop", "Stops the run"
    assert (button.isEnabled(), button.text, button.toolTip) == (False, "Stop", "<p>Stops the run</p>")
    button.setText("Go")
    assert button.text == "Go"
    with pytest.raises(TypeError, match="not callable"):
        button.text()


def test_a_property_takes_only_its_own_type() -> None:
    button = qt.QPushButton()
    for value in (5, None):
        with pytest.raises(AttributeError, match="does not accept"):
            button.text = value
    with pytest.raises(AttributeError, match="does not accept"):
        button.enabled = "yes"
    with pytest.raises(AttributeError, match="not writable"):
        button.width = 5


def test_layout_parent_and_children_are_methods() -> None:
    box = qt.QWidget()
    layout = qt.QVBoxLayout(box)
    button = qt.QPushButton("a")
    layout.addWidget(button)
    assert box.layout() is layout
    assert button.parent() is box
    assert button in box.children()


def test_constructors_take_no_keywords() -> None:
    with pytest.raises(TypeError, match="keyword"):
        qt.QLabel(text="a")


@pytest.mark.parametrize("signature", ["clickd(bool)", "clicked(QString)", "clicked", "pressed(int)"])
def test_a_wrong_signal_is_an_error(signature: str) -> None:
    with pytest.raises(ValueError, match="signal|signature"):
        qt.QPushButton().connect(signature, lambda: None)


def test_a_signal_that_only_qt_6_has_is_an_error() -> None:
    with pytest.raises(ValueError, match="No such signal"):
        qt.QCheckBox().connect("checkStateChanged(Qt::CheckState)", lambda: None)


def test_surplus_arguments_are_dropped_for_functions_and_methods_only(standin: Any) -> None:
    got: list[Any] = []

    class Receiver:
        def none(self) -> None:
            got.append("none")

        def one(self, checked: bool) -> None:
            got.append(checked)

        def __call__(self) -> None:
            got.append("never")

    receiver = Receiver()
    button = qt.QPushButton()
    button.checkable = True
    button.connect("clicked(bool)", lambda: got.append("lambda"))
    button.connect("clicked(bool)", receiver.none)
    button.connect("clicked(bool)", receiver.one)
    button.connect("clicked()", lambda *arguments: got.append(arguments))
    button.clicked.connect(lambda checked=None: got.append(("attribute", checked)))
    button.click()
    assert got == ["lambda", "none", True, (), ("attribute", True)]

    button.connect("clicked(bool)", receiver)
    button.connect("clicked(bool)", functools.partial(receiver.none))
    button.click()
    assert "never" not in got
    assert [type(error) for error in standin.slot_errors] == [TypeError, TypeError]
    standin.clear()


def test_what_was_connected_can_be_disconnected() -> None:
    got: list[int] = []

    def slot() -> None:
        got.append(1)

    button = qt.QPushButton()
    button.connect("clicked()", slot)
    assert button.disconnect("clicked()", slot)
    assert not button.disconnect("clicked()", slot)
    button.click()
    assert got == []


def test_objects_that_qt_made_connect_by_signature_too() -> None:
    table = qt.QTableWidget(2, 2)
    got: list[int] = []
    table.horizontalHeader().connect("sectionClicked(int)", got.append)
    table.horizontalHeader().sectionClicked.emit(1)
    assert got == [1]


def test_there_is_no_emit_by_signature() -> None:
    button, got = qt.QPushButton(), []
    button.connect("clicked(bool)", got.append)
    with pytest.raises(AttributeError, match="emit"):
        button.emit("clicked(bool)", True)
    button.clicked.emit(True)
    assert got == [True]


LET_GO_IN_ITS_OWN_SIGNAL = """
import qt, slicer

class Client:
    def __init__(self):
        self.process = qt.QProcess()
        self.process.connect("errorOccurred(QProcess::ProcessError)", self.failed)
        self.process.start("/no/such/program", [])

    def failed(self, _error):
        process, self.process = self.process, None
        END

client = Client()
slicer.app.processEvents()
slicer.app.processEvents()
assert client.process is None
print("alive", len(slicer_standin.slot_errors))
"""


@pytest.mark.parametrize(
    ("end", "survives"), [("process.deleteLater()", False), ("qt.QTimer.singleShot(0, process.deleteLater)", True)]
)
def test_who_lets_go_of_an_object_in_its_own_signal_dies(end: str, survives: bool) -> None:
    lines = f"import sys; sys.path.insert(0, {str(TESTING)!r}); import slicer_standin; slicer_standin.install()\n"
    program = lines + LET_GO_IN_ITS_OWN_SIGNAL.replace("END", end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert (done.returncode == 0 and done.stdout.strip() == "alive 0") is survives, done.stderr
    assert ("QProcess was deleted within its own errorOccurred" in done.stderr) is not survives


def test_lists_come_back_from_qt_as_tuples() -> None:
    item = qt.QTableWidgetItem("a")
    item.setData(qt.Qt.UserRole, {"slices": [1, [2, 3]]})
    assert item.data(qt.Qt.UserRole) == {"slices": (1, (2, 3))}
    box = qt.QComboBox()
    box.addItem("a", [1, 2])
    assert box.itemData(0) == (1, 2)


def test_tool_tips_come_back_as_paragraphs() -> None:
    button = qt.QPushButton()
    button.toolTip = "Stop & put back"
    assert button.toolTip == "<p>Stop &amp; put back</p>"
    button.toolTip = ""
    assert button.toolTip == ""


def test_an_exception_in_a_slot_is_kept(standin: Any) -> None:
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    qt.QTimer.singleShot(0, lambda: {}["timer"])
    slicer.app.processEvents()
    slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndImportEvent, lambda caller, event: [][0])
    slicer.mrmlScene.InvokeEvent(slicer.mrmlScene.EndImportEvent)
    slicer.mrmlScene.RemoveObservers(slicer.mrmlScene.EndImportEvent)
    kinds = [type(error) for error in standin.slot_errors]
    standin.clear()
    assert kinds == [ZeroDivisionError, KeyError, IndexError]


def test_one_flat_module_with_unscoped_enumerations_that_equal_their_numbers() -> None:
    assert qt.QAction is not None and qt.QShortcut is not None
    assert qt.Qt.Checked == 2
    assert qt.QProcess.NotRunning == 0
    assert qt.QMessageBox.Yes == 0x4000
    assert qt.Qt.Checked != qt.Qt.Unchecked
    assert not hasattr(qt, "Signal")
    states: list[bool] = []
    box = qt.QCheckBox()
    box.connect("stateChanged(int)", lambda state: states.append(state == qt.Qt.Checked))
    box.checked = True
    box.checked = False
    assert states == [True, False]


def test_size_hints_are_attributes_also_where_a_class_overrides_them() -> None:
    assert qt.QPushButton("a").sizeHint.width() > 0
    assert qt.QTableWidget(1, 1).sizeHint.width() > 0


def test_a_size_hint_written_in_python_is_used() -> None:
    class Square(qt.QWidget):
        def sizeHint(self) -> qt.QSize:
            return qt.QSize(77, 77)

    box = qt.QWidget()
    layout = qt.QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(Square())
    assert box.sizeHint == qt.QSize(77, 77)


def test_name_class_name_and_delete() -> None:
    button = qt.QPushButton()
    button.setObjectName("run")
    assert (button.name, button.objectName, button.className()) == ("run", "run", "QPushButton")
    button.delete()
    with pytest.raises(RuntimeError):
        button.text  # noqa: B018


def test_a_single_shot_timer_is_a_function_of_the_class_and_a_property_of_the_timer() -> None:
    got: list[int] = []
    timer = qt.QTimer()
    timer.singleShot = True
    timer.interval = 0
    timer.connect("timeout()", lambda: got.append(1))
    timer.start()
    loop = qt.QEventLoop()
    qt.QTimer.singleShot(20, loop.quit)
    loop.exec_()
    assert got == [1]
    assert not timer.active


def test_a_process_talks_in_bytes() -> None:
    process, heard, ended = qt.QProcess(), bytearray(), []
    loop = qt.QEventLoop()
    process.connect("readyReadStandardOutput()", lambda: heard.extend(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: (ended.append(code), loop.quit()))
    environment = qt.QProcessEnvironment.systemEnvironment()
    environment.insert("STANDIN_WORD", "heard")
    process.setProcessEnvironment(environment)
    echo = "import os, sys; print(os.environ['STANDIN_WORD'], sys.stdin.readline().strip())"
    process.start(sys.executable, ["-c", echo])
    assert process.waitForStarted()
    assert process.state() == qt.QProcess.Running
    process.write(b"back\n")
    loop.exec_()
    assert bytes(heard).split() == [b"heard", b"back"]
    assert ended == [0]
    assert process.state() == qt.QProcess.NotRunning


def test_an_event_filter_in_python_sees_events() -> None:
    seen: list[int] = []

    class Filter(qt.QObject):
        def eventFilter(self, watched: Any, event: Any) -> bool:
            seen.append(event.type() == qt.QEvent.Close)
            return False

    watcher, widget = Filter(), qt.QWidget()
    widget.installEventFilter(watcher)
    widget.show()
    widget.close()
    assert True in seen


def test_dialogs_take_the_prepared_answers_and_are_recorded(standin: Any, tmp_path: Path) -> None:
    standin.dialogs.answers(True, None, str(tmp_path), "", qt.QMessageBox.No)
    assert slicer.util.confirmYesNoDisplay("Remove it?") is True
    slicer.util.errorDisplay("It failed", detailedText="why")
    assert qt.QFileDialog.getExistingDirectory(None, "Choose") == str(tmp_path)
    assert qt.QFileDialog.getOpenFileName(None, "Choose") == ""
    box = ctk.ctkMessageBox()
    box.text = "Really?"
    assert box.exec_() == qt.QMessageBox.No
    assert [(shown.kind, shown.text) for shown in standin.dialogs.shown] == [
        ("confirm", "Remove it?"),
        ("error", "It failed"),
        ("file", "Choose"),
        ("file", "Choose"),
        ("message", "Really?"),
    ]
    assert standin.dialogs.shown[1].details == "why"


def test_a_dialog_without_a_prepared_answer_is_an_error(standin: Any) -> None:
    with pytest.raises(standin.UnexpectedDialog, match="Remove it"):
        slicer.util.confirmOkCancelDisplay("Remove it?")
    slicer.util.infoDisplay("By the way")
    assert [shown.text for shown in standin.dialogs.unexpected] == ["Remove it?", "By the way"]
    standin.clear()


def test_an_error_that_was_displayed_is_no_slot_error(standin: Any) -> None:
    def slot() -> None:
        with slicer.util.tryWithErrorDisplay("Segmenting failed."):
            raise ValueError("no such file")

    button = qt.QPushButton()
    button.connect("clicked()", slot)
    standin.dialogs.answers(None)
    button.click()
    assert standin.slot_errors == []
    assert "no such file" in standin.dialogs.shown[0].text
    assert "ValueError" in standin.dialogs.shown[0].details


def test_a_menu_triggers_the_action_that_was_answered(standin: Any) -> None:
    menu, got = qt.QMenu(), []
    menu.addAction("Open").connect("triggered()", lambda: got.append("open"))
    menu.addAction("Remove").connect("triggered()", lambda: got.append("remove"))
    standin.dialogs.answers("Remove")
    menu.exec_(qt.QPoint(0, 0))
    assert got == ["remove"]


def test_nothing_is_installed_and_no_address_opened(standin: Any) -> None:
    from slicer_standin import packaging_record, qt_dialogs

    slicer.util.pip_install("nothing-of-this-name")
    slicer.packaging.pip_ensure(["numpy"], requester="Test")
    qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/a"))
    assert [(call.do, call.requirements) for call in packaging_record.pip_calls] == [
        ("pip_install", "nothing-of-this-name"),
        ("pip_ensure", ["numpy"]),
    ]
    assert qt_dialogs.opened_urls == ["https://example.org/a"]


def test_settings_are_not_those_of_the_user() -> None:
    settings = slicer.app.userSettings()
    settings.setValue("RetrievalSAM/word", "kept")
    settings.sync()
    assert settings.value("RetrievalSAM/word") == "kept"
    for file in (settings.fileName(), qt.QSettings().fileName()):
        assert Path(file).is_relative_to(slicer.app.temporaryPath)
