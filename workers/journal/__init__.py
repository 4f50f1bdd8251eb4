"""The state of the service on disk, and its way back."""
