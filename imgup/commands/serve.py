"""`imgup serve`."""

import importlib.util
import os
import sys

import click


@click.command()
@click.option("--host", help="Where to listen; the same as HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="The same as PORT; 0 takes a free one.")
def serve(host: str | None, port: int | None) -> None:
    """Start the service in place of this command, with its settings from the environment."""
    if importlib.util.find_spec("service") is None:
        raise click.UsageError(
            "The service is not installed in this environment; only its client is."
        )
    environ = dict(os.environ)
    if host is not None:
        environ["HOST"] = host
    if port is not None:
        environ["PORT"] = str(port)
    # The same process: a signal to it is then the service's own.
    command = [sys.executable, "-m", "service"]
    os.execve(sys.executable, command, environ)  # noqa: S606 - no shell is wanted
