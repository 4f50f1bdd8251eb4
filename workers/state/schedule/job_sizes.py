"""Counts the URLs that come before a job's last one, without a scan of all jobs.

Jobs of one tenant take turns, and tenants do (`fair_queue.py`): while a job has n turns, one of the
same priority has n as well, or as many as it has URLs left. The sum over all jobs needs their
sizes; they are counted by the next power of two, so an update takes one step and a sum about 20.
"""

from collections import defaultdict
from dataclasses import dataclass


@dataclass(slots=True)
class _Class:
    jobs: int = 0
    urls: int = 0


class JobSizes:
    """Jobs with open URLs, by stride and size class."""

    def __init__(self) -> None:
        self._strides: defaultdict[int, defaultdict[int, _Class]] = defaultdict(
            lambda: defaultdict(_Class)
        )

    def change(self, stride: int, before: int, after: int) -> None:
        """Change a job's number of open URLs; 0 means no job. Half the stride is twice as many
        turns.
        """
        classes = self._strides[stride]
        if before:
            left = classes[before.bit_length()]
            left.jobs -= 1
            left.urls -= before
        if after:
            entered = classes[after.bit_length()]
            entered.jobs += 1
            entered.urls += after

    def ahead(self, stride: int, urls: int) -> int:
        """Return the number of URLs of all jobs before the last one of an entered job with so many
        open URLs, its own included.

        For jobs of the same size class it is a bound, up to twice too high.
        """
        return self.beside(stride, urls, urls) + urls - 1

    def beside(self, stride: int, urls: int, turns: int) -> int:
        """Return the number of URLs of all other jobs during so many turns of a job with so many
        open URLs.
        """
        others = 0
        for their_stride, classes in self._strides.items():
            theirs = turns * stride // their_stride
            for bits, found in classes.items():
                jobs, left = found.jobs, found.urls
                if their_stride == stride and bits == urls.bit_length():
                    jobs, left = jobs - 1, left - urls
                # Exact but in the size class of `theirs`: in others all jobs have fewer URLs left,
                # or all have more.
                others += min(left, jobs * theirs)
        return others
