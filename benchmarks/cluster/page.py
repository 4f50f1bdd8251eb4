"""A run's figures as docs/benchmarks-cluster.md."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.bars import Verdict
from benchmarks.cluster import cost, scaling
from benchmarks.report import bars, section
from benchmarks.results import Figure, Results, figure

_LINEAR = 3.6
_CPU = 1.5
_HEAD = """# Benchmarks of BACKEND=ray

Written by `make bench-cluster`; benchmarks/README.md says how `make bench`, whose tools these are,
counts CPU and takes turns. One machine: a Ray that the service starts by itself, so that no network
is in between. Medians of the rounds, with the range."""


def render(results: Results, trips: Sequence[Any], state: Any, conditions: Sequence[str]) -> str:  # noqa: ANN401 - JSON
    """The whole page.

    Args:
        results: of `scaling` and `cost`.
        trips: of `benchmarks.cluster.trips`, by where they were counted.
        state: of `benchmarks.cluster.state_rate`.
        conditions: sentences on when, where and how it ran.
    """
    lines = [_HEAD, "", *(f"- {condition}" for condition in conditions), ""]
    lines += bars(judge(results))
    lines += _scaling(results)
    lines += _cost(results)
    lines += _trips(trips)
    lines += _state(state)
    return "\n".join(lines)


def judge(results: Results) -> list[Verdict]:
    """The verdict on each bar."""
    fastest, slowest = str(max(scaling.WORKERS)), str(min(scaling.WORKERS))
    linear = _ratio(results, scaling.CASE, "rate", fastest, slowest)
    verdicts = [
        Verdict(
            f"images/s of {fastest} workers to 1, Imgur taking 300 ms",
            f"≥ {_LINEAR:g}x",
            linear.text(2, "x"),
            linear.median >= _LINEAR,
        )
    ]
    for case in cost.CASES.values():
        dearer = _ratio(results, case, "cpu_ms", "ray", "processes")
        verdicts.append(
            Verdict(
                f"CPU an image to the processes backend, {_where(case)}",
                f"≤ {_CPU:g}x",
                dearer.text(2, "x"),
                dearer.median <= _CPU,
            )
        )
    return verdicts


def _scaling(results: Results) -> list[str]:
    least = str(min(scaling.WORKERS))
    rows = []
    for workers in map(str, scaling.WORKERS):
        cells = [
            results.figure(scaling.CASE, workers, "rate").text(0),
            _ratio(results, scaling.CASE, "rate", workers, least).text(2, "x"),
            results.figure(scaling.CASE, workers, "cpu_ms").text(2),
        ]
        rows.append([workers, str(int(workers) * scaling.LANES), *cells])
    head = ["worker actors", "lanes", "images/s", f"to {least}", "CPU ms an image"]
    title = f"Imgur taking 300 ms, WORKER_CONCURRENCY={scaling.LANES}"
    note = (
        f"With {scaling.LANES} lanes a worker the latency is the limit. Four workers with the "
        "usual 96 would have two cores' processor as theirs, whatever the engine."
    )
    return [*section(title, head, rows), note, ""]


def _cost(results: Results) -> list[str]:
    rows = []
    for case in cost.CASES.values():
        for backend in cost.BACKENDS:
            turns = results.turns[case, backend]
            idle = figure(results.samples[cost.IDLE, backend]).median
            net = figure([turn.cpu_ms - 1000 * idle / turn.rate for turn in turns])
            cells = [
                results.figure(case, backend, "rate").text(0),
                results.figure(case, backend, "cpu_ms").text(2),
                net.text(2),
                results.figure(case, backend, "megabytes").text(0),
            ]
            rows.append([_where(case), backend, *cells])
    head = ["", "backend", "images/s", "CPU ms an image", "idle taken off", "memory MB"]
    idle_rows = [
        [backend, figure([1000 * value for value in results.samples[cost.IDLE, backend]]).text(0)]
        for backend in cost.BACKENDS
    ]
    note = (
        "All processes count: the web process, the state's, the workers, and Ray's own daemons. "
        "*Idle taken off* leaves out what they would have used in the same time without work."
    )
    return [
        *section("CPU an image beside the processes backend, both at their defaults", head, rows),
        note,
        "",
        *section("CPU without work", ["backend", "ms a second"], idle_rows),
    ]


def _trips(trips: Sequence[Any]) -> list[str]:
    rows = [
        [
            found["where"],
            f"{found['images'] / found['seconds']:,.0f}",
            f"{found['trips'] / found['images']:.2f}",
            f"{3 * found['images'] / found['trips']:.1f}",
        ]
        for found in trips
    ]
    head = ["", "images/s", "round trips an image", "requests a round trip"]
    note = (
        "An image is three requests: a lease taken, its upload announced, its result reported. "
        "Without batching each would be a round trip."
    )
    return [*section("Round trips at load, counted at the state actor", head, rows), note, ""]


def _state(state: Any) -> list[str]:  # noqa: ANN401 - JSON
    rates = state["rates"]
    rows = []
    for callers, batch in dict.fromkeys((rate["callers"], rate["batch"]) for rate in rates):
        found = [rate for rate in rates if (rate["callers"], rate["batch"]) == (callers, batch)]
        images = max(rate["images"] for rate in found)
        cells = [
            f"{max(rate['trips'] for rate in found):,.0f}",
            f"{images:,.0f}" if batch else "",
            f"{min(rate['state_cpu_ms'] for rate in found):.2f}",
        ]
        rows.append([_SAYING[batch], str(callers), *cells])
    head = ["a round trip carries", "callers", "round trips/s", "images/s", "CPU ms a round trip"]
    note = (
        "One state actor, and callers that do nothing else, on the same cores; the best of four "
        "passes, as other work on the machine only slows them. *One request* is an image without "
        "batching: three round trips. With requests of several images it is two for all of them. "
        f"The state's memory: {state['bytes_a_url']:.0f} bytes a URL that waits."
    )
    return [*section("What one state actor takes", head, rows), note, ""]


_SAYING = {
    0: "nothing",
    1: "one request",
    8: "requests of 8 images",
    32: "requests of 32 images",
}


def _where(case: str) -> str:
    return case.partition(", ")[2]


def _ratio(results: Results, case: str, what: str, one: str, other: str) -> Figure:
    # Round by round: what else the machine did then slowed down both.
    value: Callable[[Any], float] = lambda turn: float(getattr(turn, what))  # noqa: E731
    ones, others = (map(value, results.turns[case, name]) for name in (one, other))
    return figure([own / theirs for own, theirs in zip(ones, others, strict=True)])
