"""The end of a board on a cluster: what no service does when it stops."""

from workers.cluster.actors import find
from workers.cluster.connection import connect, disconnect
from workers.cluster.environment import ClusterAddress


def remove_board(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
    """See `workers.backends.remove_ray_board`."""
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
