"""Delivers webhooks by Standard Webhooks 1.0.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from requests import PreparedRequest
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict

from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError, Reason
from workers.contract.messages.outcomes import Done, Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import Lease
from workers.contract.webhook_policy import DELIVERY_SECONDS, WebhookPolicy
from workers.contract.wire_url import wire_url
from workers.worker.http.adapter import CurlAdapter
from workers.worker.http.errors import download_error
from workers.worker.http.guard import AddressGuard
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import TransferOptions
from workers.worker.http.statuses import asked_wait
from workers.worker.source.body import UnwantedBody

_JITTER = 0.1  # maximum share added to a wait: failed webhooks are not all retried together

NOT_CONFIGURED: Final = "webhooks-not-configured"

_SUCCESS = range(200, 300)
_GONE = 410  # "the endpoint should be disabled, and no more webhooks sent to it"
_ASKS_TO_WAIT = frozenset({429, 503})

# Another attempt would fail the same way.
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
# Reasons of downloads with a code of their own for webhooks.
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


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return a signature for the header webhook-signature."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class WebhookSender:
    """Sends one webhook at a time; each lane has its own sender.

    Callback URLs are as untrusted as image URLs, and pass the same guard. Redirects are not
    followed, only the head of a response is read, and no connection is kept.

    Of the download policy the address rules apply, but for single origins, as they are sources.
    `wall_clock` returns seconds since the epoch, for the signed timestamp.
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
        options = TransferOptions(
            lambda _head: UnwantedBody(None), self._guard.check, authorities=download.authorities
        )
        self._adapter = CurlAdapter(transfers, options)

    def close(self) -> None:
        self._adapter.close()

    def send(self, lease: Lease) -> Outcome:
        """Make one attempt; return its outcome."""
        if not self._policy.secrets:
            message = "There is no secret to sign with: set WEBHOOK_SECRET."
            return self._failed(lease, NOT_CONFIGURED, message)
        try:
            sent = self._headers(lease.job_id, lease.body)
            if lease.origin is not None and lease.origin.trace_parent:
                sent["traceparent"] = lease.origin.trace_parent
            status, headers = self._post(wire_url(lease.target), sent, lease.body)
        except DownloadError as error:
            code = _REASONS.get(error.reason, error.reason.value)
            message = _SENTENCES.get(code, error.message)
            return self._failed(lease, code, message, is_final=error.reason in _FINAL)
        if status in _SUCCESS:
            return Done(status)
        message = f"The callback URL answered with status {status}."
        wait = None
        if status in _ASKS_TO_WAIT:
            wait = asked_wait(headers, self._wall_clock())
        return self._failed(
            lease, "refused", message, status=status, is_final=status == _GONE, asked_wait=wait
        )

    def _headers(self, job_id: str, body: bytes) -> dict[str, str]:
        # The id is the same for all attempts, also after a restart.
        name, timestamp = f"msg_{job_id}", int(self._wall_clock())
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
        timeout = (min(self._policy.connect_seconds, self._policy.seconds), self._policy.seconds)
        try:
            # Without a session, which would follow redirects.
            response = self._adapter.send(request, timeout=timeout)
        except RequestException as error:
            raise download_error(error, url, self._guard) from error
        return response.status_code, response.headers

    def _failed(
        self,
        lease: Lease,
        reason: str,
        message: str,
        *,
        status: int | None = None,
        is_final: bool = False,
        asked_wait: float | None = None,
    ) -> Failed | RetryLater:
        waits = self._policy.retry_seconds
        if is_final or lease.attempt > len(waits):
            return Failed(reason, message, status=status)
        spread = random.uniform(1, 1 + _JITTER)  # noqa: S311 - spreads load, hides nothing
        delay = max(waits[lease.attempt - 1] * spread, asked_wait or 0.0)
        return RetryLater(reason, message, delay, status=status)
