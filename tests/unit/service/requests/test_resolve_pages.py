"""`resolvePages` of a request."""

from typing import Any

import pytest

URLS = ["https://example.com/page"]


@pytest.mark.parametrize("wanted", [True, False])
def test_it_is_an_option_of_a_job(api: Any, backend: Any, *, wanted: bool) -> None:
    answer = api.post_body(f'{{"urls": ["{URLS[0]}"], "resolvePages": {str(wanted).lower()}}}')
    assert answer.status == 202
    job = backend.job_table.by_id[answer.json["jobId"]]
    assert job.asked.options.resolve_pages is wanted


@pytest.mark.parametrize("value", ['"true"', "1", "null", "[]"])
def test_it_is_true_or_false(api: Any, value: str) -> None:
    answer = api.post_body(f'{{"urls": ["{URLS[0]}"], "resolvePages": {value}}}')
    assert answer.status == 422
    (error,) = answer.json["errors"]
    assert (error["pointer"], error["code"]) == ("#/resolvePages", "not-a-boolean")
