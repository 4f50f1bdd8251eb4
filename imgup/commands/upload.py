"""`imgup upload`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from imgup.errors import InvalidUrlsError
from imgup.exit_codes import ExitCode
from imgup.link_formats import FORMATS, render_links
from imgup.service_access import uses_the_service
from imgup.url_list import Entry, SetAside, UrlListError, read_list, sort_out

if TYPE_CHECKING:
    from imgup.client import Client, Job
    from imgup.models import Result
    from imgup.screen import Screen

_STDIN = "-"


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL|-]...")
@click.option(
    "-f",
    "--file",
    "files",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    multiple=True,
    help="A file with one URL a line, a JSON array, or a table (.csv, .tsv); - is stdin.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="How links are printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the job as one JSON document.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and do not wait for its end.")
@click.option("--album", help="The album at Imgur that the images go to.")
@click.option(
    "--new-album", metavar="TITLE", help="Create an album for the images, in their order."
)
@click.option("--title", help="Of each image; {number}, {count}, {name}, {host} are filled in.")
@click.option("--description", help="Of each image, like the title.")
@click.option("--priority", type=click.Choice(("low", "normal", "high")))
@click.option(
    "--resolve-pages/--no-resolve-pages",
    default=None,
    help="Follow links to pages to the image that the page names; the service's setting else.",
)
@click.option("--callback-url", help="A URL that gets a webhook when the job is complete.")
@click.option(
    "--convert/--no-convert",
    default=None,
    help="Whether images that Imgur refuses are converted; they are, where the service does that.",
)
@uses_the_service
def upload(
    client: "Client",
    screen: "Screen",
    /,
    *,
    urls: tuple[str, ...],
    files: tuple[str, ...],
    form: str | None,
    as_json: bool,
    no_wait: bool,
    new_album: str | None,
    **options: Any,  # noqa: ANN401 - handed on to the client, which has their types
) -> int:
    """Upload images, and print their links in the order of the URLs.

    URLs come as arguments, from files (-f) or from stdin (-): one a line, blank lines and lines
    that begin with # left out; or as a JSON array, or {"urls": [...]}. Entries that are neither
    http or https URLs nor data URLs are set aside and named; the rest is uploaded. Duplicates count
    once.
    """
    if form is not None and (as_json or no_wait):
        raise click.UsageError("--format is for links, and --json and --no-wait print none.")
    options["album"] = _album(options["album"], new_album)
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
    except KeyboardInterrupt:
        screen.warn("interrupted; the service may have taken the job. See: imgup list")
        raise
    if no_wait:
        if as_json:
            screen.out_json({"jobId": job.id, "setAside": _listed(aside)})
        else:
            screen.out(job.id)
        return ExitCode.SOME_FAILED if aside else ExitCode.OK
    screen.note(f"job {job.id}")
    screen.watch(job)
    _tell_album(screen, job, new_album)
    if as_json:
        status = job.status()
        results = list(status.results)
        screen.out_json({**status.raw, "setAside": _listed(aside)})
    else:
        results = list(job.results())
        for line in render_links(results, form or FORMATS[0]):
            screen.out(line)
    return _conclude(screen, results, aside)


def _album(known: str | None, new: str | None) -> str | dict[str, str] | None:
    if known is not None and new is not None:
        raise click.UsageError("Give either --album or --new-album.")
    if new is None:
        return known
    return {"title": new} if new else {}


def _tell_album(screen: "Screen", job: "Job", new_album: str | None) -> None:
    album = None if new_album is None else job.client.status(job.id, limit=1).album
    if album is not None and album.link is not None:
        screen.note(f"album {album.link}")
    if album is not None and album.message is not None:
        screen.warn(f"album: {album.message} ({album.reason})")


def _read(urls: tuple[str, ...], files: tuple[str, ...]) -> tuple[list[Entry], list[SetAside]]:
    try:
        return sort_out(_entries(urls, files))
    except UrlListError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"The list cannot be read: {error.strerror}.") from error


def _entries(urls: tuple[str, ...], files: tuple[str, ...]) -> Iterator[Entry]:
    for number, url in enumerate(urls, 1):
        if url == _STDIN:
            yield from _entries_in(url)
        else:
            yield Entry(url, f"argument {number}")
    for path in files:
        yield from _entries_in(path)


def _entries_in(path: str) -> Iterator[Entry]:
    with click.open_file(path, "rb") as file:
        return read_list(file.read(), "stdin" if path == _STDIN else path)


def _name_places(screen: "Screen", error: InvalidUrlsError, sent: list[Entry]) -> None:
    places = {index: entry.place for index, entry in enumerate(sent)}
    for bad in error.errors:
        place = "somewhere" if bad.index is None else places.get(bad.index, "somewhere")
        screen.warn(f"refused: {place}: {bad.value}: {bad.detail}")


def _listed(aside: list[SetAside]) -> list[dict[str, str]]:
    return [{"place": bad.entry.place, "value": bad.shown, "why": bad.why} for bad in aside]


def _conclude(screen: "Screen", results: "list[Result]", aside: list[SetAside]) -> int:
    failed = [result for result in results if result.state == "failed"]
    for result in failed:
        screen.warn(f"failed: {result.url}: {result.message} ({result.reason})")
    words = [f"{len(results) - len(failed)} uploaded"]
    if failed:
        words.append(f"{len(failed)} failed")
    if aside:
        words.append(f"{len(aside)} set aside")
    screen.note(", ".join(words))
    return ExitCode.SOME_FAILED if failed or aside else ExitCode.OK
