"""Waits for the end of a job."""

from typing import TYPE_CHECKING

from imgup.errors import UnreachableError

if TYPE_CHECKING:
    from imgup.client import Job
    from imgup.screen import Screen


def watch_job(screen: "Screen", job: "Job") -> None:
    """Show the progress of a job until it is complete.

    Raises:
        KeyboardInterrupt: the user stopped the wait; a note says how to resume it.
        ImgupError: the service or the job is gone.
    """
    try:
        screen.watch(job.wait())
    except KeyboardInterrupt:
        screen.warn(f"interrupted; the job goes on. Follow it with: {_command(job)}")
        raise
    except UnreachableError:
        screen.warn(f"the service is gone; when it is back, follow the job with: {_command(job)}")
        raise


def _command(job: "Job") -> str:
    return f"imgup status {job.id} --follow"
