"""The job table: jobs, their history, and the ways to find one. Knows no queue and no journal."""
