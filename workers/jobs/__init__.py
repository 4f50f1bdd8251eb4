"""What the job table is made of: a job, its history, and the ways to find one."""
