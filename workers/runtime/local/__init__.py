"""Manager and worker processes of one machine. Knows nothing of Ray."""
