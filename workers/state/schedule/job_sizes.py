"""How much of other jobs comes before a job's last URL, without looking at each of them.

Jobs of one tenant take turns, and tenants do (`fair_queue.py`): while a job has n
turns, one of the same priority has n as well, or as many as it has URLs left. To add that up over
all jobs takes their sizes; here they are counted by the power of two they lie below, so that a job
is moved in one step and a sum over any number of jobs takes some twenty.
"""

from collections import defaultdict
from dataclasses import dataclass


@dataclass(slots=True)
class _Class:
    jobs: int = 0
    urls: int = 0


class JobSizes:
    """The jobs that have URLs left, by how often they have a turn and by their size."""

    def __init__(self) -> None:
        self._strides: defaultdict[int, defaultdict[int, _Class]] = defaultdict(
            lambda: defaultdict(_Class)
        )

    def change(self, stride: int, before: int, after: int) -> None:
        """A job has another number of URLs left; 0 stands for no job.

        Args:
            stride: of its turns: half of it, twice as many turns.
            before: URLs left until now.
            after: URLs left from now on.
        """
        classes = self._strides[stride]
        if before and before.bit_length() == after.bit_length():
            classes[after.bit_length()].urls += after - before
            return
        if before:
            self._add(classes, before, -1)
        if after:
            self._add(classes, after, 1)

    def ahead(self, stride: int, urls: int) -> int:
        """URLs of all jobs that have their turn before a job's last one, its own among them.

        Of jobs as large as this one, up to twice as much, the sum or the turns are counted,
        whichever is less: for those it may be up to twice too much.

        Args:
            stride: of the job, which has been entered.
            urls: it has left.
        """
        return self.beside(stride, urls, urls) + urls - 1

    def beside(self, stride: int, urls: int, turns: int) -> int:
        """URLs of all others that have their turn while one has some of its own.

        Args:
            stride: of its turns.
            urls: it has left.
            turns: of its own that are looked at; all of them where that is `urls`.
        """
        others = 0
        for their_stride, classes in self._strides.items():
            theirs = turns * stride // their_stride
            size_class = theirs.bit_length()
            for bits, found in classes.items():
                jobs, left = found.jobs, found.urls
                if their_stride == stride and bits == urls.bit_length():
                    jobs, left = jobs - 1, left - urls
                if bits < size_class:
                    others += left
                elif bits > size_class:
                    others += jobs * theirs
                else:
                    others += min(left, jobs * theirs)
        return others

    def _add(self, classes: "defaultdict[int, _Class]", urls: int, jobs: int) -> None:
        bits = urls.bit_length()
        found = classes[bits]
        found.jobs += jobs
        found.urls += jobs * urls
        if not found.jobs:
            del classes[bits]
