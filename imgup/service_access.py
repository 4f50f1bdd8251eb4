"""The service that a command uses, and its key."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from imgup.service_url import DEFAULT_URL

if TYPE_CHECKING:
    from imgup.client import Client
    from imgup.connection import Delay
    from imgup.screen import Screen

_KEY = "IMGUP_API_KEY"
_KEY_FILE = "IMGUP_API_KEY_FILE"
_WORTH_SAYING_SECONDS = 1.0

_P = ParamSpec("_P")


def uses_the_service(
    command: Callable[Concatenate["Client", "Screen", _P], int],
) -> Callable[_P, None]:
    """Make a command of a function that gets a client and a screen, and returns the exit code."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        from imgup.screen import Screen  # noqa: PLC0415 - the help does not need rich

        context, screen = click.get_current_context(), Screen()
        with _client(context.obj, screen) as client:
            code = command(client, screen, *args, **kwargs)
            if client.sandbox:
                screen.warn("sandbox: nothing was sent to Imgur")
        context.exit(code)

    return click.option(
        "--url",
        envvar="IMGUP_URL",
        show_envvar=True,
        default=DEFAULT_URL,
        show_default=True,
        expose_value=False,
        callback=lambda context, _option, url: setattr(context, "obj", url),
        help="The service's address.",
    )(run)


def api_key(environ: Mapping[str, str]) -> str | None:
    """Return the key from the environment or its file; others could see an argument.

    Raises:
        click.UsageError: both are set, or the file has no key.
    """
    value, path = environ.get(_KEY, "").strip(), environ.get(_KEY_FILE, "").strip()
    if not path:
        return value or None
    if value:
        raise click.UsageError(f"{_KEY} and {_KEY_FILE} are both set: unset one of them.")
    try:
        key = Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key:
        raise click.UsageError(f"{_KEY_FILE}: expected a file that can be read and holds one key.")
    return key


def _client(url: str, screen: "Screen") -> "Client":
    from imgup.client import Client  # noqa: PLC0415 - nor requests and pydantic

    def warn(delay: "Delay") -> None:
        if delay.seconds >= _WORTH_SAYING_SECONDS:
            screen.warn(f"{delay.why} Trying again in {delay.seconds:.0f} s.")

    try:
        return Client(url, api_key(os.environ), on_delay=warn)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
