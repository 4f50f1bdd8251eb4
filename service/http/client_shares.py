"""Selects the connection to close, or the body to refuse, when connections or memory are short."""

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.http.channel import Channel

_LARGEST_SHARE: Final = 2
"""No client holds more than half. A smaller share would affect the many users behind one address,
such as the gateway of a network, or of a container's network."""


class ClientShares:
    """The current shares of a resource.

    Args:
        held: amount of each connection.
        room: total amount.
    """

    def __init__(self, held: "Mapping[Channel, int]", room: int) -> None:
        self._by_client: Counter[str] = Counter()
        for channel, amount in held.items():
            self._by_client[channel.group] += amount
        self._each = max(1, room // _LARGEST_SHARE)
        # Only the client itself gives up what it holds beyond its share.
        rightful = (min(amount, self._each) for amount in self._by_client.values())
        self._is_full = sum(rightful) > room

    @property
    def are_exceeded(self) -> bool:
        """Whether all clients, or one of them, hold too much."""
        return self._is_full or max(self._by_client.values(), default=0) > self._each

    def first_to_give(self, ranks: "Mapping[Channel, float]") -> "Channel | None":
        """Return the connection of the lowest rank of the client that holds the most, so that a
        flood affects its own client.

        Args:
            ranks: the candidates, with their order among those of one client.

        Returns:
            None if there is no candidate, or enough room.
        """
        shares = self._by_client
        eligible = [one for one in ranks if self._is_full or shares[one.group] > self._each]
        return min(eligible, key=lambda one: (-shares[one.group], ranks[one]), default=None)
