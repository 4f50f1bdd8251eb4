"""The state on disk, and its way back at a restart. Knows every other part of the state."""
