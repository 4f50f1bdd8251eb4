"""``make bench-cluster``: BACKEND=ray, and what it costs beside BACKEND=processes."""
