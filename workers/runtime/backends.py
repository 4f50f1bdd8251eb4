"""The engines of the setting BACKEND; the one that needs `ray` is imported on demand."""

from collections.abc import Iterator
from contextlib import contextmanager

from workers.runtime.backend_config import BackendConfig
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.ray.environment import ClusterAddress, prepare_environment

_MISSING = (
    "BACKEND=ray needs the package ray, which is not installed: "
    "pip install --require-hashes --requirement requirements-ray.txt (or: pip install 'imgup[ray]')"
)


def ray_backend(config: BackendConfig, where: ClusterAddress) -> ManagedBackend:
    """Make a backend whose state and workers are actors on a Ray cluster.

    Raises:
        BackendError: `ray` is not installed.
    """
    prepare_environment(where)
    with _missing_ray_reported():
        from workers.runtime.ray.backend import RayBackend  # noqa: PLC0415 - `ray` is an optional extra
    return RayBackend(config, where)


def remove_ray_backend(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
    """Drain the backend on a cluster without services, and end its actors.

    Args:
        where: the cluster.
        seconds: maximum wait for the leased URLs.

    Returns:
        Number of unfinished URLs by job id; None if there is no backend.

    Raises:
        BackendError: `ray` is not installed, or the cluster cannot be reached.
        BackendLostError: the state is gone, or does not respond.
    """
    prepare_environment(where)
    with _missing_ray_reported():
        from workers.runtime.ray.removal import remove_board  # noqa: PLC0415 - the same
    return remove_board(where, seconds)


@contextmanager
def _missing_ray_reported() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise BackendError(_MISSING) from None
