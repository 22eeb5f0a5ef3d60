"""The command `retrievalsam`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
import typer.core

from .. import NOTICE, __version__
from ..errors import InputError, RetrievalSAMError, refused_by_the_system
from ..out_of_memory import REMEDY, is_out_of_memory
from .commands import (
    batch,
    benchmark,
    demo,
    dicom,
    doctor,
    evaluate,
    library,
    library_review,
    library_tune,
    models,
    refine,
    segment,
    serve,
    start,
)
from .error_log import keep
from .terminal import spoken

NAME = "retrievalsam"


class _Command(typer.core.TyperCommand):
    """A command whose help names the kind of one value where several may be given, not Python's type of a list."""

    def __init__(self, name: str | None, **given: Any) -> None:
        super().__init__(name, **given)
        for parameter in self.params:
            kind = getattr(parameter, "display_type", None)
            if kind is not None:  # of the Typer that shows types at all
                vars(parameter)["display_type"] = functools.partial(_kind_of_one, kind)


def _kind_of_one(kind: Callable[[Any], str], context: Any) -> str:
    """What Typer calls a parameter's type, in words for people: `<list[Path]>` is any number of paths."""
    told = kind(context)
    found = re.fullmatch(r"<list\[(\w+)\]>", told)
    return told if found is None else f"<{found[1].lower()}>..."


def _several_as_one(apps: Sequence[typer.Typer]) -> None:
    for one in apps:
        for command in one.registered_commands:
            command.cls = _Command


app = typer.Typer(
    name=NAME,
    help=f"Few-shot segmentation of medical volumes from a library of annotated cases. {NOTICE}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
library.app.command()(library_review.review)
library.app.command()(library_review.suggest)
library.app.command()(library_review.learn)
library.app.command()(library_tune.tune)
app.add_typer(library.app, name="library")
app.add_typer(models.app, name="models")
app.command()(start.start)
app.command()(segment.segment)
app.command()(refine.refine)
app.command()(batch.batch)
app.command()(evaluate.evaluate)
app.command()(dicom.export_dicom)
app.command()(benchmark.benchmark)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.command()(serve.serve)
_several_as_one([app, library.app, models.app])


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    quiet: bool = typer.Option(  # for the help: `terminal.spoken` takes it out, wherever it stands
        False, "--quiet", help="Of any command: say nothing but warnings and errors."
    ),
) -> None:
    if version:
        typer.echo(f"retrievalsam {__version__}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done; 2 the input is wrong, and the message says which, why and what to do; 1 anything else, with a log
        file named; what a shell expects where the user stopped it.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(logging.Formatter("warning: %(message)s"))
    try:
        with spoken(sys.argv[1:] if arguments is None else arguments) as words:
            app(args=words, prog_name=NAME)
        return 0
    except SystemExit as end:  # the command line's own answers: help, a wrong option, typer.Exit
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RetrievalSAMError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if is_out_of_memory(error):
            print(f"error: memory: there is not enough of it for these settings. {REMEDY}", file=sys.stderr)
            return 1
        refused = refused_by_the_system(error) if isinstance(error, OSError) else None
        if refused is not None:
            print(f"error: {refused}", file=sys.stderr)
            return 2
        print(f"error: something unexpected went wrong ({type(error).__name__}). {keep(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
