"""Tasks besides images: webhooks and deletions. Knows the job table and the schedule."""
