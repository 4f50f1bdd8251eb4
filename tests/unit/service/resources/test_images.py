from typing import Any

import pytest

from service.views import link_views
from workers import BackendLostError

URLS = [f"https://example.com/{number}.jpg" for number in range(4)]
LINKS = [f"https://i.imgur.com/{number}.jpg" for number in range(4)]


def test_there_are_none_at_first(api: Any) -> None:
    answer = api.get("/v1/images")
    assert answer.status == 200
    assert answer.json == {"uploaded": []}


def test_links_of_all_jobs_in_order_of_completion(api: Any, backend: Any) -> None:
    api.job(*URLS[:2])
    backend.upload(LINKS[0])
    backend.fail("empty", "Nothing came.")
    api.job(*URLS[2:])
    backend.upload(LINKS[2], LINKS[3])
    assert api.get("/v1/images").json == {"uploaded": [LINKS[0], LINKS[2], LINKS[3]]}


def test_more_than_one_call(api: Any, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_views, "_LINKS_A_CALL", 10)
    count = 21
    api.job(*(f"https://example.com/{number}.jpg" for number in range(count)))
    links = [f"https://i.imgur.com/{number}.jpg" for number in range(count)]
    backend.upload(*links)
    assert api.get("/v1/images").json["uploaded"] == links


def test_a_lost_backend_is_a_problem_and_no_half_list(api: Any, backend: Any) -> None:
    backend.failure = BackendLostError("gone")
    answer = api.get("/v1/images")
    assert answer.status == 503
    assert answer.json["code"] == "state-lost"
