"""How what is limited is shared between tenants."""


class Shares:
    """How much of something is held, by tenant and in all. Not safe for threads by itself."""

    def __init__(self) -> None:
        self.total = 0
        self._held: dict[str, int] = {}

    def __len__(self) -> int:
        """Tenants that hold something."""
        return len(self._held)

    def of(self, tenant: str) -> int:
        """What a tenant holds."""
        return self._held.get(tenant, 0)

    def add(self, tenant: str, amount: int) -> None:
        """A tenant holds more, or less."""
        held = self._held.get(tenant, 0) + amount
        self.total += amount
        if held:
            self._held[tenant] = held
        else:
            self._held.pop(tenant, None)


def share_left(limit: int, used: int, held: int) -> int:
    """How much more a tenant may take: as long as it holds no more than is left for all others
    (dynamic thresholds, Choudhury and Hahne 1998).

    So one alone may hold a half, each of two a third, each of n a part of n + 1, and as much again
    is always free for who comes next. Who comes while nobody holds anything may take it all, or
    what is larger than a half would never have its turn.

    Args:
        limit: what there is.
        used: what is held by all, this tenant's own included.
        held: what this tenant holds.
    """
    left = max(0, limit - used)
    return max(0, (left - held) // 2) if used else left
