"""`imgup upload`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from imgup.client import Client
from imgup.commands.waiting import watch_job
from imgup.errors import InvalidUrlsError
from imgup.exit_codes import ExitCode
from imgup.link_formats import FORMATS, render_links
from imgup.models import FAILED, Result
from imgup.screen import Screen
from imgup.service_access import asks_the_service
from imgup.url_list import Entry, SetAside, UrlListError, read_list, sort_out

_STDIN = "-"


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL|-]...")
@click.option(
    "-f",
    "--file",
    "files",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    multiple=True,
    help="A file with one URL a line, or a JSON array; - is stdin.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="How links are printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the job as one JSON document.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and do not wait for its end.")
@click.option("--album", help="The album at Imgur that the images go to.")
@click.option("--title", help="Of each image; {number}, {count}, {name}, {host} are filled in.")
@click.option("--description", help="Of each image, like the title.")
@click.option("--priority", type=click.Choice(("low", "normal", "high")))
@click.option("--callback-url", help="A URL that is told when the job is complete.")
@asks_the_service
def upload(
    client: Client,
    screen: Screen,
    /,
    *,
    urls: tuple[str, ...],
    files: tuple[str, ...],
    form: str | None,
    as_json: bool,
    no_wait: bool,
    **options: Any,  # noqa: ANN401 - handed on to the client, which has their types
) -> int:
    """Upload images, and print their links in the order of the URLs.

    URLs come as arguments, from files (-f) or from stdin (-): one a line, blank lines and lines
    that begin with # left out; or as a JSON array, or {"urls": [...]}. Entries that are no http or
    https URLs are set aside and named; the rest is uploaded. Duplicates count once.
    """
    if form is not None and (as_json or no_wait):
        raise click.UsageError("--format is for links, and --json and --no-wait print none.")
    good, aside = _read(urls, files)
    for bad in aside:
        screen.warn(f"set aside: {bad.entry.place}: {bad.shown}: {bad.why}")
    if not good:
        raise click.UsageError("There is no URL to upload.")
    try:
        job = client.submit([entry.value for entry in good], **options)
    except InvalidUrlsError as error:
        _name_places(screen, error, good)
        raise
    if no_wait:
        if as_json:
            screen.out_json({"jobId": job.id, "setAside": _listed(aside)})
        else:
            screen.out(job.id)
        return ExitCode.SOME_FAILED if aside else ExitCode.OK
    screen.note(f"job {job.id}")
    watch_job(screen, job)
    if as_json:
        status = job.status()
        results = list(status.results)
        screen.out_json({**status.raw, "setAside": _listed(aside)})
    else:
        results = list(job.results())
        for line in render_links(results, form or FORMATS[0]):
            screen.out(line)
    return _conclude(screen, results, aside)


def _read(urls: tuple[str, ...], files: tuple[str, ...]) -> tuple[list[Entry], list[SetAside]]:
    try:
        return sort_out([*_entries_of(urls), *_entries_in(files)])
    except UrlListError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"The list cannot be read: {error.strerror}.") from error


def _entries_of(urls: tuple[str, ...]) -> Iterator[Entry]:
    for number, url in enumerate(urls, 1):
        if url == _STDIN:
            yield from _entries_in((url,))
        else:
            yield Entry(url, f"argument {number}")


def _entries_in(files: tuple[str, ...]) -> Iterator[Entry]:
    for path in files:
        if path == _STDIN:
            yield from read_list(sys.stdin.buffer.read(), "stdin")
        else:
            yield from read_list(Path(path).read_bytes(), path)


def _name_places(screen: Screen, error: InvalidUrlsError, sent: list[Entry]) -> None:
    for bad in error.errors:
        known = bad.index is not None and 0 <= bad.index < len(sent)
        place = sent[bad.index].place if known and bad.index is not None else "somewhere"
        screen.warn(f"refused: {place}: {bad.value}: {bad.detail}")


def _listed(aside: list[SetAside]) -> list[dict[str, str]]:
    return [{"place": bad.entry.place, "value": bad.shown, "why": bad.why} for bad in aside]


def _conclude(screen: Screen, results: list[Result], aside: list[SetAside]) -> int:
    failed = [result for result in results if result.state == FAILED]
    for result in failed:
        screen.warn(f"failed: {result.url}: {result.message} ({result.reason})")
    words = [f"{len(results) - len(failed)} uploaded"]
    if failed:
        words.append(f"{len(failed)} failed")
    if aside:
        words.append(f"{len(aside)} set aside")
    screen.note(", ".join(words))
    return ExitCode.SOME_FAILED if failed or aside else ExitCode.OK
