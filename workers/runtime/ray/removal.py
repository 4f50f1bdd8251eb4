"""The end of a board on a cluster: what no service does when it stops."""

from workers.runtime.ray.actors import find
from workers.runtime.ray.connection import connect, disconnect
from workers.runtime.ray.environment import ClusterAddress


def remove_board(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
    """See `workers.runtime.backends.remove_ray_board`."""
    connect(where)
    try:
        crew = find(where)
        if crew is None:
            return None
        crew.close()
        unfinished = crew.drain(seconds)
        crew.end()
        return unfinished
    finally:
        disconnect()
