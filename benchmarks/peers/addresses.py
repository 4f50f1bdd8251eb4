"""Where a peer finds Redis: the workers are started by their own commands, so by environment."""

import os

from redis import Redis

VARIABLE = "BENCH_REDIS_PORT"


def redis_url(database: int) -> str:
    """The address of one of Redis's numbered databases."""
    return f"redis://127.0.0.1:{os.environ[VARIABLE]}/{database}"


def connect(database: int) -> Redis:
    """A connection to it."""
    return Redis.from_url(redis_url(database))
