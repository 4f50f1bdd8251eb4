"""Ask a running service, from outside, for its main job.

    python check_service.py SERVICE_ORIGIN SANDBOX_ORIGIN

Posts sample images and one that fails, waits for the job to complete, and checks what the status
and the list of links say. One of the images is large enough to pass through /tmp, others have to be
converted. Exits 0 when all is as it should be; says what is not otherwise.
"""

import json
import sys
import time
import urllib.request
from typing import Any

_PATIENCE_SECONDS = 60.0
_CONVERTED = ("picture.webp", "picture.avif", "picture.heic")
_GOOD = ("photo.jpg", "small.png", "large.png", *_CONVERTED)

# No proxy: both are on this machine.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> None:
    service, sandbox = sys.argv[1:]
    good = [f"{sandbox}/images/{name}" for name in _GOOD]
    bad = f"{sandbox}/faults/status/404"
    code, answer = _call(f"{service}/v1/images/upload", {"urls": [*good, bad, good[0]]})
    _expect("POST answers 202", code, holds=code == 202)
    job = _completed(f"{service}/v1/images/upload/{answer['jobId']}")
    links, failed = job["uploaded"]["complete"], job["uploaded"]["failed"]
    _expect(f"{len(good)} images uploaded", job, holds=len(set(links)) == len(good))
    converted = [result["converted"]["to"] for result in job["results"] if "converted" in result]
    _expect("WebP, AVIF and HEIC were converted", job, holds=converted == ["image/jpeg"] * 3)
    _expect("the missing image failed", job, holds=failed == [bad])
    _expect("the job has an end", job, holds=job["finished"] is not None)
    listed = _call(f"{service}/v1/images")[1]["uploaded"]
    _expect("GET /v1/images lists the links", listed, holds=sorted(listed) == sorted(links))


def _completed(url: str) -> dict[str, Any]:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while (job := _call(url)[1])["status"] != "complete":
        if time.monotonic() > give_up:
            sys.exit(f"FAILED: not complete within {_PATIENCE_SECONDS:g} s; seen: {job}")
        time.sleep(0.1)
    return job


def _call(url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with _http.open(request, timeout=10) as answer:
        return answer.status, json.load(answer)


def _expect(what: str, seen: object, *, holds: bool) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}; seen: {seen}")
    sys.stdout.write(f"  ok: {what}\n")


if __name__ == "__main__":
    main()
