"""The links of all images, by owner and in order of completion, within so many bytes."""

from collections.abc import ItemsView, Iterable

from workers.state.jobs.link_list import LinkList

_KEPT_WHEN_FULL = 7 / 8  # so that whoever lists them need not begin anew with each new image


class KeptLinks:
    """Links outlive their jobs. Of more than fit, the oldest of whoever has most are forgotten, and
    their places stay, empty. Not safe for threads by itself.

    Args:
        max_bytes: for all of them.

    Attributes:
        size: bytes of memory, by an estimate.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.size = 0
        self._lists: dict[str, LinkList] = {}

    def of(self, owner: str) -> LinkList:
        """An owner's links, to be read."""
        return self._lists.get(owner) or LinkList()

    def items(self) -> ItemsView[str, LinkList]:
        """All links by owner, to be read."""
        return self._lists.items()

    def add(self, owner: str, links: Iterable[str]) -> None:
        """Append an owner's next links."""
        found = self._lists.get(owner)
        if found is None:
            found = self._lists[owner] = LinkList()
        self.size -= found.size
        found.extend(links)
        self.size += found.size
        if self.size > self._max_bytes:
            self._shrink(int(self._max_bytes * _KEPT_WHEN_FULL))

    def remove(self, owner: str, link: str) -> None:
        """A link is not to be listed any more."""
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
