"""The engine of BACKEND=ray; `ray`, which is optional, is imported on demand."""

from typing import TYPE_CHECKING

from workers.runtime.backend_config import BackendConfig
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.ray.environment import ClusterAddress, prepare_environment

if TYPE_CHECKING:
    from workers.runtime.ray.backend import RayBackend

_MISSING = (
    "BACKEND=ray needs the package ray, which is not installed: "
    "pip install --require-hashes --requirement requirements-ray.txt (or: pip install 'imgup[ray]')"
)


def ray_backend(config: BackendConfig, where: ClusterAddress) -> ManagedBackend:
    """Make a backend whose state and workers are actors on a Ray cluster.

    Raises:
        BackendError: `ray` is not installed.
    """
    return _import_engine(where)(config, where)


def remove_ray_backend(where: ClusterAddress, seconds: float) -> dict[str, int] | None:
    """Drain the backend on a cluster without services, waiting so many seconds at most for its
    leased URLs, and end its actors.

    Returns:
        Number of unfinished URLs by job id; None if there is no backend.

    Raises:
        BackendError: `ray` is not installed, or the cluster cannot be reached.
        BackendLostError: the state is gone, or does not respond.
    """
    return _import_engine(where).remove(where, seconds)


def _import_engine(where: ClusterAddress) -> "type[RayBackend]":
    prepare_environment(where)
    try:
        from workers.runtime.ray.backend import RayBackend  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise BackendError(_MISSING) from None
    return RayBackend
