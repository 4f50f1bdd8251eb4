"""A process that uses Ray by itself: both halves of its conversation.

``python -m benchmarks.cluster.driver MODULE [ARGUMENT ...]`` prints what the module's `measured`
finds as JSON. A process of its own each time, as the Ray that it starts lasts as long as it does.
"""

import importlib
import json
import os
import subprocess
import sys
from typing import Any

from workers import ClusterAddress, LogConfig, configure_logging
from workers.runtime.ray.environment import prepare_environment

WHERE = ClusterAddress("", "bench")
_PATIENCE_SECONDS = 180.0


def drive(module: str, *arguments: object) -> Any:  # noqa: ANN401 - any JSON
    """Run a module's `measured` in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    command = [sys.executable, "-m", __name__, module, *map(str, arguments)]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        env=os.environ | {"PYTHONPATH": os.getcwd()},  # noqa: PTH109 - a str is wanted
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"bench: {module} failed\n{ended.stdout}{ended.stderr}")
    # Ray's own words, if there are any, come before.
    return json.loads(ended.stdout.splitlines()[-1])


def main() -> None:
    # Ray reads the environment when it is imported, which the module does.
    prepare_environment(WHERE)
    module = importlib.import_module(f"benchmarks.cluster.{sys.argv[1]}")
    configure_logging(LogConfig("json", "WARNING"), "bench")
    stdout = sys.stdout  # Ray's lines take its place
    found = module.measured(*sys.argv[2:])
    stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
