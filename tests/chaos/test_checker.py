"""The checker itself: it is silent about a good run, and names each broken promise."""

import copy

import pytest

from tests.chaos.checker import Checker
from tests.running_service import not_over_ray

pytestmark = not_over_ray("The checker has no backend.")

URLS = ["http://s.test/a", "http://s.test/b"]
CREATED, LATER = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"


def status(states="pc", name="in-progress", finished=None, created=CREATED):
    """An answer; one letter a URL: pending, complete, failed."""
    kinds = {"p": "pending", "c": "complete", "f": "failed"}
    results = [
        {
            "url": url,
            "state": kinds[letter],
            "link": url + "/link" if letter == "c" else None,
            "reason": "why" if letter == "f" else None,
        }
        for url, letter in zip(URLS, states, strict=True)
    ]
    return {
        "created": created,
        "finished": finished,
        "status": name,
        "uploaded": {
            kind: [r["link"] or r["url"] for r in results if r["state"] == kind]
            for kind in kinds.values()
        },
        "results": results,
    }


def done(states="cc", **changes):
    return status(states, "complete", **({"finished": LATER} | changes))


def linked(answer):
    return list(answer["uploaded"]["complete"])


def run(answers, links=None, uploads=("a", "b"), max_extra=0):
    checker = Checker(lambda url: url[-1])
    checker.accepted("job", URLS, 0.0)
    for at, answer in enumerate(answers, 1):
        checker.status("job", copy.deepcopy(answer), float(at))
    for read in [linked(answers[-1])] if links is None else links:
        checker.images(read, set())
    return checker.judge(uploads, max_extra)


def changed(answer, **changes):
    return answer | changes


def marked(answer, index):
    answer = copy.deepcopy(answer)
    answer["results"][index]["possiblyDuplicated"] = True
    return answer


@pytest.mark.parametrize(
    ("answers", "keywords"),
    [
        ([status("pp", "pending"), status("pc"), done()], {}),
        ([done("cf")], {"uploads": ["a"]}),
        ([done("ff")], {"uploads": []}),
        ([marked(done(), 0)], {"uploads": ["a", "a", "b"], "max_extra": 1}),
        ([done("cf", finished=CREATED)], {"uploads": ["a"]}),
    ],
    ids=["all complete", "one failed", "all failed", "a double, marked", "in no time"],
)
def test_a_good_run_breaks_nothing(answers, keywords):
    verdict = run(answers, **keywords)
    assert not verdict.violations, str(verdict)
    assert verdict.lost == 0


@pytest.mark.parametrize(
    ("promise", "answers", "keywords"),
    [
        ("lost", [status("pc")], {"uploads": ["b"]}),
        ("urls-differ", [changed(done(), results=done()["results"][:1])], {}),
        ("lists-disagree", [changed(done(), uploaded=status("pc")["uploaded"])], {}),
        ("status-disagrees", [status("cc", "in-progress")], {}),
        ("status-disagrees", [status("pc", "complete", LATER)], {}),
        ("finished-disagrees", [status("pc", finished=LATER), done()], {}),
        ("finished-disagrees", [done(finished=None)], {}),
        ("finished-before-created", [done(created=LATER, finished=CREATED)], {}),
        ("status-back", [status("pp", "in-progress"), status("pp", "pending"), done()], {}),
        ("created-changed", [status(), done(created=LATER)], {}),
        ("finished-changed", [done(finished=CREATED), done()], {}),
        ("list-back", [status("pc"), status("pp"), done()], {}),
        ("end-changed", [done("cf"), done("cc")], {}),
        ("links-back", [done()], {"links": [["x"], linked(done())]}),
        ("links-differ", [done()], {"links": [linked(done())[:1]]}),
        ("uploaded-too-often", [marked(done(), 0)], {"uploads": "aaab", "max_extra": 9}),
        ("too-many-uploads", [marked(done(), 0)], {"uploads": "aab"}),
        ("double-not-marked", [done()], {"uploads": "aab", "max_extra": 1}),
        ("complete-without-upload", [done()], {"uploads": "a"}),
        ("upload-unknown", [done()], {"uploads": "abz", "max_extra": 1}),
    ],
)
def test_each_broken_promise_is_named(promise, answers, keywords):
    assert run(answers, **keywords).violations[promise] >= 1


def test_links_lack_what_a_status_had_shown():
    checker = Checker(lambda url: url[-1])
    checker.accepted("job", URLS, 0.0)
    checker.status("job", status("pc"), 1.0)
    checker.images([], checker.known_links())
    assert checker.judge(["b"], 0).violations["links-lack"] == 1


def test_a_job_that_is_missing_is_a_loss():
    checker = Checker(lambda url: url[-1])
    checker.accepted("job", URLS, 0.0)
    checker.missing("job")
    verdict = checker.judge([], 0)
    assert verdict.violations["job-missing"] == 1
    assert verdict.lost == len(URLS)


def test_the_longest_pause_counts_only_while_something_is_open():
    checker = Checker(lambda url: url[-1])
    checker.accepted("first", URLS, 0.0)
    checker.status("first", done(), 2.0)
    checker.accepted("second", ["http://s.test/c"], 100.0)
    assert checker.open_urls == 1
    assert checker.judge([], 0).pause == 2.0
