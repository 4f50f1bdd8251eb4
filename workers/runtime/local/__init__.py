"""Manager and worker processes of one machine."""
