"""The job table: jobs, their history, and the ways to find one."""
