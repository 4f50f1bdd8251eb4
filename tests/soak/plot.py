"""Draws what a soak recorded: ``python tests/soak/plot.py FOLDER PNG``. Needs matplotlib only."""

import csv
import math
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

MEMORY = ("total", "service", "manager", "workers", "fork server")
LATENCIES = (("small", "POST of small jobs", "C0", 200), ("health", "/healthz", "C1", 100))
BINS, LEAST_BIN_SECONDS = 60, 5.0

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def p99(durations: list[float]) -> float:
    ordered = sorted(durations)
    return ordered[math.ceil(0.99 * len(ordered)) - 1]


def draw_memory(axis: plt.Axes, samples: list[Row]) -> None:
    seconds = [float(row["second"]) for row in samples]
    for role in MEMORY:
        axis.plot(seconds, [float(row[f"{role} bytes"]) / 1e6 for row in samples], label=role)
    axis.axhline(float(samples[0]["budget"]) / 1e6, color="black", linestyle=":", label="budget")
    axis.set_ylabel("memory, MB")


def draw_latencies(axis: plt.Axes, requests: list[Row], bin_seconds: float) -> None:
    for kind, label, color, limit in LATENCIES:
        bins = defaultdict(list)
        for row in requests:
            if row["kind"] == kind:
                bins[int(float(row["second"]) / bin_seconds)].append(float(row["duration"]) * 1000)
        places = sorted(bins)
        middles = [(place + 0.5) * bin_seconds for place in places]
        axis.plot(middles, [p99(bins[place]) for place in places], color=color, label=label)
        axis.axhline(limit, color=color, linestyle=":", label=f"limit, {limit} ms")
    axis.set_yscale("log")
    axis.set_ylabel(f"p99 of {bin_seconds:.0f} s, ms")


def draw_counts(axis: plt.Axes, samples: list[Row], requests: list[Row]) -> None:
    axis.plot(
        [float(row["second"]) for row in samples],
        [float(row["kills"]) for row in samples],
        label="workers killed",
    )
    for status, label in (("202", "large jobs accepted"), ("503", "large jobs refused")):
        large = [row for row in requests if (row["kind"], row["status"]) == ("large", status)]
        seconds = sorted(float(row["second"]) for row in large)
        axis.step([0.0, *seconds], range(len(seconds) + 1), where="post", label=label)
    axis.set_ylabel("until then")


def main() -> None:
    folder = Path(sys.argv[1])
    samples, requests = read(folder / "samples.csv"), read(folder / "requests.csv")
    last = float(samples[-1]["second"])
    figure, axes = plt.subplots(3, sharex=True, figsize=(9, 9), layout="constrained")
    draw_memory(axes[0], samples)
    draw_latencies(axes[1], requests, max(last / BINS, LEAST_BIN_SECONDS))
    draw_counts(axes[2], samples, requests)
    for axis in axes:
        if axis is not axes[1]:
            axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    axes[0].set_xlim(0, last)
    axes[0].set_title("Soak: clients that mean harm, and a worker killed every 2 s")
    axes[-1].set_xlabel("seconds")
    figure.savefig(sys.argv[2], dpi=90)


if __name__ == "__main__":
    main()
