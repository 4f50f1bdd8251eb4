"""One image to Imgur: authorization, upload, errors, rate limit. Knows worker.http."""
