"""State as JSON."""
