"""The support library: which one, its cases, and what can be done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryCase, LibraryClient
from ..clients.worker_client import WorkerFault
from ..runs.learning import Learning, Tuning
from ..runs.origins import Origins
from ..scene.case_loading import CaseLoading
from ..texts import wording
from ..windows.add_files_window import AddFilesWindow
from ..windows.import_dialog import ImportDialog
from ..windows.rename_window import RenameWindow
from . import ask
from .add_case_panel import AddCasePanel
from .panel import ResourcePath, cell, cell_data, filling, fit_height, head, load_ui, say, show_fault

_ARCHIVE = "RetrievalSAM library (*.rslib)"
_THUMBNAIL = (72, 54)
_NO_BREAK = "\N{NO-BREAK SPACE}"


class LibraryPanel:
    """The panel of the library."""

    def __init__(
        self, library: LibraryClient, loading: CaseLoading, origins: Origins, resource_path: ResourcePath
    ) -> None:
        self._library = library
        self._loading = loading
        self._resource_path = resource_path
        self._removed_last: str | None = None
        self._to_import = ""
        self.import_dialog: ImportDialog | None = None
        self.widget, self.ui = load_ui(resource_path, "LibraryPanel.ui")
        self.add_case = AddCasePanel(self.ui, library, origins)
        self.add_files = AddFilesWindow(library, resource_path)
        self.rename = RenameWindow(library, resource_path)
        head(self.ui.caseTable, ["", _("Case"), _("Segments"), _("Added")], stretched=2)
        self.ui.caseTable.setIconSize(qt.QSize(*_THUMBNAIL))
        for button, action in (
            (self.ui.openButton, self._open),
            (self.ui.createButton, self._create),
            (self.ui.loadButton, self._load),
            (self.ui.removeButton, self._remove),
            (self.ui.undoButton, self.undo_remove),
            (self.ui.verifyButton, self._verify),
            (self.ui.renameButton, self._rename),
            (self.ui.addFilesButton, self.add_files.open),
            (self.ui.importFolderButton, self._import_folder),
            (self.ui.importFileButton, self._import_file),
            (self.ui.exportButton, self._export),
        ):
            button.connect("clicked()", action)
        self._make_tools_menu()
        self._about = {button.objectName: button.toolTip for button in self._buttons()}
        self.ui.caseTable.connect("itemSelectionChanged()", self._enable)
        self.ui.caseTable.connect("cellDoubleClicked(int,int)", lambda _row, _column: self._load())
        self.ui.searchEdit.connect("textChanged(QString)", lambda _text: self._filter())
        library.changed.connect(self.show)
        library.changed.connect(self._library_changed)
        library.failed.connect(show_fault)
        self._say("")
        self.show_review("")
        self._learn_tip = self.ui.learnButton.toolTip
        self._tune_tip = self.ui.tuneButton.toolTip
        self.show()

    def cleanup(self) -> None:
        """Let go of the scene, and close the panel's windows."""
        self.add_case.cleanup()
        self.add_files.close()
        self.rename.close()
        if self.import_dialog is not None:
            self.import_dialog.close()

    def show(self) -> None:
        """Show what is known of the library."""
        state = self._library.state
        cases = state.cases if state is not None else ()
        if state is None:
            self.ui.nameLabel.text = _("No library is open.")
        else:
            self.ui.nameLabel.text = _("<b>{name}</b>, {cases}").format(
                name=_plain(state.name), cases=wording.cases(len(cases)).replace(" ", _NO_BREAK)
            )
            if state.damaged:
                self.ui.nameLabel.text += _("; {damaged} damaged and left out, see Verify").format(
                    damaged=wording.cases(state.damaged)
                )
            self.ui.nameLabel.toolTip = state.folder
        table = self.ui.caseTable
        with filling(table, len(cases)):
            for row, case in enumerate(cases):
                self._show_case(row, case)
        table.resizeRowsToContents()
        fit_height(table, most_rows=4)
        self._filter()
        self._enable()
        self.add_case.update()

    def _library_changed(self) -> None:
        source, self._to_import = self._to_import, ""
        if source and self._library.state is not None:
            self._import_from(source)

    def show_review(self, text: str) -> None:
        """Say how far a review is, also when its window is closed; an empty text where none is under way."""
        say(self.ui.reviewLabel, text)

    def show_learning(self, learning: Learning) -> None:
        """Say what the library has learned, or how far it is; what can be learned anew is offered in bold."""
        missing = learning.missing()
        known = "" if learning.known is None else wording.learned(learning.known)
        self.ui.learnButton.text = _("Stop learning") if learning.running else _("Learn from this library")
        self.ui.learnButton.enabled = learning.running or not missing
        self.ui.learnButton.toolTip = missing or self._learn_tip
        font = self.ui.learnButton.font
        font.setBold(learning.offered)
        self.ui.learnButton.setFont(font)
        say(self.ui.learnLabel, " ".join(filter(None, (known if not missing else "", learning.told))))

    def show_tuning(self, tuning: Tuning) -> None:
        """Say what the last fitting gave, else what is fitted, or how far it is."""
        missing = tuning.missing()
        self.ui.tuneButton.text = (
            _("Stop fitting the settings") if tuning.running else _("Fit the settings to this library")
        )
        self.ui.tuneButton.enabled = tuning.running or not missing
        self.ui.tuneButton.toolTip = missing or self._tune_tip
        known = " ".join(filter(None, (tuning.outcome, wording.tuned(tuning.known))))
        say(self.ui.tuneLabel, tuning.told or known)

    def _show_case(self, row: int, case: LibraryCase) -> None:
        picture = cell("", case.id, case.name)
        if case.thumbnail:
            picture.setIcon(qt.QIcon(case.thumbnail))
        table = self.ui.caseTable
        table.setItem(row, 0, picture)
        kind = ", ".join(filter(None, (case.modality, _("{n} slices").format(n=case.slices))))
        versions = _("version {n}").format(n=case.versions)
        texts = (f"{case.name}\n{kind}", ", ".join(case.segments), f"{case.created[:10]}\n{versions}")
        for column, text in enumerate(texts, start=1):
            table.setItem(row, column, cell(text))

    def _filter(self) -> None:
        words = self.ui.searchEdit.text.casefold().split()
        table = self.ui.caseTable
        cases = self._library.state.cases if self._library.state is not None else ()
        for row, case in enumerate(cases):
            said = " ".join((case.name, case.modality or "", *case.segments)).casefold()
            table.setRowHidden(row, not all(word in said for word in words))

    def _enable(self) -> None:
        state = self._library.state
        is_open, chosen = state is not None, self._chosen() is not None
        none = "" if is_open else _("Open or create a library first.")
        for button in self._buttons():
            self._switch(button, none)
        for button in (self.ui.loadButton, self.ui.renameButton, self.ui.removeButton):
            self._switch(button, none or ("" if chosen else _("Choose a case in the table.")))
        self._switch(self.ui.exportButton, none or ("" if state.cases else _("The library has no case yet.")))
        self._switch(self.ui.undoButton, none or ("" if state.removed else _("No case was removed.")))

    def _buttons(self) -> tuple[qt.QPushButton, ...]:
        """Those that need an open library."""
        ui = self.ui
        changing = ui.loadButton, ui.renameButton, ui.removeButton, ui.undoButton
        return (
            *changing,
            ui.verifyButton,
            ui.addFilesButton,
            ui.importFolderButton,
            ui.importFileButton,
            ui.exportButton,
            ui.reviewButton,
            ui.suggestButton,
        )

    def _switch(self, button: qt.QPushButton, missing: str) -> None:
        """Off where something is missing, with that as its tool tip."""
        button.enabled = not missing
        button.toolTip = missing or self._about[button.objectName]

    def _make_tools_menu(self) -> None:
        """The tools open below their button, and leave the room to the cases."""
        menu = qt.QMenu(self.ui.toolsButton)
        action = qt.QWidgetAction(menu)
        action.setDefaultWidget(self.ui.toolsPlace)
        menu.addAction(action)
        self.ui.toolsButton.setMenu(menu)
        for button in (*self._buttons()[4:], self.ui.tuneButton):
            button.connect("clicked()", menu.close)

    def _chosen(self) -> str | None:
        table = self.ui.caseTable
        rows = table.selectionModel().selectedRows()
        return cell_data(table, rows[0].row()) if rows else None

    def _open(self) -> None:
        folder = ask.folder(self.widget, _("Open a support library"), self._library.folder)
        if folder:
            self._library.open(folder)

    def _create(self) -> None:
        folder = ask.folder(
            self.widget, _("Choose a new or empty folder for the support library"), self._library.folder
        )
        if folder:
            self._library.create(folder)

    def _load(self) -> None:
        case = self._chosen()
        if case is not None:
            self._say(_("Loading the case..."))
            self._loading.load(case, lambda name: self._say(_("{name} is in the scene.").format(name=name)))

    def _rename(self) -> None:
        case = self._chosen()
        if case is not None:
            self.rename.open(case)

    def _remove(self) -> None:
        case = self._chosen()
        if case is not None:
            self.remove(case)

    def remove(self, case: str) -> None:
        """Move a case to the trash by its ID."""
        self._library.remove(case, self._removed, show_fault)

    def _removed(self, result: dict[str, Any]) -> None:
        self._removed_last = result["id"]
        self._say(_("{name} is in the library's trash. Undo remove brings it back.").format(name=result["name"]))

    def undo_remove(self) -> None:
        """Bring the case removed last back from the trash."""
        removed = self._library.state.removed
        ids = [case_id for case_id, _name in removed]
        case = self._removed_last if self._removed_last in ids else ids[-1]
        self._library.restore(case, self._restored, show_fault)

    def _restored(self, result: dict[str, Any]) -> None:
        self._removed_last = None
        self._say(_("{name} is back.").format(name=result["case"]["name"]))

    def _verify(self) -> None:
        self._say(_("Checking every file..."))
        self._library.ask("library.verify", {}, self._verified, self._fault)

    def _verified(self, result: dict[str, Any]) -> None:
        damaged = result["damaged"]
        if not damaged:
            self._say(_("Every file is as it was written."))
            return
        self._say(_("Damaged: {files}.").format(files=wording.files(len(damaged))))
        if slicer.util.confirmYesNoDisplay(
            _(
                "Damaged in this library: {files}. Nothing was changed so far. Where there is a backup, choose No and "
                "put them back from it.\n\nPut the library in order without one? Damaged cases are moved to its folder "
                "'quarantine'; where one has an earlier version that is whole, that stays. Nothing is deleted."
            ).format(files=wording.files(len(damaged))),
            windowTitle=_("RetrievalSAM"),
            detailedText="\n".join(f"{self._case_of(one['file'])}{one['file']}: {one['fact']}" for one in damaged),
        ):
            self._say(_("Putting the library in order..."))
            self._library.repair(self._repaired, self._fault)

    def _repaired(self, result: dict[str, Any]) -> None:
        self._say(_("The library is in order again."))
        slicer.util.infoDisplay(
            _("The library is in order again. What was done is in the details."),
            windowTitle=_("RetrievalSAM"),
            detailedText="\n".join(f"{one['file']}: {one['done']}" for one in result["done"]),
        )

    def _case_of(self, file: str) -> str:
        """The name of the case that a file of the library belongs to: its folder is named by the case's ID."""
        cases = self._library.state.cases if self._library.state is not None else ()
        return next((f"{case.name}: " for case in cases if case.id in Path(file).parts), "")

    def _import_folder(self) -> None:
        source = ask.folder(self.widget, _("Choose a folder with images and segmentations"))
        if source:
            self._import_from(source)

    def _import_from(self, source: str) -> None:
        self.import_dialog = ImportDialog(self._library, source, self._resource_path)
        self.import_dialog.open()

    def begin_with_folder(self) -> None:
        """Make a library, and import a folder with images and segmentations into it."""
        source = ask.folder(self.widget, _("Choose a folder with images and segmentations"))
        folder = ask.folder(self.widget, _("Choose a new or empty folder for the support library")) if source else ""
        if folder:
            self._to_import = source
            self._library.create(folder)

    def _import_file(self) -> None:
        file = ask.file_to_open(self.widget, _("Import a library"), _ARCHIVE)
        if file:
            self._say(_("Importing..."))
            self._library.import_archive(file, self._imported, self._fault)

    def _imported(self, result: dict[str, Any]) -> None:
        skipped = "".join(f" {one['name']}: {one['reason']}." for one in result["skipped"])
        self._say(_("Added: {cases}.").format(cases=wording.cases(len(result["added"]))) + skipped)

    def _export(self) -> None:
        suggested = str(Path.home() / f"{self._library.state.name}.rslib")
        file = ask.file_to_save(self.widget, _("Export the library as one file"), suggested, _ARCHIVE)
        if not file:
            return
        self._library.ask(
            "library.privacy", {}, lambda told: self._export_if_wanted(file, told["warnings"]), self._fault
        )

    def _export_if_wanted(self, file: str, warnings: list[dict[str, str]]) -> None:
        if warnings and not slicer.util.confirmYesNoDisplay(
            _("Some names look like patient data: {names}. Export them all the same?").format(
                names=", ".join(f"{one['name']} ({one['reason']})" for one in warnings)
            ),
            windowTitle=_("RetrievalSAM"),
        ):
            return
        self._say(_("Exporting..."))
        self._library.ask("library.export", {"file": file}, self._exported, self._fault)

    def _exported(self, result: dict[str, Any]) -> None:
        self._say(
            _("Written to {file}: {cases}.").format(
                cases=wording.cases(result["cases"]), file=Path(result["file"]).name
            )
        )

    def _fault(self, fault: WorkerFault) -> None:
        self._say("")
        show_fault(fault)

    def _say(self, text: str) -> None:
        say(self.ui.statusLabel, text)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
