"""The links of all images, by owner and in order of completion, with a memory limit."""

from collections.abc import ItemsView, Iterable

from workers.state.jobs.link_list import LinkList

_KEPT_WHEN_FULL = 7 / 8  # a margin: removals invalidate the web side's lists, so they are rare


class KeptLinks:
    """Links by owner; they outlive their jobs. Beyond the limit, the oldest links of the owner
    with the most are emptied; indexes stay. Not thread-safe.

    Args:
        max_bytes: memory limit.

    Attributes:
        size: estimated memory in bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.size = 0
        self._lists: dict[str, LinkList] = {}

    def of(self, owner: str) -> LinkList:
        """Return an owner's links, for reading."""
        return self._lists.get(owner) or LinkList()

    def items(self) -> ItemsView[str, LinkList]:
        """Return all links by owner, for reading."""
        return self._lists.items()

    def add(self, owner: str, links: Iterable[str]) -> None:
        """Append links of an owner."""
        found = self._lists.get(owner)
        if found is None:
            found = self._lists[owner] = LinkList()
        self.size -= found.size
        found.extend(links)
        self.size += found.size
        if self.size > self._max_bytes:
            self._shrink(int(self._max_bytes * _KEPT_WHEN_FULL))

    def remove(self, owner: str, link: str) -> None:
        """Remove a link of an owner."""
        found = self.of(owner)
        self.size -= found.size
        found.remove(link)
        self.size += found.size

    def _shrink(self, max_bytes: int) -> None:
        while self.size > max_bytes:
            largest = max(self._lists.values(), key=lambda links: links.size)
            before = largest.size
            if not largest.forget_oldest():
                return
            self.size += largest.size - before
