"""The examples behind the slice on display: annotated slices of the library, corrected ones of the volume itself."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..texts.report_view import Support
from .panel import cell, cell_data, fit_height, head, number_cell, show_fault

_MOST = 8
_ROWS = 3
_THUMBNAIL = 56
_TWO_LINES = 38


class SupportsTable:
    """Fills a table: picture, case and slice, similarity, and share of attention where the report knows it."""

    def __init__(
        self,
        table: qt.QTableWidget,
        library: LibraryClient,
        thumbnails: str,
        load_case: Callable[[str], None],
        go_to: Callable[[int], None],
    ) -> None:
        self._table = table
        self._library = library
        self._thumbnails = thumbnails
        self._load_case = load_case
        self._go_to = go_to
        self._supports: list[Support] = []
        self._can_load = True
        head(table, ["", _("Example"), _("Similarity"), _("Attention")], stretched=1)
        table.setIconSize(qt.QSize(_THUMBNAIL, _THUMBNAIL))
        table.connect("cellDoubleClicked(int,int)", lambda row, _column: self._activate(row))

    def show(self, supports: list[Support], of_open_library: bool = True) -> None:
        """Show the first of the supports of one slice; pictures come when the worker has drawn them.

        Args:
            supports: Of the slice.
            of_open_library: Whether their cases are those of the library that is open here, not of a server's.
        """
        self._can_load = of_open_library
        self._supports = supports[:_MOST]
        table = self._table
        table.setRowCount(len(self._supports))
        for row, support in enumerate(self._supports):
            self._show_support(row, support)
        table.setColumnHidden(3, all(support.attention is None for support in self._supports))
        table.visible = bool(self._supports)
        for row, support in enumerate(self._supports):
            table.setRowHeight(row, _THUMBNAIL + 4 if support.case else _TWO_LINES)
        fit_height(table, most_rows=_ROWS)
        of_library = [(row, support) for row, support in enumerate(self._supports) if support.case]
        if of_library and of_open_library:
            shown = self._supports
            self._library.ask(
                "library.slices",
                {
                    "slices": [{"case": one.case, "slice": one.slice} for _row, one in of_library],
                    "thumbnails": self._thumbnails,
                },
                lambda told: self._show_pictures(shown, [row for row, _one in of_library], told["files"]),
                show_fault,
            )

    def _show_support(self, row: int, support: Support) -> None:
        name = support.case or _("this volume")
        text = _("{case}, slice {slice}").format(case=name, slice=support.slice)
        about = _("{text}\nfor {segments}").format(text=text, segments=", ".join(support.segments))
        if not support.case:
            about = _("{about}\nA slice that you corrected; double-click to go there").format(about=about)
        self._table.setItem(row, 0, cell("", row, about))
        self._table.setItem(row, 1, cell(f"{name}\n" + _("slice {slice}").format(slice=support.slice), None, about))
        self._table.setItem(row, 2, number_cell(f"{support.similarity:.2f}"))
        shared = "" if support.attention is None else f"{100 * support.attention:.0f} %"
        self._table.setItem(row, 3, number_cell(shared))

    def _show_pictures(self, supports: list[Support], rows: list[int], files: list[str | None]) -> None:
        if supports is not self._supports:
            return  # another slice is on display by now
        for row, file in zip(rows, files, strict=False):
            if file:
                self._table.item(row, 0).setIcon(qt.QIcon(file))

    def _activate(self, row: int) -> None:
        support = self._supports[cell_data(self._table, row)]
        if not support.case:
            self._go_to(support.slice)
        elif self._can_load:
            self._load_case(support.case)
