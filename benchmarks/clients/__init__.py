"""HTTP clients alone: a loop in one process, nothing around it."""
