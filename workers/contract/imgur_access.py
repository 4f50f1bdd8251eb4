"""Access to the Imgur API and the account."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImgurAccess:
    """API and credentials: anonymous uploads, or an account's if there is a refresh token.

    Attributes:
        api_url: the API's origin, "https://api.imgur.com".
        client_id: of the registered application.
        client_secret: of the application; needed to refresh access tokens.
        refresh_token: of the account.
        album: id of the images' album (deletehash of an anonymous one).
        upload_seconds: for the whole upload, with a refresh of the access token.
        connect_seconds: for name lookup, connection and TLS handshake.
        proxy: URL of the proxy for Imgur, with its credentials; None: none.
        authorities: path of certificate authorities to trust besides the default ones.
    """

    api_url: str
    client_id: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    # An anonymous album's deletehash allows changing it.
    album: str | None = field(default=None, repr=False)
    upload_seconds: float = 60.0
    connect_seconds: float = 10.0
    proxy: str | None = field(default=None, repr=False)
    authorities: str | None = None
