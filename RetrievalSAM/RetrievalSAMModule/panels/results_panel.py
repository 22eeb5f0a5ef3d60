"""What a run has found: volumes, confidence, the slices to look at first, and the examples behind each slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..desk.keeping import Keeping
from ..runs.numbers import Numbers
from ..runs.run_place import is_on_server
from ..runs.segmenting import PROPOSED, Segmenting
from ..scene.case_loading import CaseLoading
from ..scene.slice_views import (
    SliceFollower,
    jump_to_voxel,
    show_volume,
    slice_centre,
    slice_place,
    volume_on_display,
)
from ..scene.tables import save_text, show_table
from ..scene.volume_files import SceneError
from ..scene.work_folder import WorkFolder
from ..signal import Signal
from ..texts import wording
from ..texts.report_view import ReportView
from . import ask
from .confidence_plot import PlotClicks, plot_confidence, slice_in_plot
from .panel import (
    ResourcePath,
    cell,
    cell_data,
    color_icon,
    filling,
    fit_height,
    head,
    load_ui,
    number_cell,
    show_fault,
)
from .supports_table import SupportsTable
from .verdict_line import VerdictLine, words

_WORST = 10
_PLOT_HEIGHT = 130
_REPORT = "Report (*.json)"


class ResultsPanel:
    """The panel of the result that waits to be accepted.

    Attributes:
        slice_shown: Told the index of the slice on display, or None where no result is.
    """

    def __init__(
        self,
        segmenting: Segmenting,
        library: LibraryClient,
        loading: CaseLoading,
        work: WorkFolder,
        keeping: Keeping,
        numbers: Numbers,
        resource_path: ResourcePath,
    ) -> None:
        self._segmenting = segmenting
        self._keeping = keeping
        self._library = library
        self._loading = loading
        self.slice_shown = Signal()
        self._report: ReportView | None = None
        self._slice: int | None = None
        self._follower = SliceFollower(self._slice_on_display)
        self.widget, self.ui = load_ui(resource_path, "ResultsPanel.ui")
        head(self.ui.segmentsTable, [_("Segment"), _("Volume (ml)"), _("Confidence")], stretched=0)
        head(self.ui.worstTable, [_("Slice"), _("Place"), _("Least sure of"), _("Confidence"), _("Gain")], stretched=2)
        self._clicks = PlotClicks(self.ui.plotLabel, lambda index: self._go_to(index, ""))
        self._verdict = VerdictLine(self.ui)
        self._supports = SupportsTable(
            self.ui.supportsTable, library, str(work.new()), self._load_case, lambda index: self._go_to(index, "")
        )
        self.ui.worstTable.connect("itemSelectionChanged()", self._jump)
        self.ui.resultSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self._show_take_up())
        self.ui.takeUpButton.connect("clicked()", self._take_up)
        self.ui.tableButton.connect("clicked()", lambda: numbers.ask(self._numbers_came))
        self.ui.csvButton.connect("clicked()", self._save_csv)
        self._numbers = numbers
        self.ui.show3DCheckBox.connect("toggled(bool)", self._show_3d)
        segmenting.state_changed.connect(self.update)
        self.update()

    def cleanup(self) -> None:
        """Let go of the slice views."""
        self._follower.stop()

    def update(self) -> None:
        """Show the result of the run, or none."""
        proposed, proposal = self._segmenting.state == PROPOSED, self._segmenting.proposal
        for widget in (self.ui.show3DCheckBox, self.ui.tableButton, self.ui.csvButton):
            widget.enabled = proposed
        self._show_take_up()
        # While corrections are carried on, what was known before stays on show.
        report = proposal.report if proposal is not None else {}
        if self._report is not None and self._report.is_of(report):
            return
        first_case = proposal is not None and proposal.is_first_case
        self._report = ReportView(report) if report else None
        self._slice = None
        for widget in (
            self.ui.segmentsTable,
            self.ui.plotLabel,
            self.ui.worstLabel,
            self.ui.worstTable,
            self.ui.examplesSection,
            self.ui.show3DCheckBox,
            self.ui.tableButton,
            self.ui.csvButton,
        ):
            widget.visible = self._report is not None
        self._supports.show([])
        self.ui.supportsLabel.text = _("Move through the volume to see the examples behind each slice.")
        # A first case has no library that it could be like.
        if self._report is None or first_case:
            self._verdict.show(None)
        else:
            self._verdict.show(self._report.verdict, self._report.could_be_aligned)
        if self._report is None:
            self._follower.stop()
            self.slice_shown.emit(None)
            self.ui.summaryLabel.text = _("No result waits.")
            if first_case and proposal.is_in_scene:
                self._follower.follow(proposal.volume, proposal.axis)
            return
        self._show_summary()
        self._show_segments()
        self._show_worst()
        self._show_plot()
        volume = self._segmenting.proposal.volume
        if volume is not None:
            self._follower.follow(volume, self._report.plane_axis)

    def _show_take_up(self) -> None:
        missing = self._keeping.missing(self.ui.resultSelector.currentNode())
        self.ui.takeUpButton.enabled = not missing
        self.ui.takeUpButton.toolTip = missing or _("Look at this result again, and correct it further")

    def _take_up(self) -> None:
        segmentation, report = self.ui.resultSelector.currentNode(), ""
        if not self._keeping.has_report(segmentation):
            report = ask.file_to_open(self.widget, _("Choose the report of this result"), _REPORT)
            if not report:
                return
        try:
            self._keeping.take_up(segmentation, volume_on_display(), report)
        except SceneError as error:
            show_fault(WorkerFault(str(error)))
            return
        segmentation.GetDisplayNode().SetVisibility(True)
        show_volume(self._segmenting.proposal.volume)

    def _save_csv(self) -> None:
        file = ask.file_to_save(self.widget, _("Save the numbers"), "numbers.csv", "CSV (*.csv)")
        if file:
            self._numbers.ask(lambda rows, text: save_text(Path(file), text))

    @staticmethod
    def _numbers_came(rows: list[dict[str, Any]], _text: str) -> None:
        show_table(_("Numbers of {volume}").format(volume=rows[0]["volume_id"] if rows else ""), rows)

    def _show_summary(self) -> None:
        report = self._report
        told = [_("The run took {time}. For research use only.").format(time=wording.duration(report.seconds))]
        proposal = self._segmenting.proposal
        if proposal is not None and proposal.is_first_case:
            told.insert(0, _("Filled from the slices that you drew; look at those listed below, correct, fill again."))
        elif report.verdict == "in-library":
            told.insert(0, words(report.verdict))
        if report.learned_cases:
            text = _("What the library has learned from {cases} has a part in this result.")
            told.append(text.format(cases=wording.cases(report.learned_cases)))
        if report.had_less_memory:
            told.append(_("Memory ran out on the way, and it was done again with less: look closer than usual."))
        told += wording.against_headers(report.is_backwards, report.backwards_cases, report.turned_degrees)
        cleaned = report.cleaned
        if cleaned:
            text = _("Cleaned of what no example has: {islands}, {holes}.")
            islands, holes = (sum(counts) for counts in zip(*cleaned.values(), strict=True))
            told.append(text.format(islands=wording.islands(islands), holes=wording.holes(holes)))
        self.ui.summaryLabel.text = " ".join(told)
        self.ui.summaryLabel.toolTip = "\n".join(
            _("{segment}: {islands}, {holes}").format(
                segment=name, islands=wording.islands(islands), holes=wording.holes(holes)
            )
            for name, (islands, holes) in cleaned.items()
        )

    def _show_segments(self) -> None:
        table, rows = self.ui.segmentsTable, self._report.segments()
        with filling(table, len(rows)):
            for row, (name, volume_mm3, confidence) in enumerate(rows):
                first = cell(name, name)
                first.setIcon(color_icon(self._color(name)))
                table.setItem(row, 0, first)
                table.setItem(row, 1, number_cell(f"{volume_mm3 / 1000:.2f}"))
                table.setItem(row, 2, number_cell(f"{confidence:.2f}" if volume_mm3 else _("not found")))
        fit_height(table, most_rows=8)

    def _show_worst(self) -> None:
        table, worst = self.ui.worstTable, self._report.worst(_WORST)
        volume = self._segmenting.proposal.volume
        table.blockSignals(True)
        table.clearSelection()
        with filling(table, len(worst)):
            for row, one in enumerate(worst):
                table.setItem(row, 0, number_cell(str(one.index), {"slice": one.index, "segment": one.segment}))
                place = "" if volume is None else slice_place(volume, self._report.plane_axis, one.index)
                table.setItem(row, 1, number_cell(place))
                table.setItem(row, 2, cell(one.segment))
                table.setItem(row, 3, number_cell(f"{one.confidence:.2f}"))
                table.setItem(row, 4, number_cell("" if one.gain is None else f"+{one.gain:.3f}"))
        table.setColumnHidden(4, all(one.gain is None for one in worst))
        table.blockSignals(False)
        fit_height(table, most_rows=4)

    def _show_plot(self) -> None:
        # Of a result that was refined far from the library's slices, the report may know few slices.
        indices = self._report.indices() or [0]
        lines = [(self._color(name), self._report.confidence(name)) for name, _volume, _sure in self._report.segments()]
        width = max(self.ui.segmentsTable.width, 240)
        self.ui.plotLabel.setPixmap(
            plot_confidence(
                lines, indices[0], indices[-1], self._slice, qt.QSize(width, _PLOT_HEIGHT), self.widget.palette
            )
        )
        self._clicks.slice_at = lambda x: slice_in_plot(x, indices[0], indices[-1], width)

    def _color(self, name: str) -> tuple[float, float, float]:
        proposal = self._segmenting.proposal
        if proposal is not None and proposal.segmentation is not None and name in proposal.segment_ids:
            segment = proposal.segmentation.GetSegmentation().GetSegment(proposal.segment_ids[name])
            if segment is not None:
                return segment.GetColor()
        return (0.5, 0.5, 0.5)

    def _jump(self) -> None:
        rows = self.ui.worstTable.selectionModel().selectedRows()
        if rows:
            chosen = cell_data(self.ui.worstTable, rows[0].row())
            self._go_to(chosen["slice"], chosen["segment"])

    def show_next(self) -> None:
        """Show the next of the slices to look at first; after the last one the first again."""
        table = self.ui.worstTable
        if self._report is not None and table.rowCount:
            rows = table.selectionModel().selectedRows()
            table.selectRow((rows[0].row() + 1) % table.rowCount if rows else 0)

    def _go_to(self, index: int, segment: str) -> None:
        """Show a slice in all views, at the middle of a segment where it is known."""
        proposal = self._segmenting.proposal
        if proposal is None or self._report is None or not proposal.is_in_scene:
            return
        segment_id = proposal.segment_ids.get(segment, "")
        voxel = slice_centre(proposal.segmentation, segment_id, proposal.volume, self._report.plane_axis, index)
        jump_to_voxel(proposal.volume, voxel)

    def _slice_on_display(self, index: int) -> None:
        if index == self._slice:
            return
        self._slice = index
        if self._report is None:
            self.slice_shown.emit(index)
            return
        self._show_plot()
        supports = self._report.supports(index)
        self.ui.supportsLabel.text = self._about_supports(index, bool(supports))
        self._supports.show(supports, not self._by_server())
        self.slice_shown.emit(index)

    def _about_supports(self, index: int, any_supports: bool) -> str:
        if any_supports and self._by_server():
            return _("Slice {index} was drawn from these cases of the server's library:").format(index=index)
        if any_supports:
            return _("Slice {index} was drawn from these; double-click to load a case:").format(index=index)
        if index in self._report.corrected:
            return _("Slice {index} was corrected by you.").format(index=index)
        return _("Nothing was found on slice {index}.").format(index=index)

    def _by_server(self) -> bool:
        proposal = self._segmenting.proposal
        return proposal is not None and is_on_server(proposal.settings.get("folder", ""))

    def _load_case(self, name: str) -> None:
        state = self._library.state
        ids = [case.id for case in state.cases if case.name == name] if state is not None else []
        if ids:
            self._loading.load(ids[0], lambda _name: None)

    def _show_3d(self, shown: bool) -> None:
        proposal = self._segmenting.proposal
        if proposal is None or proposal.segmentation is None:
            return
        if shown:
            proposal.segmentation.CreateClosedSurfaceRepresentation()
        else:
            proposal.segmentation.RemoveClosedSurfaceRepresentation()
