import pytest

from workers.worker.http.errors import in_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "SSL certificate problem: certificate has expired (10)",
            "certificate has expired",
        ),
        # Where the proxy is does not concern who submits URLs.
        (
            "Failed to connect to a:1 over proxy 10.0.0.1 after 1 ms: Could not connect to server",
            "Could not connect to server",
        ),
        ("Could not resolve proxy: proxy.internal", "Could not resolve proxy"),
        ("CONNECT tunnel failed, response 407", "CONNECT tunnel failed, response 407"),
    ],
)
def test_what_libcurl_says_in_words_for_others(text: str, words: str) -> None:
    assert in_words(text) == words
