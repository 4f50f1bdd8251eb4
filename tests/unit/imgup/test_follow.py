"""Following a job by events, or by polling without them."""

import gzip
import threading

import pytest

from imgup import (
    Counts,
    NotFoundError,
    NotImgupError,
    Progress,
    UnauthorizedError,
    UnreachableError,
)
from tests.unit.imgup.stand_in import (
    EVENTS_PATH,
    JOB,
    JOB_PATH,
    Told,
    counts,
    event,
    html,
    job,
    problem,
    result,
    stream,
)

BEGUN = job([result(0, "pending"), result(1, "pending")])
HALFWAY = job([result(0), result(1, "pending")])
DONE = job([result(0), result(1, "failed")])
CHANGE = {"status": "in-progress", "counts": counts(1, 1), "results": [result(0, index=0)]}
LAST = {"status": "complete", "counts": counts(0, 1, 1), "results": [result(1, "failed", index=1)]}


def _states(progresses: list[Progress]) -> list[tuple[str, int]]:
    return [(progress.status, progress.counts.ended) for progress in progresses]


# --- events ---------------------------------------------------------------------------------


def test_events_lead_from_snapshot_to_end(stand_in, client):
    chunks = [event("snapshot", BEGUN, 1), event("change", CHANGE, 2), event("change", LAST, 3)]
    stand_in.tell("GET", EVENTS_PATH, stream(*chunks, event("end", {})))
    progresses = list(client.wait(JOB))
    assert _states(progresses)[:3] == [("in-progress", 0), ("in-progress", 1), ("complete", 2)]
    assert progresses[-1].is_complete
    assert [entry.link for entry in progresses[1].changed] == ["https://i.imgur.com/0.png"]
    assert [entry.index for entry in progresses[2].changed] == [1]
    assert stand_in.requests("GET", JOB_PATH) == []
    assert stand_in.asked[0].headers["Accept"] == "text/event-stream"


@pytest.mark.parametrize("is_framed", [True, False], ids=["chunked", "to the end"])
def test_an_event_is_told_while_the_stream_stays_open(stand_in, client, is_framed):
    seen = threading.Event()

    def chunks():
        yield event("snapshot", BEGUN, 1)
        assert seen.wait(60)
        yield event("change", LAST, 2) + event("end", {})

    told = Told(headers=stream().headers, chunks=chunks, is_framed=is_framed)
    stand_in.tell("GET", EVENTS_PATH, told)
    progresses = client.wait(JOB)
    assert next(progresses).counts.ended == 0
    seen.set()
    assert list(progresses)[-1].is_complete


def test_a_heartbeat_gives_the_caller_a_turn(stand_in, client):
    chunks = [event("snapshot", BEGUN, 1), b": heartbeat\n\n", event("change", LAST, 2)]
    stand_in.tell("GET", EVENTS_PATH, stream(*chunks))
    progresses = list(client.wait(JOB))
    assert _states(progresses) == [("in-progress", 0), ("in-progress", 0), ("complete", 2)]
    assert progresses[1].changed == ()


def test_a_stream_that_breaks_off_is_resumed_where_it_was(stand_in, client):
    broken = stream(event("snapshot", BEGUN, 1), event("change", CHANGE, 7))
    rest = stream(event("change", LAST, 8), event("end", {}))
    stand_in.tell("GET", EVENTS_PATH, broken, rest)
    assert list(client.wait(JOB))[-1].is_complete
    first, second = stand_in.requests("GET", EVENTS_PATH)
    assert "Last-Event-ID" not in first.headers
    assert second.headers["Last-Event-ID"] == "7"


def test_a_chunked_stream_that_is_cut_short_is_resumed(stand_in, client):
    part = event("snapshot", BEGUN, 1)
    chunk = b"%x\r\n%b\r\n" % (len(part), part)
    cut = Told(headers=stream().headers | {"Transfer-Encoding": "chunked"}, chunks=lambda: [chunk])
    stand_in.tell("GET", EVENTS_PATH, cut, stream(event("change", LAST, 2)))
    assert _states(list(client.wait(JOB))) == [("in-progress", 0), ("complete", 2)]
    assert stand_in.asked[1].headers["Last-Event-ID"] == "1"


def test_a_stream_may_be_compressed(stand_in, client):
    whole = gzip.compress(event("snapshot", BEGUN, 1) + event("change", LAST, 2))
    headers = stream().headers | {"Content-Encoding": "gzip"}
    stand_in.tell("GET", EVENTS_PATH, Told(headers=headers, chunks=lambda: [whole]))
    assert _states(list(client.wait(JOB))) == [("in-progress", 0), ("complete", 2)]


def test_streams_that_lead_nowhere_give_way_to_polling(stand_in, client):
    stand_in.tell("GET", EVENTS_PATH, stream(b": heartbeat\n\n"))
    stand_in.tell("GET", JOB_PATH, Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("complete", 2)]
    assert len(stand_in.requests("GET", EVENTS_PATH)) == 3


