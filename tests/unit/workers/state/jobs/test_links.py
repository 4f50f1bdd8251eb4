"""The list of links behaves as a list does."""

import pytest

from workers.state.jobs.links import LinkList


def links(count: int) -> list[str]:
    return [f"https://i.imgur.com/{number}.jpg" for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_holds_what_was_appended(count: int) -> None:
    kept = LinkList()

    kept.extend(links(count))

    assert len(kept) == count
    assert list(kept.slice(0, count + 1)) == links(count)


@pytest.mark.parametrize("start", [0, 1, 998, 1000, 1001, 1999, 2499, 2500, 9999])
@pytest.mark.parametrize("limit", [0, 1, 2, 1000, 1001, 99999])
def test_slices_as_a_list_does(start: int, limit: int) -> None:
    kept = LinkList()
    kept.extend(links(2500))

    assert kept.slice(start, limit) == tuple(links(2500)[start : start + limit])


def test_grows_after_a_slice() -> None:
    kept = LinkList()
    kept.extend(links(1000))
    before = kept.slice(990, 100)

    kept.append("https://i.imgur.com/new.jpg")

    assert before == tuple(links(1000)[990:])
    assert kept.slice(1000, 100) == ("https://i.imgur.com/new.jpg",)


class TestRemoving:
    def test_the_place_stays_so_that_the_others_keep_theirs(self) -> None:
        kept = LinkList()
        kept.extend(links(2500))
        for number in (0, 999, 1000, 2400):
            assert kept.remove(links(2500)[number])
        assert kept.removed == 4
        assert len(kept) == 2500
        assert kept.slice(998, 4) == (links(2500)[998], "", "", links(2500)[1001])
        assert kept.slice(2399, 2) == (links(2500)[2399], "")

    def test_what_is_not_there_is_not_removed(self) -> None:
        kept = LinkList()
        kept.extend(links(1500))
        first = links(1500)[0]
        assert not kept.remove(first[:-1])  # a part of a link is none
        assert not kept.remove("https://i.imgur.com/other.jpg")
        assert kept.remove(first)
        assert not kept.remove(first)
        assert kept.removed == 1
