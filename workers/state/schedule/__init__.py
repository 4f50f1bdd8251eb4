"""What waits, and whose turn it is. Knows no job table and no lease."""
