"""Errors as RFC 9457 problem details, and their catalogue. Knows no HTTP server."""
