"""Hours in minutes: steady load, kills all the while, and a look at what every process holds.

``python -m tests.soak.soak CSV`` runs for SOAK_SECONDS (600), writes the samples to CSV and exits
with 1 if anything was lost or did not stay flat after the warm-up.
"""

import csv
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer
from tests.chaos.load import judge, name_of, slow_urls
from tests.running_service import RunningService, children_of, command_of

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
WORKERS = 3
LANES = 4
JOB_URLS = 50
JOB_EVERY_SECONDS = 1.0
KILL_EVERY_SECONDS = 2.0
SAMPLE_EVERY_SECONDS = 1.0
TTL_SECONDS = 20
WARM_UP_SHARE = 0.3

FLAT_SHARE = 0.05  # of the mean
FLAT_BYTES = 2_000_000
FLAT_COUNT = 1
LINK_BYTES = 100  # the list of all links stays, by the specification

Sample = dict[str, float]


def take_sample(service: RunningService, second: float) -> Sample:
    """Resident bytes, threads and descriptors of each role; workers are counted together."""
    pids: dict[str, list[int]] = {"service": [service.process.pid], "manager": [], "workers": []}
    pids["fork server"], pids["sandbox"] = [], []
    for child in children_of(service.process.pid):
        command = command_of(child)
        if "multiprocessing.forkserver" in command:
            pids["fork server"].append(child)
            pids["workers"] += children_of(child)
        elif "sandbox" in command:
            pids["sandbox"].append(child)
        elif "spawn_main" in command:
            pids["manager"].append(child)
    sample: Sample = {"second": second}
    for role, members in pids.items():
        sample[f"{role} rss"] = sum(_resident(pid) for pid in members)
        sample[f"{role} threads"] = sum(_count(pid, "task") for pid in members)
        sample[f"{role} descriptors"] = sum(_count(pid, "fd") for pid in members)
    sample["manager connections"] = sum(_sockets(pid) for pid in pids["manager"])
    return sample


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _count(pid: int, folder: str) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/{folder}").iterdir()))
    except OSError:
        return 0


def _sockets(pid: int) -> int:
    count = 0
    for number in _entries(pid):
        try:
            count += str(number.readlink()).startswith("socket:")
        except OSError:
            continue
    return count


def _entries(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


@contextmanager
def steady_load(client: Client, sandbox: str) -> Iterator[None]:
    """Send a job each second while entered."""
    stopping = threading.Event()

    def send() -> None:
        for number in itertools.count():
            client.submit(slow_urls(sandbox, f"soak{number}", JOB_URLS))
            if stopping.wait(JOB_EVERY_SECONDS):
                return

    thread = threading.Thread(target=send, name="soak-load")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def growth_of(samples: list[Sample], series: str) -> tuple[float, float]:
    """Mean after the warm-up, and what it gains until the end: bytes by a straight line, counts by
    their peaks, as each kill makes a dip that says nothing.
    """
    settled = samples[int(len(samples) * WARM_UP_SHARE) :]
    if not series.endswith("rss"):
        counts = [sample[series] for sample in settled]
        third = len(counts) // 3
        return statistics.fmean(counts), max(counts[-third:]) - max(counts[:third])
    seconds = [sample["second"] for sample in settled]
    values = [sample[series] for sample in settled]
    slope, _ = statistics.linear_regression(seconds, values)
    return statistics.fmean(values), slope * (seconds[-1] - seconds[0])


def is_flat(series: str, mean: float, growth: float, links: int) -> bool:
    """Whether what it gained can be called nothing."""
    if not series.endswith("rss"):
        return growth <= FLAT_COUNT
    kept = links * LINK_BYTES if series.startswith("manager") else 0
    return growth <= max(FLAT_BYTES, FLAT_SHARE * mean) + kept


def report(samples: list[Sample], links: int) -> bool:
    """Tell how each series went; True when all stayed flat. The sandbox keeps what it is sent."""
    good = True
    for series in samples[0]:
        if series == "second" or series.startswith("sandbox"):
            continue
        mean, growth = growth_of(samples, series)
        flat = is_flat(series, mean, growth, links)
        good &= flat
        unit, scale = ("MB", 1e6) if series.endswith("rss") else ("", 1)
        _say(
            f"{series:24} mean {mean / scale:8.1f} {unit:2} growth {growth / scale:+7.2f} {unit:2} "
            f"{'flat' if flat else 'GROWS'}"
        )
    return good


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    samples: list[Sample] = []
    log_file = Path(tempfile.mkdtemp(prefix="soak-")) / "service.log"
    service = RunningService(
        log_file,
        {
            "WORKER_COUNT": str(WORKERS),
            "WORKER_CONCURRENCY": str(LANES),
            "JOB_TTL_SECONDS": str(TTL_SECONDS),
            "LOG_LEVEL": "DEBUG",
        },
    )
    try:
        service.wait_until_ready()
        checker = Checker(name_of)
        with Client(service.url, checker, rereads=False) as client:
            began = time.monotonic()
            with (
                steady_load(client, service.sandbox),
                Killer(service.worker_pids, KILL_EVERY_SECONDS) as killer,
            ):
                while (second := time.monotonic() - began) < SECONDS:
                    samples.append(take_sample(service, second))
                    time.sleep(SAMPLE_EVERY_SECONDS)
            done = client.wait_until_done()
        verdict = judge(checker, service.uploads_link, killer.kills * LANES)
        forgotten = sum(event["jobs"] for event in service.events("finished jobs forgotten"))
    finally:
        service.close()
    with Path(sys.argv[1]).open("w", newline="") as file:
        writer = csv.DictWriter(file, samples[0].keys())
        writer.writeheader()
        writer.writerows(samples)
    _say(f"{SECONDS:g} s, {killer.kills} kills, {forgotten} jobs forgotten: {verdict}")
    flat = report(samples, verdict.complete)
    good = done and not verdict.violations and flat
    _say("passed" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
