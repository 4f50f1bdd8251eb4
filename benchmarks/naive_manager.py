"""The obvious shape: Queue, dict and Lock of a stock Manager, and a pool of worker processes."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

import requests
from bare_loop import WARM_UP, transfer

JOB = "job"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def work(queue, jobs, lock, origin):
    """Take a URL, do the work, rewrite the job."""
    session = requests.Session()
    while (url := queue.get()) is not None:
        try:
            link = transfer(session, url, f"{origin}/3/image")
        except requests.RequestException:
            link = None
        with lock:
            job = jobs[JOB]
            job["pending"].remove(url)
            job["complete" if link else "failed"].append(link or url)
            jobs[JOB] = job


def cpu_seconds(pids: list[int]) -> float:
    """CPU seconds that these processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def run_job(queue, jobs, urls) -> None:
    jobs[JOB] = {"pending": list(urls), "complete": [], "failed": []}
    for url in urls:
        queue.put(url)
    while len(jobs[JOB]["pending"]):
        time.sleep(0.1)


def main() -> None:
    """Print images, wall seconds and CPU seconds: ``naive_manager.py ORIGIN COUNT PROCESSES``."""
    origin, count, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with multiprocessing.Manager() as manager:
        queue, jobs, lock = manager.Queue(), manager.dict(), manager.Lock()
        workers = [
            multiprocessing.Process(target=work, args=(queue, jobs, lock, origin))
            for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        run_job(queue, jobs, [f"{origin}/images/warm-{n}.jpg" for n in range(WARM_UP)])
        pids = [os.getpid(), manager._process.pid, *(worker.pid for worker in workers)]
        wall, cpu = time.perf_counter(), cpu_seconds(pids)
        run_job(queue, jobs, [f"{origin}/images/{number}.jpg" for number in range(count)])
        print(count, time.perf_counter() - wall, cpu_seconds(pids) - cpu)
        for _ in workers:
            queue.put(None)
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    main()
