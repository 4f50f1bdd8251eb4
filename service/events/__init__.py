"""Server-sent events, and requests that wait for the end of a job. Knows no resource."""
