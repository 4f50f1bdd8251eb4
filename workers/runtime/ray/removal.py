"""Removes a backend from a cluster, which no service does when it stops."""

from workers.runtime.ray.actors import find
from workers.runtime.ray.connection import connect, disconnect
from workers.runtime.ray.environment import ClusterAddress


def remove_board(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
    """See `workers.runtime.backends.remove_ray_backend`."""
    connect(where)
    try:
        handles = find(where)
        if handles is None:
            return None
        handles.close()
        unfinished = handles.drain(seconds)
        handles.end()
        return unfinished
    finally:
        disconnect()
