"""Commands that change jobs: cancel, retry, delete."""

from typing import TYPE_CHECKING

import click

from imgup.exit_codes import ExitCode
from imgup.service_access import uses_the_service

if TYPE_CHECKING:
    from imgup.client import Client
    from imgup.screen import Screen


@click.command()
@click.argument("job_id", metavar="JOB")
@uses_the_service
def cancel(client: "Client", screen: "Screen", *, job_id: str) -> int:
    """Cancel a job: waiting URLs fail as cancelled, those in progress are finished."""
    screen.out(f"{client.cancel(job_id)} cancelled")
    return ExitCode.OK


@click.command()
@click.argument("job_id", metavar="JOB")
@uses_the_service
def retry(client: "Client", screen: "Screen", *, job_id: str) -> int:
    """Send the failed URLs of a complete job as a new job, and print its id."""
    screen.out(client.retry(job_id).id)
    return ExitCode.OK


@click.command()
@click.argument("job_id", metavar="JOB")
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
