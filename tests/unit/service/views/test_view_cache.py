import contextlib
from dataclasses import dataclass

from service.views.view_cache import IDLE_SECONDS, ViewCache
from tests.clock import Clock


@dataclass(eq=False)
class Text:
    size: int = 0


def keep(cache: ViewCache[str, Text], key: str, size: int) -> Text:
    with cache.view(key) as view:
        view.size = size
    return view


def kept(cache: ViewCache[str, Text], key: str) -> bool:
    return key in cache._kept


def test_what_fits_is_kept() -> None:
    cache = ViewCache[str, Text](Text, 100)
    first = keep(cache, "a", 50)
    keep(cache, "b", 50)
    assert keep(cache, "a", 50) is first


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = ViewCache[str, Text](Text, 100)
    for key in ("a", "b", "c"):
        keep(cache, key, 30)
    keep(cache, "a", 30)
    keep(cache, "d", 40)
    assert [key for key in "abcd" if kept(cache, key)] == ["a", "c", "d"]
    assert cache._bytes == 100


def test_a_view_that_grows_pushes_others_out() -> None:
    cache = ViewCache[str, Text](Text, 100)
    keep(cache, "a", 10)
    keep(cache, "b", 10)
    keep(cache, "b", 95)
    assert (kept(cache, "a"), kept(cache, "b"), cache._bytes) == (False, True, 95)


def test_one_too_large_for_all_goes_at_once() -> None:
    cache = ViewCache[str, Text](Text, 100)
    keep(cache, "a", 10)
    keep(cache, "b", 101)
    assert (cache._kept, cache._bytes) == ({}, 0)


def test_what_is_forgotten_weighs_nothing() -> None:
    cache = ViewCache[str, Text](Text, 100)
    keep(cache, "a", 60)
    with cache.view("a") as view:
        view.size = 70
        cache.forget("a")
    assert (cache._kept, cache._bytes) == ({}, 0)
    cache.forget("a")
    assert keep(cache, "a", 5) is not view


def test_a_view_left_by_an_error_is_weighed() -> None:
    cache = ViewCache[str, Text](Text, 100)
    with contextlib.suppress(TimeoutError), cache.view("a") as view:
        view.size = 60
        raise TimeoutError
    assert cache._bytes == 60


def test_what_nobody_follows_any_more_goes() -> None:
    clock = Clock(0.0)
    cache = ViewCache[str, Text](Text, 100, clock)
    keep(cache, "followed", 10)
    keep(cache, "left", 10)
    clock.now = IDLE_SECONDS - 1
    keep(cache, "followed", 10)
    assert kept(cache, "left")
    clock.now = IDLE_SECONDS + 1
    keep(cache, "new", 10)
    assert [key for key in ("followed", "left", "new") if kept(cache, key)] == ["followed", "new"]
    assert cache._bytes == 20
