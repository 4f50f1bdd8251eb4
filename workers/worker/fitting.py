"""Makes an image fit for Imgur, if it is not: converted, or rid of what it says of its maker."""

import dataclasses
from typing import Final

from converter.order import ConversionOrder
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import ImageError, Reason
from workers.contract.image_type import TYPES, ImageType
from workers.contract.messages.outcomes import Converted
from workers.worker.converters import Converters
from workers.worker.exif import UnreadableError
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.metadata import strip_metadata
from workers.worker.source.body import Download
from workers.worker.source.spool import Spool, storage_full, view_of

_TYPES_BY_CODE: Final = {kind.code: kind for kind in TYPES}


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFitter:
    """Fits one image at a time; a lane has its own.

    Attributes:
        policy: whether and how images are converted.
        download: what Imgur takes, and how much memory an image may have.
        converters: the processes that do it.
        budget: the memory that the lanes of a worker share for images.
    """

    policy: ConversionPolicy
    download: DownloadPolicy
    converters: Converters
    budget: ByteBudget

    def fit(self, image: Download) -> Download:
        """The image as it is to be sent: itself, if there is nothing to be done.

        Args:
            image: as it was fetched; it stays open.

        Raises:
            ImageError: it cannot be made fit.
        """
        if not image.fits:
            return self._convert(image)
        if self.policy.strip_metadata == "off":
            return image
        return self._strip(image)

    def _convert(self, image: Download) -> Download:
        try:
            result, file = self.converters.convert(image.file, self._order(image.image_type))
        except OSError as error:  # for its files, its sockets or its processes
            raise storage_full() from error
        kind = _TYPES_BY_CODE[result.code]
        converted = Converted(
            image.image_type.media_type,
            kind.media_type,
            image.size,
            result.size,
            result.width,
            result.height,
        )
        return Download(file, result.size, kind, image.digest, converted=converted)

    def _order(self, kind: ImageType) -> ConversionOrder:
        limits, policy = self.download.imgur, self.policy
        return ConversionOrder(
            source=kind.decoder,
            name=kind.name,
            targets=limits.types,
            still_bytes=limits.still_bytes,
            animation_bytes=limits.animation_bytes,
            max_pixels=policy.max_pixels,
            max_frames=policy.max_frames,
            max_seconds=policy.max_animation_seconds,
            metadata=policy.strip_metadata,
        )

    def _strip(self, image: Download) -> Download:
        spool = Spool(self.download.memory_bytes, self.budget)
        rule = self.policy.strip_metadata
        try:
            for part in strip_metadata(view_of(image.file), image.image_type, rule):
                spool.write(part)
        except UnreadableError:
            spool.discard()
            raise ImageError(
                Reason.CONVERSION_FAILED,
                f"The metadata of the {image.image_type.name} image cannot be taken out"
                " (STRIP_METADATA): it is damaged, or not JPEG, PNG, GIF, TIFF or BMP.",
            ) from None
        except BaseException:
            spool.discard()
            raise
        if not spool.size:
            spool.discard()
            return image
        return dataclasses.replace(image, file=spool.rewind(), size=spool.size)
