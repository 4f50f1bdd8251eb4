"""Fetching images from where a stranger says, without harm."""

from workers.download.body import Download
from workers.download.fetch import Downloader
from workers.download.image_type import ImageType
from workers.download.policy import DownloadPolicy
from workers.download.url import are_plain, check_url, mask_url
from workers.download.wire_url import MAX_URL_LENGTH

__all__ = [
    "MAX_URL_LENGTH",
    "Download",
    "DownloadPolicy",
    "Downloader",
    "ImageType",
    "are_plain",
    "check_url",
    "mask_url",
]
