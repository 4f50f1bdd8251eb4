"""A run's figures as one picture."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmarks.cases import clients, job_sizes, latency, responsiveness, throughput
from benchmarks.report import sorted_by_rate
from benchmarks.results import Results

_PRODUCT_COLOUR, _OTHER_COLOUR, _REDIS_COLOUR, _NGINX_COLOUR = (
    "#1b7f5c",
    "#8a94a6",
    "#c0504d",
    "#d9c77e",
)
_COLUMNS, _ROWS = 2, 3
_INCHES = (13, 14)

Axes = Any


def draw(results: Results, path: Path) -> None:
    """Write the picture; what did not run stays empty."""
    drawings = [_throughput, _latency, _cpu, _clients, _job_sizes, _responsiveness]
    drawn = Figure(figsize=_INCHES, layout="constrained")
    grid = drawn.subplots(_ROWS, _COLUMNS)
    for axes, drawing in zip(grid.flat, drawings, strict=True):
        drawing(axes, results)
        axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(path, dpi=90)


def _throughput(axes: Axes, results: Results) -> None:
    axes.set_title("Images a second, no latency, each at its best")
    _rates(axes, results, throughput.CASE)


def _latency(axes: Axes, results: Results) -> None:
    axes.set_title("Images a second, Imgur taking 300 ms, defaults")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    _rates(axes, results, latency.CASE)


def _rates(axes: Axes, results: Results, case: str) -> None:
    names = sorted_by_rate(results, case)[::-1]
    figures = [results.figure(case, name, "rate") for name in names]
    medians = [figure.median for figure in figures]
    below = [figure.median - figure.lowest for figure in figures]
    above = [figure.highest - figure.median for figure in figures]
    bars = axes.barh(names, medians, color=[_colour(name) for name in names])
    if names:
        axes.errorbar(
            medians, range(len(names)), xerr=[below, above], fmt="none", ecolor="black", capsize=2
        )
    axes.bar_label(bars, [f" {value:,.0f}" for value in medians], padding=4)
    axes.margins(x=0.12)


def _cpu(axes: Axes, results: Results) -> None:
    axes.set_title("CPU ms an image, no latency: its own, Redis, nginx")
    case = throughput.CASE
    names = sorted(
        results.contenders(case), key=lambda name: -results.figure(case, name, "cpu_ms").median
    )
    # One that starts a process for each image would flatten all others.
    names = [name for name in names if results.figure(case, name, "cpu_ms").median < 30]
    left = [0.0] * len(names)
    for what, colour in (
        ("cpu_ms", _OTHER_COLOUR),
        ("redis_ms", _REDIS_COLOUR),
        ("nginx_ms", _NGINX_COLOUR),
    ):
        values = [results.figure(case, name, what).median for name in names]
        colours = [_colour(name) if what == "cpu_ms" else colour for name in names]
        bars = axes.barh(names, values, left=left, color=colours)
        if what == "cpu_ms":
            axes.bar_label(bars, [f"{value:.2f}" for value in values], label_type="center")
        left = [start + value for start, value in zip(left, values, strict=True)]


def _clients(axes: Axes, results: Results) -> None:
    axes.set_title("HTTP clients alone, CPU ms an image")
    axes.set_yscale("log")
    cases = [case for case in clients.CASES if results.contenders(case)]
    names = sorted(results.contenders(cases[0])) if cases else []
    width = 0.8 / max(1, len(names))
    for number, name in enumerate(names):
        places = [place + number * width for place in range(len(cases))]
        values = [results.figure(case, name, "cpu_ms").median for case in cases]
        bars = axes.bar(places, values, width, label=name)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=7)
    if names:
        middle = 0.4 - width / 2
        axes.set_xticks(
            [place + middle for place in range(len(cases))],
            [case.rpartition(", ")[2] for case in cases],
        )
        axes.legend()


def _job_sizes(axes: Axes, results: Results) -> None:
    axes.set_title("CPU ms an image, by URLs in the job")
    for case, name, colour in (
        (job_sizes.CASE, "product", _PRODUCT_COLOUR),
        (job_sizes.NAIVE_CASE, "naive Manager", _OTHER_COLOUR),
    ):
        sizes = [size for size in results.contenders(case) if size != job_sizes.MANY_JOBS]
        values = [results.figure(case, size, "cpu_ms").median for size in sizes]
        urls = [int(size.replace(",", "")) for size in sizes]
        if urls:
            axes.plot(urls, values, "o-", color=colour, label=name)
            axes.set_xscale("log")
            axes.legend()
    axes.set_ylim(bottom=0)


def _responsiveness(axes: Axes, results: Results) -> None:
    axes.set_title("Share answered within so many ms, all lanes at work")
    for name in results.names(responsiveness.CASE):
        values = sorted(1000 * value for value in results.samples[responsiveness.CASE, name])
        shares = [(number + 1) / len(values) for number in range(len(values))]
        axes.step(values, shares, where="post", label=name)
        axes.legend()
    axes.axvline(50, color="black", linewidth=0.5, linestyle=":")
    axes.set_xlim(left=0)


def _colour(name: str) -> str:
    return _PRODUCT_COLOUR if name == "product" else _OTHER_COLOUR
