"""The command line."""

import io
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from imgup.commands.jobs import cancel, delete, limits, links, list_jobs, retry, status
from imgup.commands.serve import serve
from imgup.commands.upload import upload
from imgup.errors import ImgupError, NotOfferedError
from imgup.exit_codes import MEANINGS, ExitCode, exit_code_of
from imgup.version import VERSION


class _Commands(click.Group):
    """Maps the errors of commands to exit codes."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as the class it extends
        try:
            try:
                return super().invoke(ctx)
            finally:
                # Here, as a closed pipe at the interpreter's end would print a traceback.
                sys.stdout.flush()
        except ImgupError as error:
            from imgup.screen import Screen  # noqa: PLC0415 - the help does not need rich

            screen = Screen()
            screen.error(str(error))
            if isinstance(error, NotOfferedError):
                screen.note("The service does not offer this; it may be older than this command.")
            ctx.exit(exit_code_of(error))
        except click.UsageError as error:
            with suppress(OSError):  # as for all notes; click would end with 1
                error.show()
            ctx.exit(ExitCode.USAGE)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(ExitCode.READER_GONE)
        except OSError as error:  # those of the service and of files are none here
            _drop_output()
            with suppress(OSError):  # stderr may be on the same disk
                click.echo(f"imgup: The output cannot be written: {error.strerror}.", err=True)
            ctx.exit(ExitCode.READER_GONE)
        except KeyboardInterrupt:
            ctx.exit(ExitCode.INTERRUPTED)


@click.group(
    cls=_Commands,
    epilog=MEANINGS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
def cli() -> None:
    """Upload lists of image URLs to Imgur through an imgup service.

    \b
    IMGUP_URL           the service's address (http://127.0.0.1:8000)
    IMGUP_API_KEY       the key, if the service requires one;
    IMGUP_API_KEY_FILE  or a file that holds it
    """  # noqa: D301 - \b is the character that keeps a paragraph's lines as they are


for command in (upload, status, list_jobs, links, cancel, retry, delete, limits, serve):
    cli.add_command(command)


def main() -> None:
    """Run one command and exit."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal without these characters shows escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="imgup")
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED and os.name == "posix":
            # A shell ends its script or loop only if the signal ended the command; $? is the same.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        raise


def _open_closed_streams() -> None:
    """Open the null device in place of a stream that the caller has closed (`>&-`)."""
    # In the order of their descriptors, which no connection gets then.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
