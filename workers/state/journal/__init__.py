"""The state on disk, and its way back at a restart."""
