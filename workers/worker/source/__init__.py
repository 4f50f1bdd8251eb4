"""One image from a URL."""
