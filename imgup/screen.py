"""What a command shows: results on stdout for programs, words about them on stderr for people."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from imgup.models import Progress as JobProgress
from imgup.models import UploadPace
from imgup.visible import visible

_SECONDS_WORTH_SAYING = 1.0


class Screen:
    """Both streams. A terminal is given colour and a bar, unless NO_COLOR is set or it is dumb."""

    def __init__(self) -> None:
        # Said, not left to rich: FORCE_COLOR would have it write control sequences into a file.
        self._console = Console(stderr=True, force_terminal=sys.stderr.isatty())

    def out(self, line: str) -> None:
        """A line of the result."""
        click.echo(visible(line))

    def out_json(self, document: object) -> None:
        """The whole result, as one document."""
        # ASCII, so that nothing in it acts on a terminal.
        click.echo(json.dumps(document, indent=2))

    def note(self, text: str, style: str = "") -> None:
        """A line that is not the result."""
        # Text is printed as it is; a str would be looked through for markup.
        self._console.print(Text(visible(text), style), soft_wrap=True, highlight=False)

    def warn(self, text: str) -> None:
        """The same about something that is not as it should be."""
        self.note(text, "yellow")

    def error(self, text: str) -> None:
        """Why the command ends here."""
        self.note(f"imgup: {text}", "red")

    def watch(self, progresses: Iterable[JobProgress]) -> None:
        """Show how a job comes along, until it is complete."""
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
            for job in progresses:
                bar.update(
                    task,
                    total=job.counts.total,
                    completed=job.counts.ended,
                    description=describe(job, datetime.now(UTC)),
                )


def _span(seconds: float) -> str:
    """So that days are not told in seconds."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _pace(budget: UploadPace | None) -> str:
    if budget is None:
        return ""
    return f": {budget.uploads:,} {'an' if budget.per == 'hour' else 'a'} {budget.per}"


def describe(job: JobProgress, now: datetime) -> str:
    """Return a line about the state of a job.

    Args:
        job: the job.
        now: the current time.
    """
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
