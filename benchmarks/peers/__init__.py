"""What a user of each library would write: a task, a way to queue it, a place for its result."""
