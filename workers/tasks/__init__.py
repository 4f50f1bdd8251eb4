"""Small pieces of work besides images: webhook deliveries, and deletions of uploaded images."""
