import re
import uuid
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from service.middleware.request_ids import child_trace, request_id_for

URL = "https://example.com/a.jpg"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
NAMED = {"X-Request-ID": "shop-42", "traceparent": PARENT}


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "shop-42", "A.b_c~d:e/f+g=h@i", "x" * 128])
    def test_a_safe_one_is_kept(self, given: str) -> None:
        assert request_id_for(given) == given

    @pytest.mark.parametrize(
        "given",
        [None, "", "x" * 129, "a b", "a\tb", 'a"b', "a;b", "{a}", "a\n", "é", "\u0661", "$(a)"],
    )
    def test_anything_else_is_replaced(self, given: str | None) -> None:
        made = request_id_for(given)
        assert made != given
        assert str(uuid.UUID(made)) == made

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/healthz", 200),
            ("/metrics", 200),
            ("/docs", 200),
            ("/v1/images", 200),
            ("/v1/images?limit=x", 400),
            ("/v1/images/upload/x", 404),
            ("/nowhere", 404),
            ("/v1/images/upload", 405),
        ],
    )
    def test_every_answer_tells_it(self, api: Any, path: str, status: int) -> None:
        answer = api.get(path, headers={"X-Request-ID": "shop-42"})
        assert (answer.status, answer.headers["x-request-id"]) == (status, "shop-42")
        first, second = (api.get(path).headers["x-request-id"] for _ in range(2))
        assert first != second

    def test_a_refused_key_is_told_too(self, make_api: Any) -> None:
        answer = make_api(API_KEYS="key-1").get("/v1/images", headers={"X-Request-ID": "shop-42"})
        assert (answer.status, answer.headers["x-request-id"]) == (401, "shop-42")

    def test_and_so_is_an_unexpected_error(self, api: Any, backend: Any) -> None:
        backend.failure = RuntimeError("a bug")
        answer = api.get("/v1/images", headers={"X-Request-ID": "shop-42"})
        assert (answer.status, answer.headers["x-request-id"]) == (500, "shop-42")


class TestTrace:
    @pytest.mark.parametrize(
        ("given", "flags"),
        [
            (PARENT, "01"),
            (f"00-{TRACE}-b7ad6b7169203331-00", "00"),
            (f"00-{TRACE}-b7ad6b7169203331-ff", "01"),
            (f"cc-{TRACE}-b7ad6b7169203331-01-what-comes", "01"),
        ],
    )
    def test_a_valid_one_goes_on_with_a_parent_of_our_own(self, given: str, flags: str) -> None:
        found = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-{flags}", child_trace(given))
        assert found is not None
        assert found[1] != "b7ad6b7169203331"
        assert child_trace(given) != child_trace(given)

    @pytest.mark.parametrize(
        "given",
        [
            None,
            "",
            f"ff-{TRACE}-b7ad6b7169203331-01",
            f"00-{TRACE}-b7ad6b7169203331-01-more",
            f"00-{TRACE}-b7ad6b7169203331-01,00-{TRACE}-b7ad6b7169203331-01",
            f"00-{TRACE.upper()}-b7ad6b7169203331-01",
            f"00-{'0' * 32}-b7ad6b7169203331-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE}-b7ad6b7169203331",
            f"00-{TRACE[1:]}-b7ad6b7169203331-01",
            f" {PARENT}\n",
        ],
    )
    def test_anything_else_is_none(self, given: str | None) -> None:
        assert child_trace(given) == ""


class TestWhereItGoes:
    def test_into_the_log_of_this_request_only(self, api: Any) -> None:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            api.post([URL], headers=NAMED)
            api.post([URL])
        first, second = (line for line in lines if line["event"] == "job accepted")
        assert (first["request_id"], first["trace_id"]) == ("shop-42", TRACE)
        assert second["request_id"] not in {"shop-42", ""}
        assert "trace_id" not in second
        assert structlog.contextvars.get_contextvars() == {}

    def test_along_with_the_job(self, api: Any, backend: Any) -> None:
        api.job(URL, headers=NAMED)
        (lease,) = backend.mailbox.claim("worker-1", 0).leases
        assert lease.origin.request_id == "shop-42"
        assert lease.origin.trace_parent.startswith(f"00-{TRACE}-")
        assert lease.origin.log_fields() == {"request_id": "shop-42", "trace_id": TRACE}

    def test_without_a_trace_there_is_none(self, api: Any, backend: Any) -> None:
        api.job(URL, headers={"X-Request-ID": "shop-42"})
        (lease,) = backend.mailbox.claim("worker-1", 0).leases
        assert lease.origin.trace_parent == ""
        assert lease.origin.log_fields() == {"request_id": "shop-42"}
