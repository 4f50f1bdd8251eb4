"""Gate, pauses, limits and budget of uploads to Imgur."""
