"""What the client is told about the API and the account."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImgurAccess:
    """Where to upload and as whom: anonymously, or to an account if there is a refresh token.

    Attributes:
        api_url: the API's origin, "https://api.imgur.com".
        client_id: of the registered application.
        client_secret: of the same; needed to refresh access tokens.
        refresh_token: of the account.
        album: id of the album that images go to (for an anonymous one, its deletehash).
        upload_seconds: the whole upload, the refresh of an access token included.
        connect_seconds: for the lookup, the connection and its handshake.
        proxy: URL of the proxy that connects to Imgur, with its credentials; None: none.
        authorities: path of the certificate authorities to trust besides the usual ones.
    """

    api_url: str
    client_id: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    # Whoever knows an anonymous album's deletehash can change it.
    album: str | None = field(default=None, repr=False)
    upload_seconds: float = 60.0
    connect_seconds: float = 10.0
    proxy: str | None = field(default=None, repr=False)
    authorities: str | None = None
