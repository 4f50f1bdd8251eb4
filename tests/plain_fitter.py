"""For tests of what is not about conversions."""

from pathlib import Path

from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.worker.converters import Converters
from workers.worker.fitting import ImageFitter
from workers.worker.http.byte_budget import ByteBudget


def plain_fitter() -> ImageFitter:
    """Takes every image as it is."""
    policy = ConversionPolicy(enabled=False)
    return ImageFitter(policy, DownloadPolicy(), Converters(policy, Path()), ByteBudget(0))
