"""What a case is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.contender import Contender, Plan, Site, take_turn
from benchmarks.product import Product, RunningProduct
from benchmarks.progress import say
from benchmarks.results import Results

PICTURES = {"2.9 KB": 2_900, "68 KB": 68_000, "5 MB": 5_000_000}
DEFAULT_PICTURE = "68 KB"


@dataclass(frozen=True)
class Bench:
    """One round.

    Attributes:
        site: nginx and Redis.
        product: as it is to be started.
        results: where figures go.
        number: of the round, from 0.
        share: of the full counts that is run, from 0 to 1.
    """

    site: Site
    product: Product
    results: Results
    number: int
    share: float

    def of(self, full: int, least: int = 1) -> int:
        """A count, less in the quick form."""
        return max(least, round(full * self.share))

    def take_turns(self, case: str, plans: list[tuple[Contender, Plan]]) -> None:
        """One turn each, begun by another in each round."""
        first = self.number % len(plans)
        for contender, plan in plans[first:] + plans[:first]:
            turn = take_turn(contender, self.site, plan)
            self.results.add(case, contender.name, turn)
            say(f"{case}: {contender.name}: {turn.rate:,.0f}/s, {turn.cpu_ms:.2f} ms CPU an image")

    @contextmanager
    def running_product(self, *, slow: bool = False) -> Iterator[RunningProduct]:
        """The product started and warm."""
        with self.product.start(self.site, slow=slow) as running:
            running.run(self.site.order(DEFAULT_PICTURE, self.of(200, 20), slow=slow, name="warm"))
            yield running
