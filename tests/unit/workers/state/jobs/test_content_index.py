from workers.state.jobs.content_index import ContentIndex

A, B = b"a" * 32, b"b" * 32


def test_an_image_is_found_by_its_owner_and_content() -> None:
    index = ContentIndex(10_000)
    index.add("me", A, "link-a")

    assert index.link("me", A) == "link-a"
    assert index.link("me", B) is None
    assert index.link("you", A) is None, "nobody gets another's link"
    assert index.link("", A) is None


def test_owner_and_content_do_not_run_together() -> None:
    index = ContentIndex(10_000)
    index.add("m", b"e" + A, "link")

    assert index.link("me", A) is None


def test_of_two_that_are_the_same_the_first_stays() -> None:
    index = ContentIndex(10_000)
    index.add("me", A, "first")
    index.add("me", A, "second")

    assert index.link("me", A) == "first"
    index.forget_link("second")
    assert index.link("me", A) == "first"


def test_a_deleted_image_is_found_no_more() -> None:
    index = ContentIndex(10_000)
    index.add("me", A, "link-a")

    index.forget_link("link-a")
    index.forget_link("never there")

    assert index.link("me", A) is None
    assert len(index._links) == 0
    index.add("me", A, "anew")
    assert index.link("me", A) == "anew"


def test_the_one_asked_for_longest_ago_goes_first() -> None:
    index = ContentIndex(2 * 250)
    index.add("me", A, "link-a")
    index.add("me", B, "link-b")
    assert index.link("me", A) == "link-a"

    index.add("me", b"c" * 32, "link-c")

    assert index.link("me", B) is None
    assert index.link("me", A) == "link-a"
    assert len(index._links) == len(index._keys) == 2
