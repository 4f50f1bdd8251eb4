"""``python -m service.remove_board``: drains and removes a backend on a Ray cluster.

A service that uses a cluster (BACKEND=ray with RAY_ADDRESS) leaves its actors there when it stops.
This command reads the same settings.
"""

import os
import sys

import structlog

from service.closed_streams import open_closed_streams
from service.exit_codes import EXIT_DONE, EXIT_STATE_LOST, cannot_start, log_unfinished
from service.settings.environment import SettingsError, load_settings
from workers import (
    BackendError,
    BackendLostError,
    ClusterAddress,
    LogConfig,
    configure_logging,
    remove_ray_backend,
)


def main() -> int:
    """Remove the actors of RAY_NAMESPACE from the cluster at RAY_ADDRESS.

    Returns:
        The exit code: 0 removed, or there was none; 1 the state was lost; 2 could not start.
    """
    open_closed_streams()
    try:
        settings = load_settings(os.environ)
        if not settings.ray_address:
            return cannot_start("RAY_ADDRESS is not set: without a cluster nothing stays behind")
        configure_logging(LogConfig(settings.log_format, settings.log_level), "remove-board")
        log = structlog.get_logger("service").bind(
            cluster=settings.ray_address, namespace=settings.ray_namespace
        )
        where = ClusterAddress(settings.ray_address, settings.ray_namespace)
        log.info("draining the actors on the cluster", limit=settings.drain_seconds)
        unfinished = remove_ray_backend(where, settings.drain_seconds)
    except (BackendError, SettingsError) as error:
        return cannot_start(str(error))
    except BackendLostError as error:
        log.critical("the job state is gone or silent", cause=str(error), exit_code=EXIT_STATE_LOST)
        return EXIT_STATE_LOST
    if unfinished is None:
        log.info("there are no actors to remove")
        return EXIT_DONE
    log_unfinished(unfinished, kept=settings.journal_path is not None)
    log.info("actors removed")
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
