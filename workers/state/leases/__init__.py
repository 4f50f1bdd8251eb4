"""Which worker has which task, and what becomes of it."""
