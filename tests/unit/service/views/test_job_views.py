"""What is kept of a job between two looks shows the same as if all were rendered anew."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import TypeAdapter

from service.rendering.models import JobAnswer, JobPage
from service.rendering.rendered import Rendered, iso_time, render
from service.requests.paging import Page
from service.views.job_views import JobViews
from tests.characters import CHARACTERS
from tests.job_snapshot import snapshot_of
from workers.contract.job_options import NO_OPTIONS, JobOptions, NewAlbum
from workers.contract.messages.jobs import ChangesWanted, JobChanges
from workers.contract.messages.outcomes import Failed, RetryLater, Uploaded
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.job_table import JobTable
from workers.state.tasks.task_store import TaskStore

URLS = (
    "https://s.test/0",
    'https://s.test/quote"back\\slash',
    "https://s.test/ü漢😀",
    'https://s.test/","state":"complete',
    "https://s.test/4",
)
PATIENCE = 60.0


def show(
    views: JobViews, job_id: str = "j", owner: str = "", page: Page | None = None
) -> Rendered | None:
    summary = views.summary(job_id, owner)
    version = None if summary is None else summary.latest
    return None if version is None else views.show(job_id, owner, version, page)


class Harness:
    """A job table, and views of it."""

    def __init__(
        self,
        *,
        sandbox: bool = False,
        max_bytes: int = 10**8,
        owner: str = "",
        options: JobOptions = NO_OPTIONS,
    ) -> None:
        self.table = JobTable(lambda: 1513961309.5)
        self.table.open(Submission("j", URLS, owner, options))
        self.sandbox = sandbox
        self.views = JobViews(self.table, sandbox=sandbox, max_bytes=max_bytes)

    def body(self, page: Page | None = None) -> bytes:
        rendered = show(self.views, page=page)
        assert rendered is not None
        return b"".join(rendered.pieces)

    def expected(self) -> dict[str, Any]:
        job = snapshot_of(self.table, "j")
        assert job is not None
        lists: dict[str, list[Any]] = {"pending": [], "complete": [], "failed": []}
        results = []
        for image in job.results():
            state = image.state.name.lower()
            lists[state].append(image.link if state == "complete" else image.url)
            results.append(
                {
                    "url": image.url,
                    "state": state,
                    "link": image.link,
                    "reason": image.reason,
                    "message": image.message,
                    "attempts": image.attempts,
                }
                | ({"possiblyDuplicated": True} if image.possibly_duplicated else {})
            )
        counts = {state: len(urls) for state, urls in lists.items()}
        return {
            "id": "j",
            "created": iso_time(job.created),
            "finished": None if job.finished is None else iso_time(job.finished),
            "status": job.status.value,
            "uploaded": lists,
            "results": results,
            "counts": counts | {"total": len(results)},
        } | ({"sandbox": True} if self.sandbox else {})


indexes = st.integers(0, len(URLS) - 1)
messages = st.text(CHARACTERS, max_size=5).filter(lambda text: text.isprintable())


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["begin", "send", "break off", "put off", "upload", "fail", "look"]),
            indexes,
            messages,
        ),
        max_size=40,
    ),
    sandbox=st.booleans(),
    page=st.builds(Page, st.integers(0, 7), st.integers(1, 7)),
)
@pytest.mark.unmeasured
def test_the_bytes_are_those_of_an_answer_rendered_anew(
    steps: list[tuple[str, int, str]], *, sandbox: bool, page: Page
) -> None:
    harness = Harness(sandbox=sandbox)
    for what, index, text in steps:
        match what:
            case "begin":
                harness.table.begin("j", index)
            case "send":
                harness.table.begin_upload("j", index)
            case "break off":
                harness.table.interrupt("j", index, "r", text, count=False, maybe_stored=True)
            case "put off":
                harness.table.interrupt("j", index, "source-error", text, count=True)
            case "upload":
                harness.table.record("j", index, Uploaded(f"https://i.imgur.test/{text}", "hash"))
            case "fail":
                harness.table.record("j", index, Failed("empty", text))
            case "look":
                harness.body()
    expected = harness.expected()
    assert harness.body() == render(expected)
    paged = json.loads(harness.body(page))
    following = page.end if page.end < len(URLS) else None
    assert paged.pop("results") == expected.pop("results")[page.cursor : page.end]
    assert paged.pop("next") == following
    del expected["uploaded"]
    assert paged == expected


def test_answers_are_of_the_shapes_described() -> None:
    harness = Harness(sandbox=True, options=JobOptions(album=NewAlbum("A day")))
    harness.table.begin_upload("j", 0)
    harness.table.interrupt("j", 0, "r", "m", count=False, maybe_stored=True)
    harness.table.begin_upload("j", 0)
    harness.table.record("j", 1, Uploaded("https://i.imgur.test/1", "hash"))
    tasks = TaskStore(harness.table)
    tasks.note((TaskKind.WEBHOOK, ("j", 0)), 1, RetryLater("timeout", "No answer.", 5.0))
    assert tasks.want_deletion("j", 1, "") is None
    for shape, page in ((JobAnswer, None), (JobPage, Page(0, 2))):
        answer = json.loads(harness.body(page))
        TypeAdapter(shape).validate_python(answer, strict=True, extra="forbid")
        links = {"cancelled", "retryOf", "retriedAs", "waiting"}
        assert set(answer) == set(shape.__annotations__) - links


def test_half_a_surrogate_pair_is_an_escape() -> None:
    half = "\ud83d"
    harness = Harness()
    harness.table.record("j", 0, Failed("imgur-refused", half))
    harness.table.record("j", 1, Failed(f"r{half}", "m"))
    harness.table.record("j", 2, Uploaded(f"https://i.imgur.test/{half}", "hash"))
    answer = json.loads(harness.body())
    assert answer["results"][0]["message"] == half
    assert answer["results"][1]["reason"] == f"r{half}"
    assert answer["uploaded"]["complete"] == [f"https://i.imgur.test/{half}"]


class Counting:
    """A backend that counts what it tells, and can be held up."""

    def __init__(self, table: JobTable) -> None:
        self.table = table
        self.answering = threading.Event()
        self.answering.set()
        self.held_up = threading.Semaphore(0)
        self.told = 0
        self.fails_after = 1000

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        if wanted.job_id == "j" and wanted.limit:
            self.held_up.release()
            assert self.answering.wait(PATIENCE)
            if self.told >= self.fails_after:
                raise TimeoutError
        changes = self.table.changes(replace(wanted, limit=min(2, wanted.limit)))
        self.told += 0 if changes is None else len(changes.indexes)
        return changes


@pytest.fixture
def harness() -> Harness:
    return Harness()


@pytest.fixture
def backend(harness: Harness) -> Counting:
    return Counting(harness.table)


def test_a_second_look_asks_for_what_is_new_alone(harness: Harness, backend: Counting) -> None:
    views = JobViews(backend, sandbox=False, max_bytes=10_000_000)
    first = show(views)
    assert backend.told == len(URLS)
    harness.table.begin("j", 3)
    show(views)
    assert backend.told == len(URLS) + 1
    assert first is not None


def test_a_job_that_has_not_changed_is_not_rendered_again(harness: Harness) -> None:
    first, second = (show(harness.views) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.pieces is second.pieces


def test_two_that_ask_at_once_share_the_first_look(harness: Harness, backend: Counting) -> None:
    views = JobViews(backend, sandbox=False, max_bytes=10_000_000)
    backend.answering.clear()
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(show, views) for _ in range(4)]
        assert backend.held_up.acquire(timeout=PATIENCE)
        backend.answering.set()
        bodies = {b"".join(look.result(PATIENCE).pieces) for look in looks}
    assert len(bodies) == 1
    assert backend.told == len(URLS)


def test_other_jobs_are_not_held_up(harness: Harness, backend: Counting) -> None:
    harness.table.open(Submission("other", URLS))
    views = JobViews(backend, sandbox=False, max_bytes=10_000_000)
    backend.answering.clear()
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(show, views)
        assert backend.held_up.acquire(timeout=PATIENCE)
        assert pool.submit(show, views, "other").result(PATIENCE) is not None
        assert not stuck.done()
        backend.answering.set()
        assert stuck.result(PATIENCE) is not None


def test_each_look_is_the_backends_to_allow() -> None:
    harness = Harness(owner="ann")
    assert show(harness.views, "j", "bob") is None
    assert harness.views.summary("j", "bob") is None
    assert show(harness.views, "j", "ann") is not None
    assert show(harness.views, "j", "bob") is None
    assert show(harness.views, "j", "ann") is not None
    harness.table.forget(["j"])
    assert show(harness.views, "j", "ann") is None
    assert harness.views._views._kept == {}


def test_a_job_of_the_same_id_after_a_restart_is_another(harness: Harness) -> None:
    harness.table.record("j", 0, Failed("empty", "Nothing came."))
    before = show(harness.views)
    harness.table.forget(["j"])
    harness.table.open(Submission("j", URLS[:2]))
    after = show(harness.views)
    assert before is not None
    assert after is not None
    assert before.tag != after.tag
    assert [result["url"] for result in json.loads(b"".join(after.pieces))["results"]] == [
        *URLS[:2]
    ]


def test_what_does_not_fit_is_rendered_all_the_same(backend: Counting) -> None:
    views = JobViews(backend, sandbox=False, max_bytes=100)
    for _ in range(2):
        assert show(views) is not None
    assert backend.told == 2 * len(URLS)
    assert views._views._kept == {}


def test_a_look_that_broke_off_is_gone_on_with(harness: Harness, backend: Counting) -> None:
    views = JobViews(backend, sandbox=False, max_bytes=10_000_000)
    backend.fails_after = 2
    with pytest.raises(TimeoutError):
        show(views)
    backend.fails_after = 1000
    rendered = show(views)
    assert rendered is not None
    assert b"".join(rendered.pieces) == harness.body()
    assert backend.told == len(URLS), "what was known was not asked for again"


def test_a_silent_backend_is_noticed_before_the_wait_for_others(
    harness: Harness, backend: Counting
) -> None:
    views = JobViews(backend, sandbox=False, max_bytes=10_000_000)
    backend.answering.clear()
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(show, views)
        assert backend.held_up.acquire(timeout=PATIENCE)
        assert pool.submit(views.summary, "j", "").result(PATIENCE), "others may ask the backend"
        assert not stuck.done()
        backend.answering.set()
        assert stuck.result(PATIENCE) is not None


def test_how_much_an_answer_takes_is_known_before_it_is_rendered() -> None:
    harness = Harness()
    job = harness.views.summary("j", "")
    assert job is not None
    text = sum(map(len, URLS))
    least = harness.views.least_bytes(job, "", None)
    assert text < least <= len(harness.body(Page(0, 10)))
    assert 0 < harness.views.least_bytes(job, "", Page(3, 1)) < least
    assert harness.views.least_bytes(job, "", Page(5, 1)) == 0
    assert least <= len(harness.body())
    assert harness.views.least_bytes(job, "", None) == 0, "it is rendered, and shared"
    harness.table.begin("j", 0)
    later = harness.views.summary("j", "")
    assert later is not None
    assert harness.views.least_bytes(later, "", None) == least
