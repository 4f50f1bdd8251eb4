"""The limits of a download."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImgurLimits:
    """The images that Imgur takes as they are. Others are refused before the upload.

    The API documents 10 MB an image (NickeManarin/ScreenToGif#727), the help pages 20 MB
    (https://help.imgur.com/hc/articles/115000083326). What users report: still images are taken up
    to 20 MB, animations above 10 MB are answered with 417 (ShareX/ShareX#5611, #5465).

    The help lists JPEG, PNG, GIF, APNG and TIFF; BMP is taken as well. WebP, AVIF and HEIC are
    answered with error 1003, "File type invalid" (phin05/discord-rich-presence-plex#62,
    s0hv/rust-imgur-upload#9, Awful/Awful.app#904).

    Attributes:
        still_bytes: largest image without motion.
        animation_bytes: largest animation.
        types: codes of the accepted image types; see `ImageType.code`.
    """

    still_bytes: int = 20_000_000
    animation_bytes: int = 10_000_000
    types: tuple[str, ...] = ("jpeg", "png", "apng", "gif", "tiff", "bmp")

    def max_bytes(self, *, animated: bool) -> int:
        """The size of the largest image of a kind, in bytes."""
        return self.animation_bytes if animated else self.still_bytes


@dataclass(frozen=True, slots=True)
class DownloadPolicy:
    """The limits of a download.

    Attributes:
        max_image_bytes: larger images fail.
        deadline_seconds: for the whole download with all redirects, from the first name lookup to
            the last byte.
        connect_seconds: for name lookup and connection, at each hop.
        allowed_networks: CIDR networks allowed besides public addresses, on any port.
        allowed_ports: of public addresses.
        allowed_origins: single allowed addresses, each with its port.
        proxy: URL of the proxy for sources, with its credentials; None: none.
        authorities: path of certificate authorities to trust besides the default ones.
        refused_networks: CIDR networks that are refused, even if public or allowed.
        max_redirects: hops after the first request.
        memory_bytes: what an image may take of the memory; a larger one lies in a temporary file.
        held_bytes: what all images of a worker may take of the memory together; beyond that, small
            ones lie in temporary files too.
        max_pixels: width times height; images that claim more are refused. Imgur names no limit;
            the largest sensors of telephones have 200 million.
        with_digest: whether images are told apart by their content.
        resolve_pages: whether a link to a page is followed to its image, where a job does not say.
        user_agent: the product and its version, for sources that ask who they are asked by.
        imgur: what may be uploaded of what is downloaded.
    """

    max_image_bytes: int = 20_000_000
    deadline_seconds: float = 30.0
    connect_seconds: float = 10.0
    allowed_networks: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    allowed_origins: tuple[tuple[str, int], ...] = ()
    refused_networks: tuple[str, ...] = ()
    proxy: str | None = field(default=None, repr=False)
    authorities: str | None = None
    max_redirects: int = 10
    memory_bytes: int = 1_000_000
    held_bytes: int = 256_000_000
    max_pixels: int = 250_000_000
    with_digest: bool = False
    resolve_pages: bool = False
    user_agent: str = "imgup"
    imgur: ImgurLimits = ImgurLimits()
