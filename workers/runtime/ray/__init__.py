"""State and workers as actors on a Ray cluster. The only package that imports Ray."""
