"""The Imgur client: authorization, upload, errors, rate limit."""

from workers.imgur.access import ImgurAccess
from workers.imgur.client import ImgurClient, UploadedImage

__all__ = ["ImgurAccess", "ImgurClient", "UploadedImage"]
