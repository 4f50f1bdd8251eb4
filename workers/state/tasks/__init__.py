"""Tasks besides images: webhook deliveries, and deletions of uploaded images."""
