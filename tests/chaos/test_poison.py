"""URLs that kill their worker fail after three of them, and nobody else pays for it."""

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.load import judge, name_of, slow_urls
from tests.chaos.poison_source import PoisonSource
from tests.running_service import not_over_ray

CRASHES = 3
POISONS = 4
INNOCENTS = 200
LANES = 4


def test_poison_urls_fail_after_three_crashes_and_others_are_unharmed(launch, note):
    service = launch(
        WORKER_COUNT="3",
        WORKER_CONCURRENCY=str(LANES),
        SOURCE_ALLOWED_NETWORKS="127.0.0.1/32",
    ).wait_until_ready()
    checker = Checker(name_of)
    urls = slow_urls(service.sandbox, "innocent", INNOCENTS)
    with PoisonSource() as source, Client(service.url, checker) as client:
        poison = [f"{source.url}/poison-{number}" for number in range(POISONS)]
        for number, url in enumerate(poison):
            urls.insert(number * INNOCENTS // POISONS, url)
        job_id = client.submit(urls)
        assert client.wait_until_done()
    verdict = judge(checker, service.uploads_link, POISONS * CRASHES * LANES)
    note(f"{POISONS} poison URLs: {verdict}")
    assert not verdict.violations, str(verdict)
    # Two in one worker share a crash; the last one of each was met alone, and is its own.
    assert sorted(source.killed) == [f"/poison-{number}" for number in range(POISONS)]
    assert max(source.killed.values()) <= CRASHES
    results = {result["url"]: result for result in service.status(job_id)["results"]}
    assert {results[url]["reason"] for url in poison} == {"worker-crashed"}
    assert [results[url]["state"] for url in urls if url not in poison] == ["complete"] * INNOCENTS
    assert len(service.events("worker died")) <= sum(source.killed.values())


@not_over_ray("The state tells suspects apart by the same code.")
def test_a_poison_url_among_few_takes_no_innocent_with_it(launch):
    """All of them in one worker's lanes: nothing but a retry alone can tell them apart."""
    service = launch(
        WORKER_COUNT="1",
        WORKER_CONCURRENCY="8",
        SOURCE_ALLOWED_NETWORKS="127.0.0.1/32",
    ).wait_until_ready()
    with PoisonSource() as source:
        slow = slow_urls(service.sandbox, "beside", 7, milliseconds=150)
        status = service.upload_all([source.url + "/poison", *slow])
    assert source.killed == {"/poison": CRASHES}
    (failed,) = (result for result in status["results"] if result["state"] == "failed")
    assert (failed["url"], failed["reason"]) == (source.url + "/poison", "worker-crashed")
    assert len(status["uploaded"]["complete"]) == len(slow)
