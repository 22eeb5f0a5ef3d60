"""The networks of a command, with a note for the user where they are not the usual ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError

if TYPE_CHECKING:
    from ..segmentation.pipeline import Models
    from ..volumes import Volume


AcceptLicence = Annotated[
    str | None,
    typer.Option("--accept-licence", help="sam3: its licence is shown, and accepted for good on this computer."),
]
Model = Annotated[str, typer.Option(help="bundled, sam2.1-tiny, -small, -base-plus, -large; or sam3 (--checkpoint).")]
CheckpointOption = Annotated[
    Path | None,
    typer.Option("--checkpoint", help="Weights of this model's shapes from a file; of sam3 their folder."),
]


def settle_model(model: str, checkpoint: Path | None, accept: str | None, preset: str | None = None) -> None:
    """Refuse a model that cannot be had, and settle its licence, before anything else is done.

    A licence that was not accepted here is shown. It is accepted by the option, or by whoever sits at the terminal.

    Args:
        model: Name of the segmenter.
        checkpoint: Weights of it from a file.
        accept: What `--accept-licence` names.
        preset: Of the run, if it has one.

    Raises:
        InputError: The preset is not for this model, or the option names other weights.
        ModelError: The model is unknown, needs a checkpoint, or its licence is not accepted.
    """
    from ..models import licences
    from ..segmentation.settings.networks import check_model

    check_model(model, checkpoint, preset)
    licence = licences.LICENCES.get(model)
    if accept is not None and (licence is None or accept != model):
        named = ", ".join(licences.LICENCES)
        fact = f"'{accept}' with --model {model}: there is no licence to accept"
        raise InputError("--accept-licence", fact, f"It goes with --model {named}; leave it out with other models.")
    if licence is None or licences.acceptance_of(model) is not None:
        return
    print(licence.in_words(), file=sys.stderr)
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if accept == model or (at_terminal and typer.confirm("Have you read it, and do you accept it?", err=True)):
        accepted = licences.accept(model)
        print(f"accepted on {accepted.accepted_on}; kept in the folder of weights", file=sys.stderr)
    licences.require_accepted(model)


def load_models(
    model: str,
    encoder: str | None,
    *,
    checkpoint: Path | None = None,
    image_size: int | None = None,
    device: str = "cpu",
    target: Volume | None = None,
) -> Models:
    """The segmenter and the encoder of a command; see `segmentation.networks`.

    Args:
        model: Name of the segmenter.
        encoder: Name of the encoder; by default the one that goes with the segmenter.
        checkpoint: Weights of the segmenter from a file.
        image_size: Pixels a side.
        device: Where to run.
        target: The volume, whose slices decide the image size.
    """
    from ..models.catalogue import BUNDLED
    from ..segmentation.settings import networks

    if encoder is None:
        encoder = networks.encoder_for(model)
        if encoder == BUNDLED != model:
            print(
                f"note: DINOv2's weights are not installed (retrievalsam models download {networks.DINOV2}); "
                "slices are compared by the bundled encoder",
                file=sys.stderr,
            )
    if image_size is None and target is not None:
        image_size = networks.image_size_for(model, target.geometry.size)
    return networks.load_models(model, encoder, checkpoint=checkpoint, image_size=image_size, device=device)
