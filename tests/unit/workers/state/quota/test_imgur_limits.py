from dataclasses import replace

from workers.contract.quota import UNKNOWN, LimitState, Quota
from workers.state.quota.imgur_limits import ImgurLimits

USER = LimitState(500, 400, 3600.0)


def told(client: int | None = None, posts: int | None = None) -> Quota:
    return Quota(
        client=LimitState(12_500, client, 80_000.0) if client is not None else LimitState(),
        posts=LimitState(1250, posts, 3000.0) if posts is not None else LimitState(),
    )


def test_nothing_is_known_at_first() -> None:
    assert ImgurLimits().left(0.0, 0) is None
    assert ImgurLimits().at(5.0) == UNKNOWN


def test_resets_come_closer() -> None:
    limits = ImgurLimits()
    limits.note(Quota(user=USER), 100.0, under_way=0)
    assert limits.at(160.0).user == replace(USER, reset_seconds=3540.0)


def test_after_a_reset_what_is_left_is_not_known() -> None:
    limits = ImgurLimits()
    limits.note(Quota(user=USER), 100.0, under_way=0)
    assert limits.at(3700.0).user == LimitState(limit=500)


def test_each_limit_is_as_old_as_its_last_word() -> None:
    limits = ImgurLimits()
    limits.note(Quota(user=USER), 100.0, under_way=0)
    limits.note(Quota(posts=LimitState(1250, 3, 10.0)), 1100.0, under_way=0)
    assert limits.at(1100.0) == Quota(
        user=replace(USER, reset_seconds=2600.0), posts=LimitState(1250, 3, 10.0)
    )


def test_what_is_under_way_is_taken_off() -> None:
    limits = ImgurLimits()
    limits.note(told(posts=10), 0.0, under_way=3)

    assert limits.left(1.0, under_way=4) == 6


def test_so_is_what_workers_may_not_have_told() -> None:
    limits = ImgurLimits()
    for remaining, least in ((1000, 987), (20, 12), (13, 12), (12, 12), (1, 1), (0, 0)):
        limits.note(told(posts=remaining), 0.0, under_way=0)
        assert limits.left(0.0, under_way=0) == least


def test_a_limit_with_enough_for_an_upload_leaves_it() -> None:
    """Nothing would say why all uploads wait for its reset: only less than that is a pause."""
    limits = ImgurLimits()
    for remaining, left in ((15, 1), (14, 1), (10, 1), (9, 0)):
        limits.note(Quota(user=replace(USER, remaining=remaining)), 0.0, under_way=0)
        assert limits.left(0.0, under_way=0) == left


def test_figures_that_do_not_move_stop_nothing() -> None:
    limits = ImgurLimits()
    limits.note(told(posts=1249), 0.0, under_way=0)
    upload(limits, 10_000)

    assert limits.left(0.0, under_way=100) == 1136


def test_a_reset_leaves_nothing_known() -> None:
    limits = ImgurLimits()
    limits.note(told(posts=0), 0.0, under_way=0)

    assert limits.left(2999.0, 0) == 0
    assert limits.left(3000.0, 0) is None


def test_a_limit_without_a_reset_leaves_one_upload_at_a_time() -> None:
    """Otherwise nothing would ever tell that it leaves more again."""
    limits = ImgurLimits()
    for remaining in (9, 0, -50):
        limits.note(Quota(client=LimitState(12_500, remaining)), 0.0, under_way=0)

        assert limits.left(100_000.0, under_way=0) == 1
        assert limits.left(100_000.0, under_way=1) == 0


def upload(limits: ImgurLimits, count: int) -> None:
    for _ in range(count):
        limits.sent()


def test_a_client_id_of_one_s_own_has_no_others() -> None:
    limits, left = ImgurLimits(), 12_500
    for step in range(50):
        upload(limits, 5)
        left -= 50
        limits.note(told(client=left), float(step), under_way=0)

    assert limits.others == 0


def test_uploads_of_others_are_noticed() -> None:
    limits = ImgurLimits()
    limits.note(told(client=12_000), 0.0, under_way=0)
    upload(limits, 5)
    limits.note(told(client=12_000 - 50 - 300), 1.0, under_way=0)

    assert limits.others == 30


def test_what_was_under_way_at_first_is_our_own() -> None:
    limits = ImgurLimits()
    upload(limits, 100)
    limits.note(told(client=12_490), 0.0, under_way=99)
    limits.note(told(client=11_500), 1.0, under_way=0)

    assert limits.others == 0


def test_the_count_begins_anew_with_imgurs() -> None:
    limits = ImgurLimits()
    limits.note(told(client=1000), 0.0, under_way=0)
    limits.note(told(client=500), 1.0, under_way=0)
    assert limits.others == 50

    limits.note(told(client=12_490), 2.0, under_way=0)

    assert limits.others == 0


def test_deletions_are_our_own() -> None:
    limits = ImgurLimits()
    limits.note(told(client=1000), 0.0, under_way=0)
    for _ in range(200):
        limits.called(1)
    limits.note(told(client=800), 1.0, under_way=0)

    assert limits.others == 0
