"""Sources without a network."""

from typing import Any

import requests
import requests_mock

from workers.worker.http.head import Fields, Head
from workers.worker.source.fetch import Downloader


class MockedSource(requests_mock.Adapter):  # type: ignore[misc] # without types
    """Takes the place of a downloader's adapter."""

    def __init__(self, downloader: Downloader) -> None:
        super().__init__()
        self._downloader = downloader
        downloader._adapter = self  # type: ignore[assignment] # serves as one

    def forget_cookies(self) -> None:
        """It keeps none."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """The body is received as from libcurl."""
        response: requests.Response = super().send(request, **options)
        head = Head()
        head.status = response.status_code
        head.fields = Fields((name.lower(), value) for name, value in response.headers.items())
        body = self._downloader._open_body(head)
        try:
            if body.write(b""):
                body.write(response.raw.read())
        except BaseException:
            body.discard()
            raise
        response.raw = body
        return response
