"""One image from a URL. Knows worker.http, and nothing of Imgur."""
