"""A contender's own front: a process that takes orders on stdin and answers when one is done.

``python -m benchmarks.front MODULE``: the module's `opened()` gives what uploads a list of URLs.
It stands where the product's HTTP side stands: its CPU is the contender's.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

Upload = Callable[[Sequence[str], str], None]
"""Uploads all images of the URLs to a sink, and returns when each has a result."""


@dataclass(frozen=True)
class Order:
    """One job.

    Attributes:
        source: what each URL starts with; a number and ``.jpg`` follow.
        count: URLs.
        sink: where the images go.
    """

    source: str
    count: int
    sink: str

    def urls(self) -> list[str]:
        return [f"{self.source}{number}.jpg" for number in range(self.count)]

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def main() -> None:
    module = importlib.import_module(sys.argv[1])
    with module.opened() as upload:
        for line in sys.stdin:
            order = Order(**json.loads(line))
            urls = order.urls()
            began = time.perf_counter()
            upload(urls, order.sink)
            sys.stdout.write(f"{time.perf_counter() - began}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
