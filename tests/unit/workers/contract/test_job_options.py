import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from workers.contract.job_options import NO_OPTIONS, JobOptions, Priority
from workers.contract.messages.round_trip import ImageOptions, Lease
from workers.contract.messages.submission import Submission

SECRET = "s3cret"
FULL = JobOptions(
    album="al8um",
    title="{number}",
    description="of {count}",
    priority=Priority.HIGH,
    source_headers=(
        ("https://a.test", (("Authorization", SECRET), ("X-B", "c"))),
        ("http://b.test:8080", (("X-D", "e"),)),
    ),
    callback_url=f"https://me.test/done?key={SECRET}",
    resolve_pages=False,
    convert=False,
)


def test_a_job_without_options_has_the_one_default_on_both_sides_of_a_process_boundary() -> None:
    submission = Submission("j", ("https://a.test/",))

    assert submission.options is NO_OPTIONS
    assert pickle.loads(pickle.dumps(submission)).options is NO_OPTIONS
    assert pickle.loads(pickle.dumps(FULL)) == FULL


@pytest.mark.parametrize("name", JobOptions.__match_args__)
def test_each_option_goes_through_a_journal_by_itself(name: str) -> None:
    options = replace(NO_OPTIONS, **{name: getattr(FULL, name)})

    record = json.loads(json.dumps(options.to_record()))

    assert list(record) == [name]
    assert JobOptions.from_record(record) == options


def test_all_or_none_go_through_a_journal() -> None:
    assert JobOptions.from_record(json.loads(json.dumps(FULL.to_record()))) == FULL
    assert NO_OPTIONS.to_record() == {}
    assert JobOptions.from_record({}) is NO_OPTIONS


@pytest.mark.parametrize(
    "record",
    [{"unknown": 1}, {"priority": "highest"}, {"source_headers": [["https://a.test"]]}],
    ids=str,
)
def test_a_record_of_something_else_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        JobOptions.from_record(record)


def test_secrets_are_not_shown() -> None:
    for_image = ImageOptions.of(FULL, 2)

    assert SECRET not in repr(Submission("j", ("u",), "", FULL))
    assert SECRET not in repr(Lease(1, "j", 0, "u", 1, for_image))
    assert "al8um" not in repr((FULL, for_image)), "an anonymous album is named by its deletehash"


def test_workers_are_told_only_of_what_they_do_differently() -> None:
    assert ImageOptions.of(NO_OPTIONS, 3) is None
    assert ImageOptions.of(JobOptions(priority=Priority.LOW, callback_url="http://a"), 3) is None
    told = ImageOptions.of(FULL, 3)
    assert told is not None
    assert told.job == replace(FULL, priority=Priority.NORMAL, callback_url=None)


def test_the_options_of_a_job_travel_once_in_a_delivery() -> None:
    options = ImageOptions.of(FULL, 100)
    leases = tuple(Lease(n, "j", n, "https://a.test/", 1, options) for n in range(100))

    assert pickle.dumps(leases).count(SECRET.encode()) == 1
