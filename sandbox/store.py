"""Keeps what clients create, in memory, by id and by deletehash."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar


@dataclass(slots=True, kw_only=True)
class Item:
    """An image or an album. The secret allows its deletion."""

    deleted: bool = False
    # Random: a link never leads to another item, not even after a restart, and the items of others
    # cannot be found by counting.
    id: str = field(default_factory=lambda: f"sbx-{secrets.token_hex(6)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def deletehash(self) -> str:
        return f"{self.id}-{self.secret}"


_Item = TypeVar("_Item", bound=Item)


class Store(Generic[_Item]):
    """Items in the order of creation; beyond a number the oldest are dropped."""

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self.items: OrderedDict[str, _Item] = OrderedDict()  # by id; deleted ones included

    def add(self, item: _Item) -> None:
        self.items[item.id] = item
        if len(self.items) > self._max_items:
            self.items.popitem(last=False)

    def of_id(self, item_id: str) -> _Item | None:
        """Return an item that is not deleted, by its id."""
        item = self.items.get(item_id)
        return None if item is None or item.deleted else item

    def of_deletehash(self, deletehash: str) -> _Item | None:
        """Return an item that is not deleted, by its deletehash."""
        item = self.of_id(deletehash.rpartition("-")[0])
        return None if item is None or item.deletehash != deletehash else item

    def find(self, name: str) -> _Item | None:
        """Return an item that is not deleted, by its id or its deletehash."""
        return self.of_id(name) or self.of_deletehash(name)
