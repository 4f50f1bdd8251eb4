"""Where Ray is, and what it reads from the environment; to be set before it is imported."""

import os
import secrets
from dataclasses import dataclass

_ALWAYS = {
    # Ray reports its use to its makers by default; this service speaks to nobody by itself.
    "RAY_USAGE_STATS_ENABLED": "0",
    # A call after the end must fail, not start another Ray.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    # Else a start by `uv run` makes each node fetch and install packages.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
_LOCAL = {
    # Ray's switch for machines that cannot be part of a cluster, whatever their system: all of its
    # servers listen on loopback only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Actors have the priority of this process; what they lower is theirs (Ray's default is 15).
    "RAY_worker_niceness": "0",
    # Where this process is killed, what Ray's leave by themselves goes in seconds, not a minute.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
}


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where the actors run.

    Attributes:
        address: of an existing cluster's head, such as ``10.0.0.1:6379``; empty starts Ray here.
        namespace: tells the actors of one service from those of another on the same cluster.
    """

    address: str
    namespace: str

    @property
    def is_local(self) -> bool:
        """Whether Ray is this process's own, and ends with it."""
        return not self.address


def prepare_environment(where: ClusterAddress) -> None:
    """Set what Ray's own processes, and this one, go by. What is set already stays."""
    for name, value in _ALWAYS.items():
        os.environ.setdefault(name, value)
    if not where.is_local:
        return
    for name, value in _LOCAL.items():
        os.environ.setdefault(name, value)
    if "RAY_AUTH_MODE" not in os.environ:
        # Whoever can speak to Ray can run code: others on this machine must not. Given here, as
        # Ray would otherwise leave a token in the home folder.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
