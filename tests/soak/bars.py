"""What a soak is measured against: each bar a pure function of what was recorded."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.checker import Verdict
from tests.soak.processes import Sample

POST_SECONDS = 0.200
HEALTH_SECONDS = 0.100

SETTLED_SHARE = 0.5  # of the run, at its end, in which nothing may grow
FLAT_SHARE = 0.05  # of the mean
FLAT_BYTES = 2_000_000
FLAT_COUNT = 1
LINK_BYTES = 100  # the list of all links stays, by the specification
CROWD_SHARE = 0.5  # of its connections; the others are between two
KILLS_SHARE = 0.8  # of those that fit into the time

_MB = 1e6


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer.

    Attributes:
        second: of the run, at which it began.
        kind: "small" or "large" for a job that was sent, "health" for a probe, "control" for one
            of a server that only answers.
        status: of the answer; 0 where there was none.
        duration: in seconds.
    """

    second: float
    kind: str
    status: int
    duration: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit, and whether it was kept."""

    name: str
    figure: str
    is_met: bool

    def __str__(self) -> str:
        return f"{'met' if self.is_met else 'MISSED':8}{self.name:32}{self.figure}"


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; infinite if there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def _durations(requests: Sequence[Request], kind: str) -> str:
    durations = [request.duration for request in requests if request.kind == kind]
    p50, p99 = percentile(durations, 0.5), percentile(durations, 0.99)
    return (
        f"{p99 * 1000:.0f} ms (median {p50 * 1000:.0f}, longest "
        f"{max(durations, default=math.inf) * 1000:.0f}) of {len(durations)}"
    )


def control_bar(requests: Sequence[Request]) -> Bar:
    """What a server that only answers took: the machine's part in the other latencies."""
    return Bar("for comparison, p99", _durations(requests, "control"), is_met=True)


def latency_bar(
    name: str, requests: Sequence[Request], kind: str, status: int, limit_seconds: float
) -> Bar:
    """The 99th percentile of all requests of a kind, each of which got the answer it wants."""
    durations = [request.duration for request in requests if request.kind == kind]
    others = Counter(r.status for r in requests if r.kind == kind and r.status != status)
    p99 = percentile(durations, 0.99)
    figure = f"{_durations(requests, kind)}, limit {limit_seconds * 1000:.0f}"
    if others:
        figure += f"; not {status}: {dict(others)}"
    return Bar(name, figure, p99 < limit_seconds and not others)


def memory_bar(samples: Sequence[Sample]) -> Bar:
    """The peak of all processes together, against the budget."""
    peak, budget = max(sample["total bytes"] for sample in samples), samples[0]["budget"]
    figure = f"peak {peak / _MB:.0f} MB (limit {budget / _MB:.0f})"
    return Bar("memory of all processes", figure, peak < budget)


def flat_bars(samples: Sequence[Sample], links: int) -> list[Bar]:
    """No series grows in the second half, but for the list of links."""
    return [_flat_bar(samples, name, links) for name in samples[0] if _must_be_flat(name)]


def _must_be_flat(series: str) -> bool:
    return series.endswith((" bytes", " threads", " descriptors", " connections"))


def _flat_bar(samples: Sequence[Sample], series: str, links: int) -> Bar:
    mean, growth = growth_of(samples, series)
    is_bytes = series.endswith(" bytes")
    allowed = max(FLAT_BYTES if is_bytes else FLAT_COUNT, FLAT_SHARE * mean)
    if series in {"manager bytes", "total bytes"}:
        allowed += links * LINK_BYTES
    unit, scale = (" MB", _MB) if is_bytes else ("", 1)
    figure = (
        f"mean {mean / scale:.1f}{unit}, growth {growth / scale:+.1f}{unit} "
        f"(limit {allowed / scale:.1f})"
    )
    return Bar(f"flat: {series}", figure, growth <= allowed)


def growth_of(samples: Sequence[Sample], series: str) -> tuple[float, float]:
    """Mean in the second half, and what it gains there: bytes by a straight line, counts by their
    peaks, as each kill makes a dip that says nothing. A peak is what 1 % of the samples exceed, as
    a single one may catch a process while it forks.
    """
    settled = samples[int(len(samples) * (1 - SETTLED_SHARE)) :]
    values = [sample[series] for sample in settled]
    if not series.endswith(" bytes"):
        third = len(values) // 3
        before, after = (percentile(some, 0.99) for some in (values[:third], values[-third:]))
        return statistics.fmean(values), after - before
    seconds = [sample["second"] for sample in settled]
    slope, _ = statistics.linear_regression(seconds, values)
    return statistics.fmean(values), slope * (seconds[-1] - seconds[0])


def small_jobs_bar(verdict: Verdict, *, done: bool) -> Bar:
    """Every URL of every small job ended as an image, and no promise of the chaos suite broke."""
    good = done and not verdict.violations and verdict.complete == verdict.urls
    return Bar("small jobs: 0 lost", str(verdict), good)


def large_jobs_bar(
    requests: Sequence[Request], ended: int, forgotten: int, unended: int, wrong: Sequence[str]
) -> Bar:
    """Each was taken whole and ended, or was refused whole with 503."""
    answers = Counter(request.status for request in requests if request.kind == "large")
    accepted, refused = answers.pop(202, 0), answers.pop(503, 0)
    figure = (
        f"{accepted} accepted ({ended} seen to end, {forgotten} forgotten, {unended} open), "
        f"{refused} refused"
    )
    if answers or wrong:
        figure += f"; other answers {dict(answers)}, wrong {list(wrong)[:3]}"
    known = accepted == ended + forgotten
    return Bar("large jobs: 0 lost", figure, bool(accepted) and known and not answers and not wrong)


def totals_bar(metrics: Mapping[str, float]) -> Bar:
    """What the service counted itself: so a job that was forgotten had finished before."""
    names = ("jobs_finished", "jobs_accepted", "images", "urls_accepted")
    finished, jobs, ended, urls = (metrics[f"imgup_{name}_total"] for name in names)
    figure = f"{finished:.0f} of {jobs:.0f} jobs and {ended:.0f} of {urls:.0f} URLs ended"
    return Bar("all that was accepted", figure, jobs == finished and urls == ended)


def crowd_bar(
    connections: Sequence[Mapping[str, int]],
    connects: Mapping[str, int],
    wanted: Mapping[str, int],
) -> Bar:
    """The attack took place: connections of each kind were open all the while, in the median."""
    medians = {kind: statistics.median(c.get(kind, 0) for c in connections) for kind in wanted}
    figure = ", ".join(
        f"{medians[kind]:.0f} of {wanted[kind]} {kind} open, {connects.get(kind, 0)} connects"
        for kind in wanted
    )
    there = all(medians[kind] >= CROWD_SHARE * wanted[kind] for kind in wanted)
    return Bar("clients that mean harm", figure, there)


def kills_bar(kills: int, seconds: float, every_seconds: float) -> Bar:
    """Workers died at the rate that was asked for, or near."""
    wanted = seconds / every_seconds
    figure = f"{kills} of {wanted:.0f}"
    return Bar("workers killed", figure, kills >= KILLS_SHARE * wanted)
