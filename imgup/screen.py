"""Output of the commands: results on stdout for programs, notes on stderr for people."""

import json
import sys
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from imgup.client import Job
from imgup.errors import UnreachableError
from imgup.link_formats import visible
from imgup.models import Progress as JobProgress, UploadPace

_SECONDS_WORTH_SAYING = 1.0
_WIDTH = 80  # columns of a terminal that does not know its own


class _Notes(Console):
    def _write_buffer(self) -> None:
        """Write what is to be shown, or drop it and all further notes: the disk may be full, the
        reader or the terminal gone. rich would end the process, or the bar's thread.
        """
        try:
            super()._write_buffer()
        except OSError:
            self.quiet = True

    def show_cursor(self, *_: object, **__: object) -> bool:
        """Leave the cursor as it is: a command that is killed could not show it again."""
        return False


class Screen:
    """Both streams. A terminal gets colour and a bar, unless NO_COLOR is set or it is dumb. Notes
    that stderr does not take are dropped: no result depends on them.
    """

    def __init__(self) -> None:
        # Not left to rich: with FORCE_COLOR it would write control sequences into a file.
        self._console = _Notes(stderr=True, force_terminal=sys.stderr.isatty())
        if not self._console.width:  # COLUMNS=0; rich would print nothing
            self._console.width = _WIDTH

    def out(self, line: str) -> None:
        """Print a line of the result."""
        click.echo(visible(line))

    def out_json(self, document: object) -> None:
        """Print the whole result as one document."""
        # ASCII, so that no character acts on a terminal.
        click.echo(json.dumps(document, indent=2))

    def note(self, text: str, style: str = "") -> None:
        """Print a note."""
        # rich would parse a str for markup.
        self._console.print(Text(visible(text), style), soft_wrap=True, highlight=False)

    def warn(self, text: str) -> None:
        self.note(text, "yellow")

    def error(self, text: str) -> None:
        """Print the error that ends the command."""
        self.note(f"imgup: {text}", "red")

    def watch(self, job: Job) -> None:
        """Show the progress of a job until it is complete.

        Raises:
            KeyboardInterrupt: the user stopped the wait; a note says how to resume it.
            ImgupError: the service or the job is gone.
        """
        command = f"imgup status {job.id} --follow"
        try:
            self._show_progress(job)
        except KeyboardInterrupt:
            self.warn(f"interrupted; the job goes on. Follow it with: {command}")
            raise
        except UnreachableError:
            self.warn(f"the service is gone; when it is back, follow the job with: {command}")
            raise

    def _show_progress(self, job: Job) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        console = self._console
        is_plain = not console.is_terminal or console.is_dumb_terminal or console.no_color
        with Progress(*columns, console=console, transient=True, disable=is_plain) as bar:
            task = bar.add_task("waiting", total=None)
            for progress in job.wait():
                bar.update(
                    task,
                    total=progress.counts.total,
                    completed=progress.counts.ended,
                    description=describe(progress, datetime.now(UTC)),
                )


def _span(seconds: float) -> str:
    """Return a duration in a unit that suits it."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _pace(budget: UploadPace | None) -> str:
    if budget is None:
        return ""
    return f": {budget.uploads:,} {'an' if budget.per == 'hour' else 'a'} {budget.per}"


def describe(job: JobProgress, now: datetime) -> str:
    """Return a line about the progress of a job."""
    words = [f"{job.counts.complete} uploaded"]
    if job.counts.failed:
        words.append(f"{job.counts.failed} failed")
    forecast = job.forecast
    if forecast is not None and forecast.blocked is not None:
        words.append(f"uploads have stopped: {forecast.blocked.message}")
    elif forecast is not None and forecast.pause_seconds >= _SECONDS_WORTH_SAYING:
        words.append(f"Imgur asks to pause {forecast.pause_seconds:.0f} s")
    elif forecast is not None and forecast.expected_finish is not None:
        left = (forecast.expected_finish - now).total_seconds()
        if left >= _SECONDS_WORTH_SAYING:
            words.append(f"about {_span(left)} left{_pace(forecast.budget)}")
    return ", ".join(words)
