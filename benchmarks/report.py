"""A run's figures as a Markdown page."""

from collections.abc import Callable, Sequence

from benchmarks.bars import Verdict, judge
from benchmarks.cases import (
    clients,
    job_sizes,
    latency,
    overtaking,
    picture_sizes,
    responsiveness,
    start,
    throughput,
)
from benchmarks.results import Results, figure, percentile

_Rows = list[list[str]]


def render(results: Results, conditions: Sequence[str], plot: str) -> str:
    """The whole page.

    Args:
        results: of the run.
        conditions: sentences on when, where and how it ran.
        plot: the file name of the picture beside the page.
    """
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; benchmarks/README.md says how to read it.",
    ]
    lines += ["", *(f"- {condition}" for condition in conditions), "", f"![The run]({plot})", ""]
    lines += bars(judge(results))
    lines += _turns(results, throughput.CASE, "No latency, 68 KB pictures, each at its best")
    lines += _turns(
        results, latency.CASE, "Imgur taking 300 ms, 68 KB pictures, all at their defaults"
    )
    for case in picture_sizes.CASES:
        lines += _turns(results, case, f"No latency, {case}")
    lines += _clients(results)
    lines += _turns(results, job_sizes.CASE, "The product, jobs by their URLs", "URLs in the job")
    lines += _turns(results, job_sizes.NAIVE_CASE, "The naive Manager, by URLs", "URLs in the job")
    lines += _latencies(results, responsiveness.CASE, "While all lanes work")
    lines += _latencies(results, overtaking.CASE, "A job of one URL, from POST to its end")
    lines += _latencies(results, start.CASE, "From the start of the process")
    lines += _memory(results)
    return "\n".join(lines)


def bars(verdicts: Sequence[Verdict]) -> list[str]:
    """The section of them."""
    rows = [
        [verdict.what, verdict.limit, verdict.measured, "pass" if verdict.passed else "**missed**"]
        for verdict in verdicts
    ]
    return section("Bars", ["", "bar", "measured", ""], rows)


def _turns(results: Results, case: str, title: str, first: str = "contender") -> list[str]:
    def row(contender: str) -> list[str]:
        def cell(what: str, digits: int) -> str:
            return results.figure(case, contender, what).text(digits)

        runs = len(results.turns[case, contender])
        cells = [cell("rate", 0), cell("cpu_ms", 2), cell("redis_ms", 2), cell("nginx_ms", 2)]
        return [contender, *cells, cell("megabytes", 0), str(runs)]

    head = [first, "images/s", "CPU ms an image", "Redis", "nginx", "memory MB", "runs"]
    return section(title, head, [row(name) for name in sorted_by_rate(results, case)])


def sorted_by_rate(results: Results, case: str) -> list[str]:
    """Contenders, the fastest first; sizes of jobs as they come."""
    names = results.contenders(case)
    if case.startswith(job_sizes.CASE):
        return names
    return sorted(names, key=lambda name: -results.figure(case, name, "rate").median)


def _clients(results: Results) -> list[str]:
    cases = [case for case in clients.CASES if results.contenders(case)]
    if not cases:
        return []
    rows = [
        [name, *(results.figure(case, name, "cpu_ms").text(2) for case in cases)]
        for name in sorted(results.contenders(cases[0]))
    ]
    head = ["client", *(f"{case.rpartition(', ')[2]}" for case in cases)]
    return section("HTTP clients alone, CPU ms an image", head, rows)


def _latencies(results: Results, case: str, title: str) -> list[str]:
    rows = []
    for name in results.names(case):
        values = results.samples[case, name]
        parts: list[Callable[[Sequence[float]], float]] = [
            lambda found: percentile(found, 0.5),
            lambda found: percentile(found, 0.99),
            max,
        ]
        rows.append([name, *(f"{1000 * part(values):,.1f}" for part in parts), str(len(values))])
    return section(title, ["ms", "p50", "p99", "longest", "samples"], rows)


def _memory(results: Results) -> list[str]:
    cases = [start.MEMORY, *sorted({of for of, _ in results.samples if of.startswith("memory")})]
    lines = []
    for case in dict.fromkeys(cases):
        rows = [[name, figure(results.samples[case, name]).text(0)] for name in results.names(case)]
        title = f"The product's {case}, MB of each process, shared pages by their share"
        lines += section(title, ["process", "MB"], rows)
    return lines


def section(title: str, head: Sequence[str], rows: _Rows) -> list[str]:
    """A heading and a table, or nothing without rows."""
    if not rows:
        return []
    table = [head, ["---"] * len(head), *rows]
    return [f"## {title}", "", *(f"| {' | '.join(row)} |" for row in table), ""]
