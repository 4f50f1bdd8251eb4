from workers.state.quota.pauses import Pauses


def test_pauses_that_nobody_explains_grow() -> None:
    pauses, now, waits = Pauses(), 0.0, []
    for _ in range(9):
        pauses.refused(None, now)
        waits.append(pauses.seconds(now) / 60)
        now += pauses.seconds(now)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_refusals_of_what_was_under_way_do_not_make_it_grow() -> None:
    pauses = Pauses()
    for _ in range(100):
        pauses.refused(None, 10.0)

    assert pauses.seconds(10.0) == 60.0
    pauses.refused(None, 70.0)
    assert pauses.seconds(70.0) == 120.0


def test_an_image_that_is_taken_makes_them_short_again() -> None:
    pauses = Pauses()
    pauses.refused(None, 0.0)
    pauses.refused(None, 60.0)
    assert pauses.is_guessing

    pauses.end_guesses()

    assert not pauses.is_guessing
    pauses.refused(None, 300.0)
    assert pauses.seconds(300.0) == 60.0


def test_the_longest_wait_asked_for_wins() -> None:
    pauses = Pauses()
    pauses.ask(100.0, 0.0)
    pauses.ask(10.0, 0.0)

    assert pauses.seconds(0.0) == 100.0
    assert pauses.seconds(200.0) == 0.0
    assert not pauses.is_guessing


def test_a_time_that_proves_wrong_again_and_again_is_not_believed() -> None:
    pauses, now, waits = Pauses(), 0.0, []
    for _ in range(6):
        pauses.refused(1.0, now)
        waits.append(pauses.seconds(now))
        now += pauses.seconds(now)

    assert waits == [1, 1, 60, 120, 240, 480]


def test_a_long_time_that_is_asked_for_is_never_undercut() -> None:
    pauses, now = Pauses(), 0.0
    for _ in range(6):
        pauses.refused(86_400.0, now)
        assert pauses.seconds(now) == 86_400.0
        now += 86_400.0
