"""Telling a callback URL that its job is complete, as Standard Webhooks 1.0.0 has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict

from workers.download.body import UnwantedBody
from workers.download.faults import download_error
from workers.download.guard import AddressGuard, AddressRefusedError
from workers.download.policy import DownloadPolicy
from workers.download.wire_url import wire_url
from workers.errands.messages import Done, ErrandOutcome, Undone
from workers.errors import DownloadError, Reason
from workers.retry_after import retry_after
from workers.transfer.adapter import CurlAdapter, open_session
from workers.transfer.authorities import authority_file
from workers.transfer.handle import TransferOptions
from workers.transfer.loop import TransferLoop

DELIVERY_SECONDS: Final = 15.0
"""For one attempt, from the name lookup to the head of the answer; Standard Webhooks names 15 to
30 s."""

NOT_CONFIGURED: Final = "webhooks-not-configured"

_SUCCESS = range(200, 300)
_GONE = 410  # "the endpoint should be disabled, and no more webhooks sent to it"
_ASKS_TO_WAIT = frozenset({429, 503})

# No later attempt would be any different.
_FINAL = frozenset(
    {
        Reason.URL_INVALID,
        Reason.URL_SCHEME,
        Reason.URL_TOO_LONG,
        Reason.URL_CREDENTIALS,
        Reason.PORT_NOT_ALLOWED,
        Reason.ADDRESS_NOT_ALLOWED,
    }
)
# What is told of a download in words of its own.
_REASONS: Final[Mapping[Reason, str]] = {
    Reason.DOWNLOAD_TIMEOUT: "timeout",
    Reason.SOURCE_CUT_SHORT: "connection-lost",
    Reason.SOURCE_BAD_ANSWER: "bad-answer",
}
_SENTENCES: Final[Mapping[str, str]] = {
    "timeout": f"The callback URL did not answer within {DELIVERY_SECONDS:g} s.",
    "connection-lost": "The callback URL closed the connection before it answered.",
    "bad-answer": "What the callback URL answered is not valid HTTP.",
    Reason.ADDRESS_NOT_ALLOWED: "The callback URL is not at a public internet address.",
    Reason.PORT_NOT_ALLOWED: "The callback URL's port is not allowed (SOURCE_ALLOWED_PORTS).",
}


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """How callback URLs are told.

    Attributes:
        secrets: each signs; none: nobody can be told.
        seconds: for one attempt.
        connect_seconds: for looking up the name and connecting.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    seconds: float = DELIVERY_SECONDS
    connect_seconds: float = 10.0


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, as it stands in the header webhook-signature."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def message_id(job_id: str) -> str:
    """The same for every attempt, also after a restart: a job is complete once."""
    return f"msg_{job_id}"


class WebhookSender:
    """Sends one webhook at a time; a lane has its own.

    Callback URLs come from strangers as image URLs do, and pass the same guard. Redirects are not
    followed, nothing of an answer is read but its head, and no connection is kept.

    Args:
        policy: how.
        download: whose address rules apply. Its single origins do not: they are sources.
        transfers: performs the attempts.
        wall_clock: seconds since the epoch, for the timestamp that is signed.
    """

    def __init__(
        self,
        policy: WebhookPolicy,
        download: DownloadPolicy,
        transfers: TransferLoop,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._wall_clock = wall_clock
        self._guard = AddressGuard(
            download.allowed_networks,
            download.allowed_ports,
            refused_networks=download.refused_networks,
        )
        self._session = open_session(
            CurlAdapter(
                transfers.pool("webhooks"),
                TransferOptions(authorities=authority_file(download.authorities)),
                self._guard,
                lambda _head: UnwantedBody(None),
            )
        )

    def close(self) -> None:
        self._session.close()

    def send(self, url: str, job_id: str, body: bytes, trace_parent: str = "") -> ErrandOutcome:
        """One attempt, always ending in an outcome.

        Args:
            url: who is told.
            job_id: of which job.
            body: what.
            trace_parent: the trace that the job is part of (W3C Trace Context), if it is.
        """
        if not self._policy.secrets:
            return Undone(NOT_CONFIGURED, "There is no secret to sign with: set WEBHOOK_SECRET.")
        try:
            sent = self._headers(job_id, body)
            if trace_parent:
                sent["traceparent"] = trace_parent
            status, headers = self._post(wire_url(url), sent, body)
        except DownloadError as error:
            return _undone(error.reason, error.message)
        return self._judge(status, headers)

    def _headers(self, job_id: str, body: bytes) -> dict[str, str]:
        name, timestamp = message_id(job_id), int(self._wall_clock())
        signatures = (signature(key, name, timestamp, body) for key in self._policy.secrets)
        return {
            "User-Agent": "imgup",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "webhook-id": name,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }

    def _post(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        request = PreparedRequest()
        request.method, request.url = "POST", url
        request.headers = CaseInsensitiveDict(headers)
        request.body = body
        host = urlsplit(url).hostname or "the callback URL"
        timeout = (min(self._policy.connect_seconds, self._policy.seconds), self._policy.seconds)
        try:
            # The adapter itself: Session.send would follow redirects.
            response = self._session.get_adapter(url).send(request, timeout=timeout)
        except RequestException as error:
            raise download_error(error, host) from error
        except AddressRefusedError as error:
            raise self._guard.explain(error, host) from error
        return response.status_code, response.headers

    def _judge(self, status: int, headers: Mapping[str, str]) -> ErrandOutcome:
        if status in _SUCCESS:
            return Done(status)
        wait = None
        if status in _ASKS_TO_WAIT:
            wait = retry_after(headers.get("Retry-After"), self._wall_clock())
        return Undone(
            "refused",
            f"The callback URL answered with status {status}.",
            status=status,
            is_final=status == _GONE,
            retry_after=wait,
        )


def _undone(reason: Reason, message: str) -> Undone:
    code = _REASONS.get(reason, reason.value)
    return Undone(code, _SENTENCES.get(code, message), is_final=reason in _FINAL)
