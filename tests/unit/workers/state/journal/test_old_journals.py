"""The first journals are read as they were: their details were a list for each field."""

import pytest

from workers.contract.messages.outcomes import Altered, Converted, ImageDetails
from workers.contract.messages.tasks import Deletion, DeletionState, DeliveryAttempt
from workers.state.jobs.job_records import Record
from workers.state.jobs.job_table import JobTable
from workers.state.journal.replay import replay, state_records

URLS = [f"https://s.test/{number}" for number in range(5)]
FOUND = "https://images.test/a.png"
MADE = ["image/webp", "image/jpeg", 900, 700, 40, 30]
DELIVERY = [9.0, 1, 503, None, 20.0]
DELETION = ["failed", "imgur-error", "It was down."]

AS_IT_HAPPENED: list[Record] = [
    ["opened", "j", "", 1.0, URLS, {"callback_url": "https://me.test/"}],
    ["started", "j"],
    ["uploading", "j", 0],
    ["interrupted", "j", 0, ["imgur-timeout", "No answer."], [1, 1]],
    ["uploading", "j", 0],
    ["complete", "j", 0, ["l0", "h0"], None],
    ["complete", "j", 1, ["l1", "", 1], None],
    ["complete", "j", 2, ["l2", "h2", 0, "image/jpeg", 9], None],
    ["resolved", "j", 3, FOUND],
    ["complete", "j", 3, ["l3", "h3", 0, None, None, *MADE], None],
    ["resolved", "j", 4, FOUND],
    ["failed", "j", 4, ["empty", "Nothing came."], 8.0],
    ["delivery", "j", DELIVERY],
    ["deletion", "j", 2, ["pending", "", ""]],
    ["deletion", "j", 2, DELETION],
]
COMPACT: list[Record] = [
    [
        "job",
        "j",
        {
            "owner": "",
            "created": 1.0,
            "finished": 8.0,
            "status": "complete",
            "urls": URLS,
            "states": "0101010102",
            "attempts": "0201010101",
            "complete": [[0, "l0", "h0"], [1, "l1", ""], [2, "l2", "h2"], [3, "l3", "h3"]],
            "troubles": [[4, "empty", "Nothing came."]],
            "uploading": [],
            "unsure": [],
            "doubled": [0],
            "deduplicated": [1],
            "altered": [[2, "image/jpeg", 9]],
            "album": None,
            "converted": [[3, *MADE]],
            "options": {"callback_url": "https://me.test/"},
            "cancelled": None,
            "retry_of": None,
            "retried_as": None,
            "request": None,
            "errands": {"deliveries": [DELIVERY], "deletions": [[2, *DELETION]]},
            "resolved": [[3, FOUND], [4, FOUND]],
        },
    ],
    ["links", "", ["l0", "l2", "l3"]],
]


@pytest.mark.parametrize("records", [AS_IT_HAPPENED, COMPACT], ids=["as it happened", "compact"])
def test_it_is_read(records: list[Record]) -> None:
    table = JobTable()
    replay(records, table)

    job = table.by_id["j"]
    assert job.details == {
        0: ImageDetails(maybe_duplicated=True),
        1: ImageDetails(deduplicated=True),
        2: ImageDetails(
            altered=Altered("image/jpeg", 9),
            deletion=Deletion(DeletionState.FAILED, "imgur-error", "It was down."),
        ),
        3: ImageDetails(
            resolved_to=FOUND,
            converted=Converted("image/webp", "image/jpeg", 900, 700, 40, 30),
        ),
        4: ImageDetails(resolved_to=FOUND),
    }
    assert job.deliveries == (DeliveryAttempt(9.0, 1, 503, None, 20.0),)
    assert job.errors == {4: ("empty", "Nothing came.")}
    assert job.states.hex() == "0101010102"
    assert job.finished == 8.0
    assert table.links(0, 9) == ("l0", "l2", "l3")

    again = JobTable()
    replay(list(state_records(table)), again)
    assert again.by_id["j"] == job
