"""Shares a limited resource between tenants."""


class Shares:
    """Amounts held, by tenant and in total. Not thread-safe."""

    def __init__(self) -> None:
        self.total = 0
        self._held: dict[str, int] = {}

    def of(self, tenant: str) -> int:
        return self._held.get(tenant, 0)

    def add(self, tenant: str, amount: int) -> None:
        held = self._held.get(tenant, 0) + amount
        self.total += amount
        if held:
            self._held[tenant] = held
        else:
            self._held.pop(tenant, None)


def share_left(limit: int, used: int, held: int) -> int:
    """Return how much more a tenant may take: it may hold as much as is left free (dynamic
    thresholds, Choudhury and Hahne 1998). `used` is held by all tenants, this one's `held`
    included.

    So a single tenant may hold one half, each of n tenants 1/(n + 1), and the same amount is always
    free for another one. With nothing in use a tenant may take all, so that a request larger than
    one half can succeed.
    """
    left = max(0, limit - used)
    return max(0, (left - held) // 2) if used else left
