"""What commands that read and write DICOM have in common, and `retrievalsam export-dicom`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...volumes import Segmentation

Series = Annotated[
    str | None,
    typer.Option(
        "--series", help="Of DICOM: number, UID or description of the series to read, where a folder has several."
    ),
]
Straighten = Annotated[
    bool,
    typer.Option(
        "--straighten", help="Of DICOM: resample gantry tilt and uneven distances of slices to a straight grid."
    ),
]
_DICOM = ".dcm"


def export_dicom(
    result: Annotated[Path, typer.Argument(help="A segmentation of the series: .seg.nrrd or a label map.")],
    image: Annotated[
        Path, typer.Option(help="The DICOM series that it belongs to: its folder, or a multi-frame file.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The DICOM SEG to write, OUT.dcm.")],
    series: Series = None,
    straighten: Straighten = False,
    library: Annotated[
        Path | None, typer.Option(help="Support library: names, colours and codes for the values of a label map.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Report of the `segment` or `refine` that made it: names the model.")
    ] = None,
) -> None:
    """Write a result that is there as a DICOM SEG, for an archive or a viewer."""
    from ...library.segments import with_library_names
    from ...library.store import SupportLibrary
    from ...volumes import fit_to_grid, read_segmentation, read_volume
    from ...volumes.formats.dicom.seg.export import check_dicom_output

    check_dicom_output(output, image)
    volume = read_volume(image, series=series, straighten=straighten)
    drawn = read_segmentation(result, grid=volume.geometry)
    drawn = fit_to_grid(drawn, str(result), volume.geometry, str(image))
    if library is not None:
        drawn = with_library_names(drawn, SupportLibrary.open(library).segments())
    model, automatic = ("", False) if report is None else _made_by(report)
    write_result(drawn, output, image, series=series, model=model, automatic=automatic)
    print(f"wrote {output}: {', '.join(drawn.names)}")


def check_result_output(output: Path, image: Path) -> None:
    """Refuse an output that cannot be written, before long work.

    Raises:
        InputError: Its format or folder is wrong, or it is a DICOM SEG of an image that is no DICOM.
    """
    from ...volumes import check_output

    if output.suffix.lower() == _DICOM:
        from ...volumes.formats.dicom.seg.export import check_dicom_output

        check_dicom_output(output, image)
    else:
        check_output(output)


def write_result(
    segmentation: Segmentation, output: Path, image: Path, *, series: str | None, model: str, automatic: bool
) -> None:
    """Write a result in the format that its name says.

    Args:
        segmentation: On the image's grid.
        output: The file.
        image: What was segmented, which a DICOM SEG refers to.
        series: Of the image, where it has several.
        model: That segmented it.
        automatic: Whether nobody had a hand in it.

    Raises:
        InputError: It cannot be written.
    """
    if output.suffix.lower() != _DICOM:
        from ...volumes import write_segmentation

        write_segmentation(segmentation, output)
        return
    from ...volumes.formats.dicom.seg.export import write_dicom_segmentation
    from ...volumes.formats.dicom.seg.seg_writing import Algorithm

    write_dicom_segmentation(segmentation, output, image, Algorithm(model, automatic), series=series)


def _made_by(report: Path) -> tuple[str, bool]:
    """The model that a report names, and whether nobody corrected what it drew."""
    from ...segmentation.output.report import read_report

    told = read_report(report)
    return told.model.name, told.refinement is None
