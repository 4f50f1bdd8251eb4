"""All cases, by the name that ``--cases`` takes."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bench import Bench
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


@dataclass(frozen=True)
class Case:
    """A question.

    Attributes:
        each_round: what is run in every round.
        once: what takes too long for that.
    """

    each_round: Callable[[Bench], None]
    once: Callable[[Bench], None] | None = None


CASES = {
    "throughput": Case(throughput.run),
    "latency": Case(latency.run),
    "pictures": Case(picture_sizes.run),
    "clients": Case(clients.run),
    "jobs": Case(job_sizes.run, job_sizes.run_once),
    "responsiveness": Case(responsiveness.run),
    "overtaking": Case(overtaking.run),
    "start": Case(start.run),
}
