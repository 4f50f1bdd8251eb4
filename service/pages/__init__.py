"""Pages for people. Knows problems and rendering."""
