"""Where the image of a link to a page was: kept with the job, told to readers, journaled."""

from pathlib import Path

from tests.clock import Clock
from workers.contract.messages.jobs import ChangesWanted, JobChanges
from workers.contract.messages.outcomes import Failed, ImageDetails, Uploaded
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.journal.recovery import load

AT = "https://images.test/a.png"
URLS = ("https://s.test/page", "https://s.test/a.png", "https://s.test/other")
LINK = Uploaded("https://i.imgur.com/a.png", "hash", details=ImageDetails(resolved_to=AT))
LOST = Failed("source-not-found", "No.", details=ImageDetails(resolved_to=AT + "?lost"))
KNOWN = {0: LINK.details, 2: LOST.details}


def changes(table: JobTable) -> JobChanges:
    found = table.changes(ChangesWanted("j"))
    assert found is not None
    return found


def fill(table: JobTable) -> None:
    table.open(Submission("j", URLS))
    for index, result in enumerate((LINK, Uploaded("https://i.imgur.com/b.png", "hash"), LOST)):
        table.begin("j", index)
        table.record("j", index, result)


def test_readers_are_told() -> None:
    table = JobTable(Clock())
    fill(table)
    assert changes(table).details == KNOWN


def test_it_counts_as_memory() -> None:
    plain, long = JobTable(Clock()), JobTable(Clock())
    for table, at in ((plain, None), (long, "https://s.test/" + "x" * 8000)):
        table.open(Submission("j", URLS))
        table.begin("j", 0)
        details = ImageDetails(resolved_to=at)
        table.record("j", 0, Uploaded("https://i.imgur.com/a.png", "hash", details=details))
    assert long.size - plain.size > 8000


def test_it_outlives_restarts(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    table = JobTable(Clock())
    journal, _ = load(path, table)
    table.resume(journal)
    table.announce(Submission("j", URLS))
    fill(table)
    size = table.size
    journal.close()

    for _ in range(2):  # from the records of what happened, then from the compact one
        table = JobTable(Clock())
        journal, _ = load(path, table)
        journal.close()
        assert changes(table).details == KNOWN
        assert table.size == size
