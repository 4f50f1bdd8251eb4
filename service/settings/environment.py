"""Reads `Settings` from the environment; no other module reads it."""

import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from os.path import abspath
from pathlib import Path
from typing import get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from service.settings.settings import Settings

_SECRETS = frozenset(
    field.upper() for field, info in Settings.model_fields.items() if not info.repr
)
_FILE_SUFFIX = "_FILE"
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")  # as `tempfile` reads them
_USUAL_TEMPORARY_DIRECTORY = "/tmp"  # noqa: S108 - a name to compare
_LONGEST_SECRET_FILE = 65_536  # bytes; a larger file is a wrong path
_LONGEST_VALUE_SHOWN = 60


class SettingsError(Exception):
    """A setting is invalid; the text is one line with its name and the expected value."""


def ignored_proxies(environ: Mapping[str, str]) -> list[str]:
    """Return the proxy variables that are set in the environment, which have no effect."""
    names = [name for usual in _PROXY_VARIABLES for name in (usual, usual.lower())]
    return [name for name in names if environ.get(name)]


def temporary_directory_instead(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the temporary directory that cannot be written, TMPDIR or the usual one, and the one
    that is used in its place; None if it can be.

    Raises:
        SettingsError: no temporary directory can be written.
    """
    try:
        used = tempfile.gettempdir()
    except FileNotFoundError as error:
        raise SettingsError(
            f"TMPDIR: {error.strerror}: all are full, missing or read-only"
        ) from None
    wanted = next(filter(None, map(environ.get, _TEMPORARY_VARIABLES)), _USUAL_TEMPORARY_DIRECTORY)
    # By text, as the module does it: "." and names with ".." are no other directories.
    return (wanted, used) if abspath(wanted) != abspath(used) else None  # noqa: PTH100


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check all settings.

    Other variables are ignored; an empty one counts as not set. A secret X may be given as X_FILE,
    the path of a file that contains it.

    Raises:
        SettingsError: a setting is invalid.
    """
    given = {}
    for field in Settings.model_fields:
        name = field.upper()
        value = environ.get(name, "").strip()
        if name in _SECRETS and (path := environ.get(name + _FILE_SUFFIX, "").strip()):
            if value:
                raise SettingsError(f"{name} and {name}_FILE are both set: unset one of them")
            value = _read_secret_file(name + _FILE_SUFFIX, path)
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            # As of `docker run --env-file`; a key would start and be no client's.
            raise SettingsError(f"{name}: the quotes around it are part of the value: omit them")
        if value:
            given[field] = value
    try:
        return Settings(**given)  # type: ignore[arg-type]  # text, turned into values by the model
    except ValidationError as error:
        # From None: the cause contains the values, and secrets among them.
        raise SettingsError("; ".join(_complaints(error.errors(), given))) from None


def withhold_secrets(environ: MutableMapping[str, str]) -> None:
    """Remove the secrets from an environment, which child processes would inherit.

    A worker receives those that it needs; the sandbox and the Manager need none.
    """
    for name in _SECRETS:
        environ.pop(name, None)


def expected(field: FieldInfo) -> str:
    """Return what a field expects, for people: its description, or its choices."""
    if field.description:
        return field.description
    *first, last = get_args(field.annotation)
    return f"{', '.join(first)} or {last}"


def _read_secret_file(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST_SECRET_FILE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise SettingsError(f"{name}={_shorten(path)}: the file cannot be read ({why})") from None
    try:
        text = content.decode("utf-8-sig").strip()  # as editors of Windows write it
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > _LONGEST_SECRET_FILE:
        raise SettingsError(f"{name}={_shorten(path)}: expected a file that holds one secret")
    return text


def _complaints(errors: list[ErrorDetails], given: Mapping[str, str]) -> Iterator[str]:
    fields = dict.fromkeys(str(error["loc"][0]) for error in errors if error["loc"])
    for field in fields:
        # The list has defaults derived from an invalid field too; only the cause matters.
        if field in given:
            name, value = field.upper(), given[field]
            # A URL with a password is a secret as well.
            shown = "" if name in _SECRETS or "@" in value else f"={_shorten(value)}"
            yield f"{name}{shown}: expected {expected(Settings.model_fields[field])}"
    yield from (str(error["ctx"]["error"]) for error in errors if not error["loc"])


def _shorten(value: str) -> str:
    shown = value if len(value) <= _LONGEST_VALUE_SHOWN else value[:_LONGEST_VALUE_SHOWN] + "…"
    return repr(shown)
