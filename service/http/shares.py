"""Who gives way when something that all clients share is short: connections, or memory."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Generic, Protocol, TypeVar

_LARGEST_SHARE: Final = 2
"""No client holds more than half. Less would hurt the many who are behind one address: a network's
gateway, or that of a container's network."""


class Holder(Protocol):
    """Whoever holds some of it, such as a connection."""

    @property
    def group(self) -> str:
        """The client that it is of."""
        ...


_Holder = TypeVar("_Holder", bound=Holder)


class Shares(Generic[_Holder]):
    """How something is divided at the moment.

    Args:
        held: how much each holder has.
        room: how much there is.
    """

    def __init__(self, held: Mapping[_Holder, int], room: int) -> None:
        self._by_client: Counter[str] = Counter()
        for holder, amount in held.items():
            self._by_client[holder.group] += amount
        self._each = max(1, room // _LARGEST_SHARE)
        # What a client has beyond its share is its own to give, not that of others.
        rightful = (min(amount, self._each) for amount in self._by_client.values())
        self._is_full = sum(rightful) > room

    @property
    def are_exceeded(self) -> bool:
        """Whether more is held than there is, or by one client than is its share."""
        return self._is_full or max(self._by_client.values(), default=0) > self._each

    def first_to_give(self, ranks: Mapping[_Holder, float]) -> _Holder | None:
        """The lowest in rank of the client that holds the most, so that a flood drowns itself.

        Args:
            ranks: of those that may be chosen, the order among those of one client.

        Returns:
            None if nobody may be, or nobody has to.
        """
        shares = self._by_client
        eligible = [one for one in ranks if self._is_full or shares[one.group] > self._each]
        return min(eligible, key=lambda one: (-shares[one.group], ranks[one]), default=None)
