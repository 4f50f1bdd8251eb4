"""Ray's address, and its environment variables, which are set before its import."""

import os
import secrets
from dataclasses import dataclass

_ALWAYS = {
    # By default Ray reports its usage to its developers.
    "RAY_USAGE_STATS_ENABLED": "0",
    # A call after the end must fail, not start another instance.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    # Otherwise a start by `uv run` makes each node download and install packages.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
_LOCAL = {
    # Ray's switch for machines outside a cluster, on any system: servers listen on loopback only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Actors keep the priority of this process and may lower it (Ray's default is 15).
    "RAY_worker_niceness": "0",
    # If this process is killed, Ray's processes end after seconds, not after a minute.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
}


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """The cluster of the actors."""

    address: str  # of an existing cluster's head: ``10.0.0.1:6379``; empty to start Ray here
    namespace: str  # separates the actors of services on the same cluster

    @property
    def is_local(self) -> bool:
        """True if this process starts Ray, and ends it."""
        return not self.address


def prepare_environment(where: ClusterAddress) -> None:
    """Set the environment variables of Ray; existing values stay."""
    for name, value in _ALWAYS.items():
        os.environ.setdefault(name, value)
    if not where.is_local:
        return
    for name, value in _LOCAL.items():
        os.environ.setdefault(name, value)
    if "RAY_AUTH_MODE" not in os.environ:
        # Access to Ray allows running code, so other users of this machine need a token. It is set
        # here, as Ray would otherwise write one to the home folder.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
