"""The limit of open files and connections of the service's processes."""

import resource

_ENOUGH = 65_536
"""A higher limit only slows down programs that iterate over all possible descriptors."""


def raise_file_limit() -> None:
    """Raise this process's soft limit of open files to its hard limit; children inherit it.

    The usual soft limit of 1,024 is for programs that use select(2). This service does not, and a
    worker with a hundred lanes needs more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
