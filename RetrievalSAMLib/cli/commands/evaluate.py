"""`retrievalsam evaluate`: how well a segmentation agrees with a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..inputs import GridOption, grid_of, tell
from ..terminal import check_json_output, print_table, write_json


def evaluate(
    prediction: Annotated[Path, typer.Argument(help="The segmentation to judge.")],
    reference: Annotated[Path, typer.Argument(help="The segmentation that is taken as true.")],
    grid: GridOption = "own",
    json: Annotated[Path | None, typer.Option("--json", help="Write the scores as JSON.")] = None,
) -> None:
    """Dice, HD95, ASSD and volume difference by segment, on whole volumes, in mm."""
    from dataclasses import asdict

    from ...evaluation.metrics import evaluate as score
    from ...volumes import read_segmentation
    from ...volumes.display.units import volume_text

    check_json_output(json)
    predicted, true = read_segmentation(prediction), read_segmentation(reference)
    for path, one in ((prediction, predicted), (reference, true)):
        tell(path, one.notes)
    scores = score(predicted, true, prediction_name=str(prediction), reference_name=str(reference), grid=grid_of(grid))
    print_table(
        ("segment", "Dice", "HD95 (mm)", "ASSD (mm)", "volume difference"),
        [
            (
                s.name,
                f"{s.dice:.3f}",
                _or_dash(s.hd95_mm),
                _or_dash(s.assd_mm),
                volume_text(s.volume_difference_mm3, "+"),
            )
            for s in scores
        ],
    )
    if json is not None:
        write_json(json, {"segments": [asdict(s) for s in scores]})


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
