"""How many files and connections the service's processes may have open."""

import resource

_ENOUGH = 65_536
"""Beyond this a higher limit only makes programs slow that go through all possible descriptors."""


def raise_file_limit() -> None:
    """Lift this process's soft limit of open files to its hard limit; children inherit it.

    The usual soft limit of 1,024 is for programs that use select(2); none here does, and a worker
    with a hundred lanes needs more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
