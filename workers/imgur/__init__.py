"""The Imgur client: authorization, upload, errors, rate limit."""

from workers.imgur.access import ImgurAccess
from workers.imgur.client import ImgurClient, UploadedImage
from workers.imgur.deprecation import DeprecationLog

__all__ = ["DeprecationLog", "ImgurAccess", "ImgurClient", "UploadedImage"]
