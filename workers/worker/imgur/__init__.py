"""One image to Imgur: authorization, upload, errors, rate limit."""
