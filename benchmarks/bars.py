"""What the product must reach: ratios within one run, and latencies."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import contenders
from benchmarks.cases import job_sizes, latency, overtaking, responsiveness, throughput
from benchmarks.front_contender import FrontContender
from benchmarks.results import Figure, Results, figure, percentile

_PRODUCT = "product"
_DEFAULTS = (contenders.HUEY_DEFAULT, contenders.DRAMATIQ_DEFAULT, contenders.CELERY_DEFAULT)


@dataclass(frozen=True)
class Bar:
    """One of them.

    Attributes:
        what: is measured.
        limit: to be reached, or not to be exceeded.
        unit: of the limit.
        measured: the figure, or None if its cases did not run.
        at_least: whether it is to be reached.
    """

    what: str
    limit: float
    unit: str
    measured: Callable[[Results], Figure | None]
    at_least: bool = False


@dataclass(frozen=True)
class Verdict:
    """A bar and how it went; all as text."""

    what: str
    limit: str
    measured: str
    passed: bool


def judge(results: Results) -> list[Verdict]:
    """The verdict on each bar whose cases ran."""
    return [
        verdict for bar in _bars() if (verdict := _verdict(bar, bar.measured(results))) is not None
    ]


def _verdict(bar: Bar, found: Figure | None) -> Verdict | None:
    if found is None:
        return None
    passed = found.median >= bar.limit if bar.at_least else found.median <= bar.limit
    sign, digits = ("≥" if bar.at_least else "≤"), (2 if bar.unit == "x" else 1)
    limit = f"{sign} {bar.limit:g}{bar.unit}"
    return Verdict(bar.what, limit, found.text(digits, bar.unit), passed)


def _bars() -> list[Bar]:
    bars = [
        Bar(
            f"images/s, no latency, to {peer} at its best",
            limit,
            "x",
            _to_best_of(peer),
            at_least=True,
        )
        for peer, limit in (("huey", 1.3), ("dramatiq", 2.0), ("celery", 3.0))
    ]
    bars += [
        Bar(
            f"images/s, Imgur taking 300 ms, to {peer.name}",
            10.0,
            "x",
            _to_default(peer),
            at_least=True,
        )
        for peer in _DEFAULTS
    ]
    bars += [
        Bar("CPU an image, to the bare loop", 0.55, "x", _cpu_to_bare_loop),
        Bar("CPU an image at 100,000 URLs, to that at 1,000", 1.1, "x", _cost_of_size),
        _latency_bar(responsiveness.POST, responsiveness.POST),
        # The limited call where there is one: a client that polls a large job asks for that.
        _latency_bar(
            "status, all lanes at work", responsiveness.STATUS_LIMITED, responsiveness.STATUS_LARGE
        ),
    ]
    for slow in (True, False):
        how = "Imgur taking 300 ms" if slow else "no latency"
        what = f"1-URL job behind 100,000 URLs, to one on an idle service, {how}"
        bars.append(Bar(what, 2.0, "x", _to_idle(slow=slow)))
    return bars


def _latency_bar(what: str, *names: str) -> Bar:
    def measured(results: Results) -> Figure | None:
        for name in names:
            if found := results.samples.get((responsiveness.CASE, name)):
                return figure([1000 * percentile(found, 0.99)])
        return None

    return Bar(f"{what}, p99", 50.0, " ms", measured)


def _to_best_of(family: str) -> Callable[[Results], Figure | None]:
    def measured(results: Results) -> Figure | None:
        case = throughput.CASE
        peers = [name for name in results.contenders(case) if name.startswith(family)]
        own = results.turns.get((case, _PRODUCT), [])
        theirs = zip(*(results.turns[case, name] for name in peers), strict=False)
        best = [max(turn.rate for turn in turns) for turns in theirs]
        return _ratio([turn.rate for turn in own], best)

    return measured


def _to_default(peer: FrontContender) -> Callable[[Results], Figure | None]:
    def measured(results: Results) -> Figure | None:
        return _ratio(
            [turn.rate for turn in results.turns.get((latency.CASE, _PRODUCT), [])],
            [turn.rate for turn in results.turns.get((latency.CASE, peer.name), [])],
        )

    return measured


def _cpu_to_bare_loop(results: Results) -> Figure | None:
    case = throughput.CASE
    return _ratio(
        [turn.cpu_ms for turn in results.turns.get((case, _PRODUCT), [])],
        [turn.cpu_ms for turn in results.turns.get((case, contenders.BARE_LOOP.name), [])],
    )


def _cost_of_size(results: Results) -> Figure | None:
    large = results.turns.get((job_sizes.CASE, "100,000"))
    usual = results.turns.get((job_sizes.CASE, "1,000"))
    if not large or not usual:
        return None
    return figure([large[0].cpu_ms / turn.cpu_ms for turn in usual])


def _to_idle(*, slow: bool) -> Callable[[Results], Figure | None]:
    def measured(results: Results) -> Figure | None:
        idle, behind = (
            results.samples.get((overtaking.CASE, name)) for name in overtaking.names(slow=slow)
        )
        if not idle or not behind:
            return None
        return figure([statistics.median(behind) / statistics.median(idle)])

    return measured


def _ratio(own: Sequence[float], theirs: Sequence[float]) -> Figure | None:
    # Round by round: what else the machine did then slowed down both.
    if not own or not theirs:
        return None
    return figure([one / other for one, other in zip(own, theirs, strict=False)])
