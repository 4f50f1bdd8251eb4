"""Draws the samples of a soak: ``python tests/soak/plot.py CSV PNG``. Needs matplotlib only."""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

ROLES = ("service", "manager", "fork server", "workers")
PANELS = (
    ("rss", "resident memory, MB", 1e6),
    ("threads", "threads", 1),
    ("descriptors", "file descriptors", 1),
)


def main() -> None:
    with Path(sys.argv[1]).open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    seconds = [row["second"] for row in rows]
    figure, axes = plt.subplots(len(PANELS), sharex=True, figsize=(9, 9), layout="constrained")
    for axis, (measure, label, scale) in zip(axes, PANELS, strict=True):
        for role in ROLES:
            axis.plot(seconds, [row[f"{role} {measure}"] / scale for row in rows], label=role)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[2].plot(
        seconds,
        [row["manager connections"] for row in rows],
        label="Manager connections",
        linestyle=":",
        color="black",
    )
    for axis in axes:
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    axes[0].set_title("Soak: steady load, a worker killed every 2 s (workers: all together)")
    axes[-1].set_xlabel("seconds")
    figure.savefig(sys.argv[2], dpi=90)


if __name__ == "__main__":
    main()
