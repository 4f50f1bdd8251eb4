"""Medians, spreads and ratios as a Markdown page."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from product import JobRun


@dataclass(frozen=True)
class Measured:
    """One run of one contender; seconds."""

    images: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.images / self.wall

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / self.images


@dataclass
class Results:
    """All runs, by contender and size of the job."""

    runs: dict[str, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    posts: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, float] = field(default_factory=dict)
    start_seconds: float = 0.0

    def add(self, contender: str, run: Measured) -> None:
        self.runs[contender].append(run)

    def add_latencies(self, size: int, run: JobRun) -> None:
        self.posts[size].append(run.post)
        self.statuses[size] += run.statuses

    def median(self, contender: str, what: str) -> float:
        return statistics.median(getattr(run, what) for run in self.runs[contender])


def spread(values: list[float], digits: int) -> str:
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def render(results: Results, conditions: str) -> str:
    """The whole page."""
    lines = ["# Benchmarks", "", "Written by `make bench`. " + conditions + ".", ""]
    lines += _throughput(results) + _ratios(results) + _latencies(results)
    memory = ", ".join(f"{megabytes:.0f}" for megabytes in results.memory.values())
    closing = (
        f"From the start of the process to ready: {results.start_seconds:.2f} s. Resident MB of "
        f"each process at the end (service, Manager, workers, resource tracker): {memory}."
    )
    return "\n".join([*lines, closing, ""])


def _throughput(results: Results) -> list[str]:
    lines = [
        "| contender, URLs in the job | images/s | CPU ms an image | runs |",
        "|---|---|---|---|",
    ]
    for contender, runs in results.runs.items():
        rate = spread([run.rate for run in runs], 0)
        cpu = spread([run.cpu_ms for run in runs], 2)
        lines.append(f"| {contender} | {rate} | {cpu} | {len(runs)} |")
    return [*lines, ""]


def _ratios(results: Results) -> list[str]:
    rate = results.median("product, 2,000", "rate") / results.median("naive Manager, 2,000", "rate")
    cpu = results.median("product, 1,000", "cpu_ms") / results.median("bare loop", "cpu_ms")
    lines = [
        f"- images/s at 2,000 URLs, product to naive Manager: **{rate:.2f}x**",
        f"- CPU an image at 1,000 URLs, product to bare loop: **{cpu:.2f}x**",
    ]
    if "product, 100,000" in results.runs:
        flat = results.median("product, 100,000", "cpu_ms") / results.median(
            "product, 1,000", "cpu_ms"
        )
        lines.append(f"- CPU an image at 100,000 URLs to that at 1,000: **{flat:.2f}x**")
    return [*lines, ""]


def _latencies(results: Results) -> list[str]:
    lines = [
        "Latency in ms while all lanes work:",
        "",
        "| URLs in the job | POST median | status median | status p99 | status requests |",
        "|---|---|---|---|---|",
    ]
    for size, posts in results.posts.items():
        statuses = results.statuses[size]
        lines.append(
            f"| {size:,} | {1000 * statistics.median(posts):.1f} | "
            f"{1000 * statistics.median(statuses):.1f} | {1000 * percentile(statuses, 0.99):.1f} | "
            f"{len(statuses)} |"
        )
    return [*lines, ""]