@pytest.mark.parametrize(
    "told",
    [
        problem(404, "not-found", "No such path."),
        problem(405, "method-not-allowed", "Not so."),
        problem(503, "too-many-streams", "Full.", headers={"Retry-After": "1"}),
        html(502),
        Told(200, DONE),
        stream(b"event: snapshot\ndata: no JSON\n\n"),
        stream(event("snapshot", {"novel": "shape"})),
    ],
    ids=["404", "405", "503", "502", "no stream", "no JSON", "another shape"],
)
def test_a_service_without_usable_events_is_polled(stand_in, client, told):
    stand_in.tell("GET", EVENTS_PATH, told)
    stand_in.tell("GET", JOB_PATH, Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("complete", 2)]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(404, "job-not-found", NotFoundError), (401, "unauthorized", UnauthorizedError)],
)
def test_no_job_is_no_reason_to_poll(stand_in, client, status, code, kind):
    stand_in.tell("GET", EVENTS_PATH, problem(status, code, "No."))
    with pytest.raises(kind):
        list(client.wait(JOB))
    assert len(stand_in.asked) == 1


# --- polling --------------------------------------------------------------------------------


def test_polls_ask_for_what_is_new_and_wait_longer_each_time(stand_in, client, waits):
    tagged = Told(body=HALFWAY, headers={"ETag": '"1"'})
    same = Told(304, b"", headers={"ETag": '"1"'})
    stand_in.tell("GET", JOB_PATH, tagged, same, same, Told(body=DONE, headers={"ETag": '"2"'}))
    progresses = list(client.wait(JOB))
    assert _states(progresses) == [("in-progress", 1)] * 3 + [("complete", 2)]
    polls = stand_in.requests("GET", JOB_PATH)
    assert [asked.query for asked in polls] == [{"limit": "1"}] * 4
    assert [asked.headers.get("If-None-Match") for asked in polls] == [None, *['"1"'] * 3]
    assert waits == pytest.approx([0.1, 0.15, 0.225])


def test_polls_heed_what_the_service_asks(stand_in, client, waits):
    asks = Told(body=HALFWAY, headers={"Retry-After": "3"})
    stand_in.tell("GET", JOB_PATH, asks, asks, Told(body=DONE))
    list(client.wait(JOB))
    assert waits == [3.0, 3.0]


def test_polls_that_come_too_often_are_put_off(stand_in, client, waits):
    often = problem(429, "rate-limited", "Too often.", headers={"Retry-After": "90"})
    stand_in.tell("GET", JOB_PATH, Told(body=HALFWAY), often, Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("in-progress", 1), ("complete", 2)]
    assert waits == [0.1, 90.0]


def test_polls_are_never_without_a_pause(stand_in, client, waits):
    asks = Told(body=HALFWAY, headers={"Retry-After": "0"})
    stand_in.tell("GET", JOB_PATH, asks, Told(body=DONE))
    list(client.wait(JOB))
    assert waits == [0.1]


def test_polls_never_wait_for_long(stand_in, client, waits):
    stand_in.tell("GET", JOB_PATH, *[Told(body=HALFWAY)] * 30, Told(body=DONE))
    list(client.wait(JOB))
    assert max(waits) == 5.0


def test_a_service_away_for_a_while_is_waited_for(stand_in, client):
    stand_in.tell("GET", JOB_PATH, Told(body=HALFWAY), *[html(502)] * 12, Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("in-progress", 1), ("complete", 2)]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_proxy_that_answers_for_a_while_is_waited_for(stand_in, client, status):
    stand_in.tell("GET", JOB_PATH, Told(body=HALFWAY), html(status), Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("in-progress", 1), ("complete", 2)]


def test_a_service_that_leaves_while_it_sends_events_is_waited_for_as_well(stand_in, client):
    stand_in.tell("GET", EVENTS_PATH, stream(event("snapshot", BEGUN, 1)), html(502))
    stand_in.tell("GET", JOB_PATH, *[html(502)] * 12, Told(body=DONE))
    assert _states(list(client.wait(JOB))) == [("in-progress", 0), ("complete", 2)]


def test_a_service_away_for_good_is_given_up(stand_in, client, monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("imgup.follow.monotonic", lambda: next(clock))
    stand_in.tell("GET", JOB_PATH, Told(body=HALFWAY), html(502))
    progresses = client.wait(JOB)
    assert next(progresses).counts == Counts(1, 1, 0, 2)
    with pytest.raises(UnreachableError):
        list(progresses)


def test_a_service_that_was_never_there_is_not_waited_for(stand_in, client):
    stand_in.tell("GET", JOB_PATH, html(502))
    with pytest.raises(UnreachableError):
        list(client.wait(JOB))


def test_another_server_is_not_polled_for_ever(stand_in, client):
    stand_in.tell("GET", JOB_PATH, html())
    with pytest.raises(NotImgupError):
        list(client.wait(JOB))


def test_a_job_that_is_forgotten_ends_the_wait(stand_in, client):
    stand_in.tell("GET", JOB_PATH, Told(body=HALFWAY), problem(404, "job-not-found", "Gone."))
    with pytest.raises(NotFoundError):
        list(client.wait(JOB))
