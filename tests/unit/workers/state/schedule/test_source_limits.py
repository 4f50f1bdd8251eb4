"""A host's slots: how many there are, and what makes them fewer and more."""

import itertools
import math

import pytest

from workers.contract.messages.outcomes import Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import UrlKey
from workers.state.schedule.source_limits import SourceLimits, host_of

HOST = "images.test"
TIMED_OUT = RetryLater("download-timeout", "Slow.", 1.0)
OVERLOADED = RetryLater("source-rate-limited", "Busy.", 1.0, source_pause_seconds=0.0)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://images.test/a.jpg", "images.test"),
        ("http://Images.TEST/a.jpg", "images.test"),
        ("http://images.test", "images.test"),
        ("http://images.test?a=/b", "images.test"),
        ("http://images.test#a/b", "images.test"),
        ("http://images.test:80/a", "images.test"),
        ("https://images.test:443/a", "images.test"),
        ("https://images.test:8443/a", "images.test:8443"),
        ("http://[2001:DB8::80]/a", "[2001:db8::80]"),
        ("http://images.test/?url=http://other.test/", "images.test"),
        ("http:/images.test/a", "images.test"),
        ("http:///images.test:80/a", "images.test"),
        ("http://%69mages%2Etest/a", "images.test"),
        ("", ""),
        ("data:image/png;base64,iVBORw0KGgo… (9 bytes, SHA-256 0)", ""),
    ],
)
def test_host_of(url: str, host: str) -> None:
    assert host_of(url) == host


class Site:
    """One host and its downloads."""

    def __init__(self, most: int) -> None:
        self.limits = SourceLimits(most)
        self.now = 100.0
        self._numbers = itertools.count()

    def take(self) -> UrlKey | None:
        place = ("job", next(self._numbers))
        return place if self.limits.take(place, HOST) else None

    def fill(self) -> list[UrlKey]:
        taken = []
        while (place := self.take()) is not None:
            taken.append(place)
            assert len(taken) < 1000
        return taken

    def end(self, place: UrlKey, outcome: Outcome | None = None) -> str | None:
        return self.limits.ended(place, outcome, self.now)

    def slots(self) -> int:
        """How many there are, when none is in use."""
        taken = self.fill()
        for place in taken:
            self.end(place)
        return len(taken)

    def download(self, count: int) -> None:
        for _ in range(count):
            place = self.take()
            assert place is not None
            assert self.limits.downloaded(place) == HOST


def test_a_host_serves_as_many_as_its_limit() -> None:
    site = Site(3)
    taken = site.fill()
    assert len(taken) == 3
    assert site.limits.take(("job", 99), "other.test"), "another host has its own"

    assert site.limits.downloaded(taken[0]) == HOST
    assert len(site.fill()) == 1
    assert site.end(taken[1]) == HOST
    assert len(site.fill()) == 1


def test_a_slot_is_given_up_once() -> None:
    site = Site(3)
    (place, *_) = site.fill()
    site.limits.downloaded(place)
    assert site.limits.downloaded(place) is None
    assert site.end(place, OVERLOADED) is None, "what came after the download is not the source's"
    assert len(site.fill()) == 1


def test_who_has_a_slot_needs_no_second_one() -> None:
    site = Site(1)
    (place,) = site.fill()
    assert site.limits.take(place, HOST)
    site.end(place)
    assert len(site.fill()) == 1


def test_one_may_be_counted_beyond_the_limit() -> None:
    site = Site(1)
    site.fill()
    site.limits.take(("suspect", 0), HOST, beyond_limit=True)
    assert site.end(("suspect", 0)) == HOST
    assert site.take() is None


def test_without_a_limit_nothing_is_counted() -> None:
    limits = SourceLimits(0)
    for number in range(1000):
        assert limits.take(("job", number), HOST)
    limits.take(("job", 1000), HOST, beyond_limit=True)
    assert limits.ended(("job", 0), OVERLOADED, 0.0) is None
    assert limits.take(("job", 1001), HOST)
    assert not limits._sources
    assert not limits._slots


