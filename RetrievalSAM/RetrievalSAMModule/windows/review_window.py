"""The window of the library's review: what is odd, worst first, and what can be done about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels import ask
from ..panels.panel import (
    ResourcePath,
    bring_up,
    cell,
    cell_data,
    choice,
    choose,
    dismiss,
    fill_choices,
    head,
    load_ui,
    say,
    show_fault,
)
from ..runs.reviewing import Reviewing
from ..scene.case_loading import CaseLoading
from ..texts import wording
from ..texts.review_view import Row, as_csv, in_order
from .slice_buttons import SliceButtons

_ORDERS = ("case", "segment", "dice", "finding")
_CSV = "CSV (*.csv)"
_SIZE = (760, 560)


class ReviewWindow:
    """A window of its own; Slicer stays usable while it is open, and a review goes on when it is closed.

    Args:
        reviewing: The reviews.
        library: The open library.
        loading: Brings cases into the scene.
        remove: Moves a case to the trash by its ID.
        undo_remove: Brings the case removed last back.
        resource_path: Where `.ui` files are.
    """

    def __init__(
        self,
        reviewing: Reviewing,
        library: LibraryClient,
        loading: CaseLoading,
        remove: Callable[[str], None],
        undo_remove: Callable[[], None],
        resource_path: ResourcePath,
    ) -> None:
        self._reviewing = reviewing
        self._library = library
        self._loading = loading
        self._remove_case = remove
        self._rows: list[Row] = []
        self._descending = False
        self.widget, self.ui = load_ui(resource_path, "ReviewWindow.ui")
        titles = [_("Case"), _("Segment"), _("Dice"), _("What is odd")]
        head(self.ui.findingsTable, titles, stretched=3, widths={0: 170, 1: 150})
        self.ui.findingsTable.setWordWrap(False)
        header = self.ui.findingsTable.horizontalHeader()
        header.setSectionsClickable(True)
        header.connect("sectionClicked(int)", self._header_clicked)
        fill_choices(
            self.ui.orderSelector,
            [("worst", _("Worst first")), *((key, title) for key, title in zip(_ORDERS, titles, strict=True))],
        )
        self._slices = SliceButtons(self.ui.slicesPlace, self._show_slice)
        self.ui.orderSelector.connect("currentIndexChanged(int)", lambda _index: self._order_chosen())
        self.ui.findingsTable.connect("itemSelectionChanged()", self._selected)
        self.ui.findingsTable.connect("cellActivated(int,int)", lambda _row, _column: self._show())
        self.ui.reviewButton.connect("clicked()", self._review_or_cancel)
        self.ui.showButton.connect("clicked()", self._show)
        self.ui.removeButton.connect("clicked()", self._remove)
        self.ui.undoButton.connect("clicked()", undo_remove)
        self.ui.exportButton.connect("clicked()", self._export)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        reviewing.changed.connect(self.update)
        library.changed.connect(self.update)
        say(self.ui.statusLabel, "")
        self.widget.resize(*_SIZE)
        self.update()

    def open(self) -> None:
        """Show the window, with the review that the library keeps."""
        say(self.ui.statusLabel, "")
        bring_up(self.widget)
        self._reviewing.watch()

    def close(self) -> None:
        """The end of the module."""
        dismiss(self.widget)

    def update(self) -> None:
        """Show what is known, and what can be done."""
        reviewing = self._reviewing
        missing = reviewing.missing()
        button = self.ui.reviewButton
        button.text = _("Cancel") if reviewing.running else _("Review")
        button.enabled = reviewing.running or not missing
        button.toolTip = (
            _("Stop; what is finished is kept, and the next review continues there")
            if reviewing.running
            else missing or _("Segment every case by the example of the others")
        )
        self.ui.progressBar.visible = reviewing.running
        done, total = reviewing.progress or (0, 0)
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.setValue(done)
        say(self.ui.progressLabel, reviewing.told or missing)
        self._show_summary()
        if self._rows_shown() != reviewing.rows:
            self._fill()
        self._enable()

    def _rows_shown(self) -> list[Row]:
        return in_order(self._rows, "worst")

    def _show_summary(self) -> None:
        reviewing, rows = self._reviewing, self._reviewing.rows
        if not reviewing.finished:
            self.ui.summaryLabel.text = _("This library has not been reviewed yet.")
            return
        odd = sum(row.kind is not None for row in rows)
        parts = [
            _("Review of {time}.").format(time=wording.day_and_time(reviewing.finished)),
            _("Nothing odd was found.") if not odd else _("To look at: {n}.").format(n=odd),
        ]
        if not reviewing.current:
            parts.append(_("The library has changed since; review it again."))
        self.ui.summaryLabel.text = " ".join(parts)

    def _fill(self) -> None:
        """The rows in the order wanted; the one that was selected stays so, where it is still there."""
        table, chosen = self.ui.findingsTable, self._chosen()
        order = choice(self.ui.orderSelector)
        self._rows = in_order(self._reviewing.rows, order, self._descending)
        table.blockSignals(True)
        table.clearSelection()
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            dice = cell("" if row.dice is None else f"{row.dice:.2f}")
            dice.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(number, 0, cell(row.case, number, row.case))
            table.setItem(number, 1, cell(", ".join(row.segments) or _("(all)")))
            table.setItem(number, 2, dice)
            table.setItem(number, 3, cell(wording.finding(row.kind) if row.kind else "", tool_tip=row.text))
        header = table.horizontalHeader()
        header.setSortIndicatorShown(order in _ORDERS)
        if order in _ORDERS:
            direction = qt.Qt.DescendingOrder if self._descending else qt.Qt.AscendingOrder
            header.setSortIndicator(_ORDERS.index(order), direction)
        if chosen in self._rows:
            table.selectRow(self._rows.index(chosen))
        table.blockSignals(False)
        self._selected()

    def _chosen(self) -> Row | None:
        rows = self.ui.findingsTable.selectionModel().selectedRows()
        number = cell_data(self.ui.findingsTable, rows[0].row()) if rows else None
        return None if number is None or number >= len(self._rows) else self._rows[number]

    def _selected(self) -> None:
        row = self._chosen()
        if row is None:
            self.ui.detailLabel.text = _("Select a row to see more.") if self._rows else ""
        else:
            self.ui.detailLabel.text = f"{row.case}: {_sentence(row.text) or _('Nothing is odd here.')}"
        self._slices.show(row.slices if row is not None and row.axis is not None else ())
        self._enable()

    def _enable(self) -> None:
        state, row = self._library.state, self._chosen()
        self.ui.showButton.enabled = self.ui.removeButton.enabled = row is not None
        self.ui.undoButton.enabled = state is not None and bool(state.removed)
        self.ui.exportButton.enabled = bool(self._rows)
        self.ui.orderSelector.enabled = bool(self._rows)

    def _order_chosen(self) -> None:
        self._descending = False
        self._fill()

    def _header_clicked(self, column: int) -> None:
        again = choice(self.ui.orderSelector) == _ORDERS[column]
        self._descending = again and not self._descending
        choose(self.ui.orderSelector, _ORDERS[column])
        self._fill()

    def _review_or_cancel(self) -> None:
        if self._reviewing.running:
            self._reviewing.cancel()
        else:
            self._reviewing.start()

    def _show(self) -> None:
        row = self._chosen()
        if row is not None:
            self._show_at(row, row.slices[0] if row.slices else None)

    def _show_slice(self, index: int) -> None:
        row = self._chosen()
        if row is not None:
            self._show_at(row, index)

    def _show_at(self, row: Row, index: int | None) -> None:
        say(self.ui.statusLabel, _("Loading the case..."))
        self._loading.show(
            row.case_id,
            row.axis,
            index,
            row.segments[0] if row.segments else "",
            lambda name: self._shown(name, index),
            self._fault,
        )

    def _shown(self, name: str, index: int | None) -> None:
        text = _("{name} is in the scene.") if index is None else _("{name} is in the scene, at slice {index}.")
        say(self.ui.statusLabel, text.format(name=name, index=index))

    def _remove(self) -> None:
        row = self._chosen()
        if row is not None and slicer.util.confirmYesNoDisplay(
            _("Remove {name} from the library? It goes to the library's trash; Undo remove brings it back.").format(
                name=row.case
            ),
            windowTitle=_("RetrievalSAM"),
        ):
            self._remove_case(row.case_id)

    def _export(self) -> None:
        suggested = str(Path.home() / f"{self._library.state.name} review.csv")
        file = ask.file_to_save(self.widget, _("Export the review as a table"), suggested, _CSV)
        if not file:
            return
        heads = [_("Case"), _("Segment"), _("Dice"), _("What is odd"), _("Details"), _("Slices")]
        staged = Path(f"{file}.part")
        try:
            # The mark at its start lets spreadsheets read names in any script.
            staged.write_bytes(as_csv(self._rows, heads, wording.finding).encode("utf-8-sig"))
            os.replace(staged, file)
        except OSError as error:
            staged.unlink(missing_ok=True)
            show_fault(
                WorkerFault(
                    _("'{file}' cannot be written ({error}). Choose another folder, or free some space.").format(
                        file=Path(file).name, error=error.strerror
                    )
                )
            )
            return
        say(self.ui.statusLabel, _("Written to {file}.").format(file=Path(file).name))

    def _fault(self, fault: WorkerFault) -> None:
        say(self.ui.statusLabel, "")
        show_fault(fault)


def _sentence(text: str) -> str:
    """With a capital and a stop, unless it ends with a question."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(("?", ".")) else ".") if text else ""
