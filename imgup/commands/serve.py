"""`imgup serve`."""

import importlib.util
import os
import sys
from pathlib import Path

import click

from imgup.exit_codes import ExitCode

_ONLY_THE_CLIENT = (
    "Only the client is installed here; for the service: pip install 'imgup[service]'"
)


@click.command()
@click.option("--host", help="Where to listen; the same as HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="The same as PORT; 0 takes a free one.")
def serve(host: str | None, port: int | None) -> None:
    """Start the service in place of this command; its settings are environment variables."""
    # The service's code is always installed, its requirements are not; falcon is one of them.
    if importlib.util.find_spec("falcon") is None:
        click.echo(_ONLY_THE_CLIENT, err=True)
        click.get_current_context().exit(ExitCode.USAGE)
    environ = dict(os.environ)
    if host is not None:
        environ["HOST"] = host
    if port is not None:
        environ["PORT"] = str(port)
    if Path.cwd() != Path(__file__).parents[2]:
        # `-m` would take a folder `service` of the current one, as would the service's children.
        environ["PYTHONSAFEPATH"] = "1"
    # In the same process, so that signals reach the service.
    command = [sys.executable, "-m", "service"]
    os.execve(sys.executable, command, environ)  # noqa: S606 - no shell needed
