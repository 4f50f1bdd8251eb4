"""From the start of the process to the first answer that says it is ready; memory when idle."""

from benchmarks.bench import Bench
from benchmarks.progress import say

CASE = "start"
MEMORY = "memory when idle"
_STARTS = 3


def run(bench: Bench) -> None:
    """A round of it."""
    for _ in range(bench.of(_STARTS)):
        with bench.product.start(bench.site, slow=False) as product:
            bench.results.add_samples(CASE, "ready", [product.start_seconds])
            for role, used in product.memory():
                bench.results.add_samples(MEMORY, role, [used.proportional])
            say(f"{CASE}: ready after {product.start_seconds:.2f} s")