@pytest.mark.parametrize(
    ("outcome", "slots"),
    [
        pytest.param(OVERLOADED, 16, id="overloaded"),
        pytest.param(Failed("source-error", "503.", 0.0), 16, id="overloaded, last attempt"),
        pytest.param(TIMED_OUT, 16, id="timed out"),
        pytest.param(Failed("download-timeout", "Slow."), 16, id="timed out, last attempt"),
        pytest.param(Failed("source-not-found", "404."), 32, id="not found"),
        pytest.param(RetryLater("source-error", "500.", 1.0), 32, id="another trouble"),
        pytest.param(None, 32, id="the worker died"),
    ],
)
def test_what_halves_the_limit(outcome: Outcome | None, slots: int) -> None:
    site = Site(32)
    (place, *others) = site.fill()
    site.end(place, outcome)
    for other in others:
        site.end(other)
    assert site.slots() == slots


def test_what_was_under_way_at_a_cut_does_not_cut_again() -> None:
    site = Site(32)
    for place in site.fill():
        site.end(place, OVERLOADED)
    assert site.slots() == 16


@pytest.mark.parametrize(("outcome", "least"), [(OVERLOADED, 1), (TIMED_OUT, 8)])
def test_a_limit_falls_no_lower(outcome: Outcome, least: int) -> None:
    site = Site(32)
    for _ in range(10):
        for place in site.fill():
            site.end(place, outcome)
    assert site.slots() == least


def test_a_limit_comes_back_one_by_one_with_good_downloads() -> None:
    site = Site(8)
    for place in site.fill():
        site.end(place, OVERLOADED)
    seen = [site.slots()]
    for _ in range(5):
        site.download(10)
        seen.append(site.slots())
    assert seen == [4, 5, 6, 7, 8, 8]


def test_a_pause_holds_the_host_until_it_ends() -> None:
    site = Site(4)
    (place, other, *_) = site.fill()
    site.end(place, RetryLater("source-rate-limited", "Busy.", 30.0, source_pause_seconds=30.0))
    site.end(other, RetryLater("source-rate-limited", "Busy.", 5.0, source_pause_seconds=5.0))
    assert site.take() is None
    assert site.limits.take(("job", 99), "other.test")

    assert site.limits.resume(site.now + 29.9) == [], "the longest one counts"
    assert site.limits.next_resume() == site.now + 30.0
    assert site.take() is None
    assert site.limits.resume(site.now + 30.0) == [HOST]
    assert site.limits.next_resume() == math.inf


def test_a_promised_slot_is_withdrawn_by_a_pause() -> None:
    site = Site(4)
    (promised, other, *_) = site.fill()
    assert site.limits.withdraw(promised) is None
    site.end(other, RetryLater("source-rate-limited", "Busy.", 30.0, source_pause_seconds=30.0))
    assert site.limits.withdraw(promised) == HOST
    assert site.limits.withdraw(promised) is None, "it has none any more"


def test_hosts_without_a_story_are_forgotten() -> None:
    limits = SourceLimits(2)
    for number in range(50):
        limits.take(("job", number), f"{number}.test")
        limits.downloaded(("job", number))
    limits.take(("job", 0), "paused.test")
    limits.ended(("job", 0), Failed("source-error", "503.", 5.0), 0.0)
    assert set(limits._sources) == {"paused.test"}


def test_of_hosts_with_a_lowered_limit_the_oldest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.state.schedule.source_limits._REMEMBERED", 3)
    limits = SourceLimits(2)
    for number in range(10):
        limits.take(("job", number), f"{number}.test")
        limits.ended(("job", number), OVERLOADED, 0.0)
    assert list(limits._sources) == list(limits._idle) == ["7.test", "8.test", "9.test"]
    assert limits.take(("job", 10), "7.test")
    assert not limits.take(("job", 11), "7.test"), "its limit is remembered"
    assert list(limits._idle) == ["8.test", "9.test"]
