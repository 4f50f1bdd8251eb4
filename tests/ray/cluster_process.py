"""A Ray cluster of several nodes on this machine, for tests: a process that takes orders.

In a process of its own, as Ray leaves threads and warnings behind where it runs. Orders are lines
on stdin, each answered by a line of JSON; the end of stdin ends the cluster.
"""

import json
import sys
from pathlib import Path

from ray.cluster_utils import Cluster

NODES = 3
_NODE = {
    "num_cpus": 4,
    "node_ip_address": "127.0.0.1",
    "include_dashboard": False,
    "object_store_memory": 80 * 1024**2,
}


def main(folder: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "temp_dir": folder})
    for _ in range(NODES - 1):
        cluster.add_node(**_NODE)
    _say(address=cluster.address)
    for line in sys.stdin:
        if line.strip() == "kill-node":
            node = next(iter(cluster.worker_nodes))
            cluster.remove_node(node, allow_graceful=False)
            _say(killed=True)
        elif line.strip() == "add-node":
            cluster.add_node(**_NODE)
            _say(added=True)
    cluster.shutdown()


def _say(**answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(exist_ok=True)
    main(sys.argv[1])
