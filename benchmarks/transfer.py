"""The work itself: one image down and up with requests, in the two calls that all would write."""

import io
import threading

import requests

_HEADERS = {"Authorization": "Client-ID bench"}
_own = threading.local()


def transfer(source: str, sink: str) -> str:
    """Download one image and upload it, on this thread's session.

    Returns:
        The link in Imgur's answer.

    Raises:
        requests.RequestException: one of the two did not succeed.
    """
    session = _session()
    fetched = session.get(source, timeout=30)
    fetched.raise_for_status()
    answer = session.post(
        sink,
        headers=_HEADERS,
        files={"image": ("image.jpg", io.BytesIO(fetched.content), "image/jpeg")},
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["data"]["link"])


def _session() -> requests.Session:
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    session: requests.Session = _own.session
    return session
