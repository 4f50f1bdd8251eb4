"""Bounded transfers over libcurl, and the address guard. Knows neither sources nor Imgur."""
