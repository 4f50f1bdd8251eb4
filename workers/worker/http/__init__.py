"""Bounded transfers over libcurl, and the guard of addresses."""
