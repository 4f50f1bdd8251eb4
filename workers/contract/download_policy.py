"""The limits of a download."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DownloadPolicy:
    """The limits of a download.

    Attributes:
        max_image_bytes: larger images are refused.
        deadline_seconds: for the whole download, from the first name lookup to the last byte,
            with all redirects.
        connect_seconds: for looking up the name and connecting, at each hop.
        allowed_networks: CIDR networks that are let through besides public addresses, on any port.
        allowed_ports: of public addresses.
        allowed_origins: single addresses, each with its port, that are let through.
        proxy: URL of the proxy that connects to sources, with its credentials; None: none.
        authorities: path of the certificate authorities to trust besides the usual ones.
        refused_networks: CIDR networks that are refused, though they are public or allowed.
        max_redirects: hops after the first request.
        memory_bytes: what an image may take of the memory; a larger one lies in a temporary file.
        held_bytes: what all images of a worker may take of the memory together; beyond that, small
            ones lie in temporary files too.
        max_pixels: width times height; images that claim more are refused. Imgur names no limit;
            the largest sensors of telephones have 200 million.
        with_digest: whether images are told apart by their content.
        resolve_pages: whether a link to a page is followed to its image, where a job does not say.
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
