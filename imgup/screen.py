"""What a command shows: results on stdout for programs, words about them on stderr for people."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from imgup.models import Progress as JobProgress
from imgup.visible import visible

_SECONDS_WORTH_SAYING = 1.0


class Screen:
    """Both streams. A terminal is given colour and a bar, unless NO_COLOR is set or it is dumb."""

    def __init__(self) -> None:
        is_rich = (
            sys.stderr.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
        self._is_rich = is_rich
        self._console = Console(stderr=True, force_terminal=is_rich, no_color=not is_rich)

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

    @contextmanager
    def bar(self) -> Iterator["ProgressBar | None"]:
        """A bar for as long as a job is waited for; None where there is to be none."""
        if not self._is_rich:
            yield None
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield ProgressBar(progress)

    def watch(self, progresses: Iterable[JobProgress]) -> None:
        """Show how a job comes along, until it is complete."""
        with self.bar() as bar:
            for progress in progresses:
                if bar is not None:
                    bar.show(progress)


class ProgressBar:
    """How far one job has come."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("waiting", total=None)

    def show(self, job: JobProgress) -> None:
        """Show this in place of what was there."""
        self._progress.update(
            self._task,
            total=job.counts.total,
            completed=job.counts.ended,
            description=describe(job, datetime.now(UTC)),
        )


def describe(job: JobProgress, now: datetime) -> str:
    """One line about how a job stands.

    Args:
        job: the job.
        now: the current time.
    """
    words = [f"{job.counts.complete} uploaded"]
    if job.counts.failed:
        words.append(f"{job.counts.failed} failed")
    forecast = job.forecast
    if forecast is not None and forecast.pause_seconds >= _SECONDS_WORTH_SAYING:
        words.append(f"Imgur asks to pause {forecast.pause_seconds:.0f} s")
    elif forecast is not None and forecast.expected_finish is not None:
        left = (forecast.expected_finish - now).total_seconds()
        if left >= _SECONDS_WORTH_SAYING:
            words.append(f"about {left:.0f} s left")
    return ", ".join(words)


def shown_time(time: datetime | None) -> str:
    """A time stamp to the second, GMT; a dash where there is none."""
    if time is None:
        return "-"
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
