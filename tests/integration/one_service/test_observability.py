"""Figures, names and lines of the whole product, over real connections."""

import os
import signal
import socket
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import suspend
from tests.running_service import Launch, RunningService

TRACE = "0af7651916cd43dd8448eb211c80319c"
NAMED = {"X-Request-ID": "shop-42", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


def scrape(service: RunningService) -> dict[tuple[str, ...], float]:
    """Values by name and the labels' values, in the order of the labels' names."""
    answer = service.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def scrape_all(service: RunningService) -> dict[tuple[str, ...], float]:
    """With the figures of the Manager, which may be slow to tell them."""

    def complete() -> dict[tuple[str, ...], float] | None:
        values = scrape(service)
        return values if values[("imgup_board_up",)] else None

    values: dict[tuple[str, ...], float] = service.wait_for("all figures", complete)
    return values


def test_what_all_processes_did_is_counted(service: RunningService) -> None:
    before = scrape_all(service)
    urls = [f"{service.sandbox}/images/small.png?{number}" for number in range(8)]
    service.upload_all([*urls, f"{service.sandbox}/nothing.png"])
    after = scrape_all(service)

    def grown(*name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown("imgup_images_total", "complete", "") == 8
    assert grown("imgup_images_total", "failed", "source-not-found") == 1
    assert grown("imgup_jobs_accepted_total") == 1
    assert grown("imgup_jobs_finished_total") == 1
    assert grown("imgup_attempts_total") == 9
    assert grown("imgup_download_seconds_count") == 8
    assert grown("imgup_upload_seconds_count") == 8
    assert grown("imgup_queue_seconds_count") == 9
    assert grown("imgup_downloaded_bytes_total") > 8 * 100
    assert grown("imgup_http_requests_total", "POST", "/v1/images/upload", "202") >= 1
    assert after[("imgup_workers_ready",)] == after[("imgup_workers_wanted",)] == 2
    assert after[("imgup_lanes_busy",)] == after[("imgup_queued_urls",)] == 0


def test_a_request_is_found_again_in_the_workers_lines(service: RunningService) -> None:
    answer = service.http.post(
        service.url + "/v1/images/upload",
        json={"urls": [f"{service.sandbox}/nothing-at-all.png"]},
        headers=NAMED,
        timeout=30,
    )
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (202, "shop-42")
    job_id = answer.json()["jobId"]
    service.wait_complete(job_id)

    names = ("job accepted", "image failed", "job complete")
    lines = [service.wait_for_event(name, job_id=job_id) for name in names]
    assert {(line["request_id"], line["trace_id"]) for line in lines} == {("shop-42", TRACE)}
    assert lines[1]["process"].startswith("worker-")


def test_no_name_outlives_its_job(service: RunningService) -> None:
    """In the lines of lanes of which some have worked for a request with a name before."""
    urls = [f"{service.sandbox}/nothing-for-{number}.png" for number in range(4)]
    named = service.http.post(
        service.url + "/v1/images/upload", json={"urls": urls}, headers=NAMED, timeout=30
    )
    service.wait_complete(named.json()["jobId"])
    job_id = service.upload_all(urls)["id"]
    lines = [
        service.wait_for_event("job accepted", job_id=job_id),
        *service.wait_for_events("image failed", len(urls), job_id=job_id),
        service.wait_for_event("job complete", job_id=job_id),
    ]
    (request_id,) = {line["request_id"] for line in lines}
    assert request_id != NAMED["X-Request-ID"]
    assert not any("trace_id" in line for line in lines)


def test_one_line_a_request(service: RunningService) -> None:
    request_id = service.get("/v1/images?token=s3cret").headers["X-Request-ID"]
    line = service.wait_for_event("request", request_id=request_id)
    assert (line["route"], line["status"], line["level"]) == ("/v1/images", 200, "debug")
    assert "s3cret" not in service.log_text


@pytest.mark.parametrize(
    ("head", "status", "name"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: shop-43\r\nContent-Length: x\r\n", 400, ""),
        (b"GET / HTTP/1.1\r\nX-Request-ID: shop-43\r\nA: " + b"a" * 40_000 + b"\r\n", 431, ""),
        (
            b"POST / HTTP/1.1\r\nX-Request-ID: shop-44\r\nContent-Length: 999999999\r\n",
            413,
            "shop-44",
        ),
    ],
)
def test_what_the_parser_refuses_has_a_name_as_well(
    service: RunningService, head: bytes, status: int, name: str
) -> None:
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head + b"\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.split()[1] == b"%d" % status
    fields = dict(
        line.lower().split(": ", 1)
        for line in answer.decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    )
    told = fields["x-request-id"]
    assert told == name if name else len(told) in {7, 36}
    service.wait_for_event("request refused", request_id=told)


def test_workers_that_die_and_a_manager_that_is_silent(
    launch: Launch,
) -> None:
    service = launch().wait_until_ready()
    os.kill(service.worker_pids()[0], signal.SIGKILL)
    service.wait_for(
        "a restart that is counted",
        lambda: scrape(service).get(("imgup_worker_restarts_total", "killed")) == 1,
    )
    service.wait_for("two workers", lambda: scrape(service).get(("imgup_workers_ready",)) == 2)

    suspend(service.manager_pid)
    try:
        figures = scrape(service)
    finally:
        os.kill(service.manager_pid, signal.SIGCONT)
    assert figures[("imgup_board_up",)] == 0
    assert figures[("process_resident_memory_bytes",)] > 0
    assert ("imgup_queued_urls",) not in figures
    service.wait_for("the board", lambda: scrape(service)[("imgup_board_up",)] == 1)


def test_the_pages(service: RunningService) -> None:
    page = service.get("/docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    again = service.http.get(
        service.url + "/docs", headers={"If-None-Match": page.headers["ETag"]}, timeout=30
    )
    assert (again.status_code, again.content) == (304, b"")
    assert service.get("/docs/style.css").headers["Content-Type"] == "text/css; charset=utf-8"
    problem = service.get("/v1/images/upload/x").json()
    explained = service.get(problem["type"])
    assert explained.json()["code"] == "job-not-found"
    assert service.get("/problems/no-such-thing").status_code == 404
