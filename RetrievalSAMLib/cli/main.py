"""The command `retrievalsam`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone
from pathlib import Path

import typer

from .. import NOTICE, __version__
from ..errors import InputError, RetrievalSAMError, refused_by_the_system
from ..out_of_memory import REMEDY, is_out_of_memory
from ..tracebacks import told_without_data
from . import batch, benchmark, demo, doctor, evaluate, library, library_review, models, refine, segment, serve

app = typer.Typer(
    name="retrievalsam",
    help=f"Few-shot segmentation of medical volumes from a library of annotated cases. {NOTICE}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
library.app.command()(library_review.review)
library.app.command()(library_review.suggest)
app.add_typer(library.app, name="library")
app.add_typer(models.app, name="models")
app.command()(segment.segment)
app.command()(refine.refine)
app.command()(batch.batch)
app.command()(evaluate.evaluate)
app.command()(benchmark.benchmark)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.command()(serve.serve)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
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
        app(args=arguments)
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
        print(
            f"error: something unexpected went wrong ({type(error).__name__}). The details are in "
            f"{_write_log(error)}; please report them.",
            file=sys.stderr,
        )
        return 1


def _write_log(error: Exception) -> Path:
    """The traceback in a file of the user's log folder: lines of code, and nothing that a patient could be known by."""
    from platformdirs import user_log_path

    moment = datetime.now(timezone.utc)
    path = user_log_path("retrievalsam", ensure_exists=True) / f"error-{moment:%Y%m%d-%H%M%S-%f}.log"
    path.write_text(f"retrievalsam {__version__}\n{told_without_data(error)}", encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
