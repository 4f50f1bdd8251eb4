"""Fetching images from where a stranger says, without harm."""

from workers.download.fetch import Download, Downloader, DownloadPolicy
from workers.download.image_type import ImageType
from workers.download.url import MAX_URL_LENGTH, check_url, mask_url

__all__ = [
    "MAX_URL_LENGTH",
    "Download",
    "DownloadPolicy",
    "Downloader",
    "ImageType",
    "check_url",
    "mask_url",
]
