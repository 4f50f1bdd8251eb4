"""Authorization of uploads: a client ID, or an access token that all workers share."""

import re
import time
from dataclasses import dataclass, field

from workers.contract.errors import ImgurError, Reason, RefusalScope
from workers.contract.imgur_access import ImgurAccess
from workers.contract.tokens import TokenAnswer, Tokens
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.errors import explain
from workers.worker.imgur.exchange import Exchange, timed_out
from workers.worker.imgur.multipart import encoded_form
from workers.worker.imgur.refusal import quoted, read_refusal, shown
from workers.worker.imgur.response import ApiResponse, parse_json

_REFRESH_SECONDS = 20.0  # of the call, so that it ends before the permit expires
_LIFE_SECONDS = 3600.0  # of a token without a lifetime
_LONGEST_LIFE_SECONDS = 30 * 24 * 3600.0  # a longer lifetime is ignored

_TOKEN = re.compile(r"[!-~]{1,4096}")  # fits a header
_SECONDS = re.compile(r"\s*[0-9]+(?:\.[0-9]+)?\s*")


@dataclass(frozen=True, slots=True)
class Credential:
    """The credentials of an upload.

    Attributes:
        header: the value of Authorization.
        generation: of the access token; None without one.
    """

    header: str = field(repr=False)
    generation: int | None = None

    @property
    def secret(self) -> str:
        """The value after the scheme."""
        return self.header.partition(" ")[2]


class Authorizer:
    """Provides credentials, and refreshes the access token with a permit.

    Args:
        access: account and application.
        tokens: store that all workers share.
        exchange: calls the API.
        deprecations: log that all lanes share.
    """

    def __init__(
        self,
        access: ImgurAccess,
        tokens: Tokens,
        exchange: Exchange,
        deprecations: DeprecationLog,
    ) -> None:
        self._access = access
        self._deprecations = deprecations
        self._tokens = tokens
        self._exchange = exchange
        self._token_url = f"{access.api_url.rstrip('/')}/oauth2/token"
        self._kept = Credential(f"Client-ID {access.client_id}")
        self._kept_until = 0.0
        self.settings = "IMGUR_CLIENT_ID"
        if access.refresh_token is None:
            self._kept_until = float("inf")
        else:
            self.settings = "IMGUR_CLIENT_ID, IMGUR_CLIENT_SECRET and IMGUR_REFRESH_TOKEN"

    def credential(self, deadline: float, refused: Credential | None = None) -> Credential:
        """Return the credentials for the next upload.

        Args:
            deadline: monotonic seconds, for a refresh too.
            refused: credentials that Imgur has just refused, if any.

        Raises:
            ImgurError: no access token is available.
        """
        now = time.monotonic()
        if refused is None and now < self._kept_until:
            return self._kept
        stale = None if refused is None else refused.generation
        # Half of the time for another worker's refresh, as the upload needs some too.
        answer = self._tokens.token(stale, max(0.0, deadline - now) / 2)
        if answer.permit is not None:
            answer = self._refresh(answer, answer.permit, deadline)
        if answer.access_token is None:
            raise ImgurError(
                Reason.IMGUR_ERROR if answer.is_transient else Reason.IMGUR_CREDENTIALS,
                answer.trouble or "There is no access token.",
                transient=answer.is_transient,
                retry_after=answer.retry_after,
            ).about(RefusalScope.IMAGE if answer.is_transient else RefusalScope.ALL)
        self._kept = Credential(f"Bearer {answer.access_token}", answer.generation)
        self._kept_until = now + answer.fresh_seconds
        return self._kept

    def secrets(self, *more: str | None) -> tuple[str, ...]:
        """Return all secrets that must not be shown, with `more`."""
        access = self._access
        known = (access.client_id, access.client_secret, access.refresh_token, access.album, *more)
        return tuple(secret for secret in known if secret)

    def _refresh(self, answer: TokenAnswer, permit: int, deadline: float) -> TokenAnswer:
        refresh_token = answer.refresh_token or self._access.refresh_token or ""
        try:
            access_token, life, rotated = self._fetch(refresh_token, deadline)
        except ImgurError as error:
            self._tokens.refresh_failed(permit, error.message, error.transient)
            if answer.access_token is not None:
                return answer
            if error.maybe_stored:  # about the token call: the image has not been sent
                raise ImgurError(
                    error.reason,
                    error.message,
                    transient=error.transient,
                    retry_after=error.retry_after,
                ) from error
            raise
        self._tokens.refreshed(permit, access_token, life, rotated)
        return TokenAnswer(access_token, permit)

    def _fetch(self, refresh_token: str, deadline: float) -> tuple[str, float, str | None]:
        """Return the new access token, its lifetime in seconds, and a new refresh token if any."""
        left = min(_REFRESH_SECONDS, deadline - time.monotonic())
        if left <= 0:
            raise timed_out()
        form = {
            "refresh_token": refresh_token,
            "client_id": self._access.client_id,
            "client_secret": self._access.client_secret or "",
            "grant_type": "refresh_token",
        }
        body = encoded_form(list(form.items()))
        answer = self._exchange.send("POST", self._token_url, {}, left, body)
        self._deprecations.read("POST /oauth2/token", answer.headers, self.secrets(refresh_token))
        document = parse_json(answer.body) if answer.is_success else None
        if isinstance(document, dict):
            access_token = _text(document.get("access_token"))
            if access_token is not None:
                life = _life(document.get("expires_in"))
                return access_token, life, _text(document.get("refresh_token"))
        raise self._refusal(answer, refresh_token)

    def _refusal(self, answer: ApiResponse, refresh_token: str) -> ImgurError:
        refusal = read_refusal(answer)
        secrets = self.secrets(refresh_token)
        quote = quoted(refusal.sentence, secrets)
        if refusal.is_success:
            message = f"Imgur answered the refresh of the access token without a token.{quote}"
            return ImgurError(Reason.IMGUR_BAD_ANSWER, message, transient=True)
        error = explain(
            answer, refusal, credentials=self.settings, secrets=secrets, now=time.time()
        )
        is_about_the_image = error.reason is Reason.IMGUR_REFUSED
        if (error.transient or error.reason is Reason.IMGUR_BAD_ANSWER) and not is_about_the_image:
            return error
        message = (
            f"Imgur refused to refresh the access token (status {refusal.status}); "
            f"check {self.settings}.{quote}"
        )
        sentence = shown(refusal.sentence, secrets)
        return ImgurError(Reason.IMGUR_CREDENTIALS, message).about(RefusalScope.ALL, sentence)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def _life(value: object) -> float:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)
    # bool is an int in Python, but not a duration.
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return min(value, _LONGEST_LIFE_SECONDS)
    return _LIFE_SECONDS
