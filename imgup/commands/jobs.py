"""Commands that show jobs, images and limits, and those that change jobs."""

import re
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from imgup.exit_codes import ExitCode
from imgup.service_access import uses_the_service

if TYPE_CHECKING:
    from imgup.client import Client
    from imgup.models import Album, Allowance, JobStatus, Result
    from imgup.screen import Screen

_STATUSES = ("pending", "in-progress", "complete")
_LARGEST_PAGE = 1000


def _check_job(_context: click.Context, _argument: click.Parameter, job_id: str) -> str:
    # An unset variable, or a URL or path: the service's answer would mislead.
    if re.fullmatch(r"[\w-]+", job_id, re.ASCII) is None:
        raise click.BadParameter(f"{job_id!r} is not the id of a job.")
    return job_id


_takes_job = click.argument("job_id", metavar="JOB", callback=_check_job)


@click.command()
@_takes_job
@click.option("--follow", is_flag=True, help="Wait until the job is complete.")
@click.option("--json", "as_json", is_flag=True, help="Print the service's answer.")
@uses_the_service
def status(client: "Client", screen: "Screen", *, job_id: str, follow: bool, as_json: bool) -> int:
    """Show the state of a job: a head, then a line for each of its URLs.

    The exit code is 1 if any of them has failed so far.
    """
    job = client.job(job_id)
    if follow:
        screen.watch(job)
    found = job.status()
    if as_json:
        screen.out_json(dict(found.raw))
    else:
        _show_job(screen, found)
    return ExitCode.SOME_FAILED if found.counts.failed else ExitCode.OK


@click.command("list")
@click.option("--status", "wanted", type=click.Choice(_STATUSES), help="Only jobs of this status.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@uses_the_service
def list_jobs(
    client: "Client", screen: "Screen", *, wanted: str | None, limit: int, as_json: bool
) -> int:
    """List jobs, newest first: id, status, creation, and how many are uploaded, failed, in all."""
    jobs = islice(client.jobs(status=wanted, page_size=min(limit, _LARGEST_PAGE)), limit)
    if as_json:
        screen.out_json({"jobs": [dict(job.raw) for job in jobs]})
        return ExitCode.OK
    for job in jobs:
        state = "cancelled" if job.cancelled else job.status
        counts = job.counts
        screen.out(
            f"{job.id}  {state:11}  {shown_time(job.created)}  "
            f"{counts.complete:>6} {counts.failed:>6} {counts.total:>6}"
        )
    return ExitCode.OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@uses_the_service
def links(client: "Client", screen: "Screen", *, as_json: bool) -> int:
    """Print the links of all images of all jobs, in order of completion."""
    if as_json:
        screen.out_json({"uploaded": list(client.links())})
    else:
        for link in client.links():
            screen.out(link)
    return ExitCode.OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the service's answer.")
@uses_the_service
def limits(client: "Client", screen: "Screen", *, as_json: bool) -> int:
    """Show Imgur's limits, as the service last received them, and the service's own budget.

    The budget counts the uploads in any day and in any hour.
    """
    found = client.limits()
    if as_json:
        screen.out_json(dict(found.raw))
        return ExitCode.OK
    rows = {"application": found.client, "address": found.user, "uploads": found.posts}
    rows |= {f"any {window}": left for window, left in found.budget.items()}
    for name, allowance in rows.items():
        screen.out(f"{name:12} {_describe(allowance)}")
    pause = f"{found.pause_seconds:.0f} s from now" if found.paused else "none"
    screen.out(f"{'pause':12} {pause}")
    if (blocked := found.blocked) is not None:
        screen.out(f"{'stopped':12} since {shown_time(blocked.since)}: {blocked.message}")
        screen.out(f"{'next try':12} {shown_time(blocked.next_probe)}; {blocked.opening}")
    return ExitCode.OK


@click.command()
@_takes_job
@uses_the_service
def cancel(client: "Client", screen: "Screen", *, job_id: str) -> int:
    """Cancel a job: waiting URLs fail as cancelled, those in progress are finished."""
    screen.out(f"{client.cancel(job_id)} cancelled")
    return ExitCode.OK


@click.command()
@_takes_job
@uses_the_service
def retry(client: "Client", screen: "Screen", *, job_id: str) -> int:
    """Send the failed URLs of a complete job as a new job, and print its id."""
    screen.out(client.retry(job_id).id)
    return ExitCode.OK


@click.command()
@_takes_job
@click.argument("index", type=click.IntRange(min=0), required=False)
@click.option("--album", is_flag=True, help="Delete the job's new album; its images stay.")
@uses_the_service
def delete(
    client: "Client", screen: "Screen", *, job_id: str, index: int | None, album: bool
) -> int:
    """Delete an uploaded image at Imgur, or the album that was created for a job.

    INDEX is the place of its URL in the job, from 0. The deletion happens afterwards;
    `imgup status JOB` shows its state.
    """
    if album == (index is not None):
        raise click.UsageError("Give either the INDEX of an image or --album.")
    if index is None:
        client.delete_album(job_id)
        screen.note("the album will be deleted")
    else:
        client.delete_image(job_id, index)
        screen.note("the image will be deleted")
    return ExitCode.OK


def _show_job(screen: "Screen", job: "JobStatus") -> None:
    counts = job.counts
    head = {
        "job": job.id,
        "status": f"{job.status}, cancelled" if job.cancelled else job.status,
        "created": shown_time(job.created),
        "finished": shown_time(job.finished),
        "uploaded": f"{counts.complete} of {counts.total}",
        "failed": str(counts.failed),
        "album": _shown_album(job.album),
        "retry of": job.retry_of,
        "retried as": job.retried_as,
    }
    if job.waiting is not None:
        head["waiting"] = job.waiting.message
    for name, value in head.items():
        if value is not None:
            screen.out(f"{name:10}  {value}")
    for result in job.results:
        screen.out(f"{result.state:8}  {result.url}  {_end_of(result)}".rstrip())


def _shown_album(album: "Album | None") -> str | None:
    if album is None:
        return None
    shown = f"{album.link or album.message or ''} ({album.state})".lstrip()
    return f"{shown}, deletion {album.deleted}" if album.deleted else shown


def _end_of(result: "Result") -> str:
    end = result.link or result.reason or ""
    if result.converted:
        end += f"  converted from {result.converted.source} to {result.converted.to}"
    if result.altered:
        end += f"  altered to {result.altered.type}, {result.altered.bytes} bytes"
    return f"{end}  deletion {result.deleted}" if result.deleted else end


def _describe(allowance: "Allowance") -> str:
    if allowance.remaining is None:
        return "unknown"
    total = "" if allowance.limit is None else f" of {allowance.limit}"
    reset = "" if allowance.reset is None else f", whole again at {allowance.reset}"
    more = "" if allowance.next is None else f", more from {allowance.next} on"
    return f"{allowance.remaining}{total} left{reset}{more}"


def shown_time(time: datetime | None) -> str:
    """Return a time to the second in GMT; a dash for None."""
    if time is None:
        return "-"
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
