"""Request headers: Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) and Prefer (RFC
7240), of which only `wait` is supported.
"""

import hashlib
import json
import re
from typing import Final
from urllib.request import parse_http_list

import falcon

from service.problems.problems import Problem
from service.requests.upload_request import UploadRequest
from workers import RequestKey

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 255
LONGEST_WAIT_SECONDS: Final = 30

_DIGEST_BYTES = 16
_is_key = re.compile(r"[!-~]{1,255}", re.ASCII).fullmatch
_match_seconds = re.compile(r"0*([0-9]+)", re.ASCII).fullmatch


def read_key(req: falcon.Request) -> str | None:
    """Return the key of a request, if any.

    The draft requires a quoted string (RFC 8941, section 3.3.3), and many clients send it unquoted:
    both are the same key.

    Raises:
        Problem: 400, if the key is malformed.
    """
    given = req.get_header(HEADER)
    if given is None:
        return None
    key = given.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if _is_key(key) is None:
        raise Problem(
            "invalid-idempotency-key",
            f"An {HEADER} has 1 to {LONGEST_KEY} characters, all of them visible ASCII (no "
            "spaces); a UUID is a good one. Nothing was taken.",
        )
    return key


def request_key(key: str, request: UploadRequest) -> RequestKey:
    """Return a key with a digest of URLs and options, independent of their JSON form."""
    asked = json.dumps([request.urls, request.options.to_record()], sort_keys=True)
    digest = hashlib.blake2b(asked.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return RequestKey(key, digest)


def wanted_wait(req: falcon.Request) -> int | None:
    """Return the seconds to wait (section 4.3), `LONGEST_WAIT_SECONDS` at most.

    Returns:
        None without a valid preference; an invalid one is ignored (section 2), and the first of
        several counts.
    """
    for entry in parse_http_list(req.get_header("Prefer") or ""):
        name, _, value = entry.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            found = _match_seconds(value.strip().strip('"'))
            # int() refuses thousands of digits.
            return min(int(found[1][:9]), LONGEST_WAIT_SECONDS) if found else None
    return None
