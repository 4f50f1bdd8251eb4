"""The same state and workers as actors on a Ray cluster."""
