"""Which worker has which task, and its outcome. Knows job table, scheduler and task queue."""
