"""All settings as one frozen object.

A field has the value of the environment variable of the same name in capitals. Error messages for
invalid values show its description.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.settings import secret_values, values
from service.settings.machine import memory_limit, usable_cores
from workers import IMAGE_TYPES, RETRY_SECONDS, ImgurLimits

_MAX_WORKERS = 512
_MIN_STATE_BYTES = 16 * 1024**2
_MAX_ANSWERS_BYTES = 256 * 1024**2  # more makes nothing faster


def _default_worker_count() -> int:
    return min(usable_cores(), _MAX_WORKERS)


def _default_image_bytes(data: Mapping[str, Any]) -> int:
    # An image that is too large for Imgur is converted: cameras make files of 40 MB.
    return 20 * 1000**2 if data.get("convert") == "off" else 100 * 1000**2


def _default_state_bytes() -> int:
    # The other half is for the processes (some 250 MB with two workers), IMAGE_MEMORY_BYTES,
    # request bodies and messages.
    return max(_MIN_STATE_BYTES, memory_limit() // 2)


def _next_port(data: Mapping[str, Any]) -> int:
    port = int(data.get("port", 0))
    return port + 1 if 0 < port < values.LAST_PORT else 0


def _whole_number(most: int, **default: Any) -> Any:  # noqa: ANN401 - as of Field
    return Field(**default, ge=1, le=most, description=f"a whole number from 1 to {most}")


class Settings(BaseModel):
    """All settings, valid each and together."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    # --- this service -----------------------------------------------------------------------
    host: values.Host = "127.0.0.1"
    port: values.Port = 8000
    api_keys: secret_values.ApiKeyList = Field(
        (),
        description="keys separated by commas, of printable ASCII characters, each as KEY or "
        "NAME:KEY, with a name of letters, digits and ._- and none of them twice",
    )
    admin_key: secret_values.Credential = Field(
        None, description="a key of printable ASCII characters, and none of API_KEYS"
    )
    rate_limit: values.Rate | None = Field(
        None, description="a number from 1 to 1000000 per second, minute or hour, such as 60/minute"
    )
    rate_limit_burst: int | None = _whole_number(1_000_000, default=None)
    trusted_proxies: values.Networks = ()
    allowed_hosts: values.HostNames = Field(
        (), description="host names separated by commas, without port, such as imgup.example.com"
    )
    cors_origins: values.Origins = Field(
        (),
        description="origins separated by commas, each http:// or https:// with host and port "
        "only, such as https://app.example.com",
    )
    max_urls_per_job: int = _whole_number(1_000_000, default=100_000)
    max_queued_urls: int = _whole_number(100_000_000, default=1_000_000)
    max_body_bytes: values.Size = Field(
        16 * 1024**2, ge=1024, le=1024**3, description="a size from 1KiB to 1GiB, such as 16MiB"
    )
    max_state_bytes: values.Size = Field(
        default_factory=_default_state_bytes,
        ge=_MIN_STATE_BYTES,
        le=1024**5,
        description="a size from 16MiB up, such as 1GiB",
    )
    journal_path: values.JournalPath | None = Field(
        None, description="the path of a file, in a folder that exists and can be written"
    )
    drain_seconds: float = Field(
        20.0, ge=0, le=3600, allow_inf_nan=False, description="seconds from 0 to 3600"
    )
    access_log: Annotated[Literal["on", "off"], values.LowerCase] = "on"
    log_format: Annotated[Literal["json", "console"], values.LowerCase] = "json"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], values.UpperCase] = "INFO"

    # --- the workers ------------------------------------------------------------------------
    backend: Annotated[Literal["processes", "ray"], values.LowerCase] = "processes"
    ray_address: str = Field(
        "",
        pattern=r"^(([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})?$",
        description="HOST:PORT of a Ray cluster's head, such as 10.0.0.1:6379",
    )
    ray_namespace: str = Field(
        "imgup",
        pattern=r"^[A-Za-z0-9._-]{1,60}$",
        description="a name of up to 60 letters, digits and ._-",
    )
    worker_count: int = _whole_number(_MAX_WORKERS, default_factory=_default_worker_count)
    worker_count_max: int | None = Field(
        None,
        ge=1,
        le=_MAX_WORKERS,
        description=f"a whole number from WORKER_COUNT to {_MAX_WORKERS}",
    )
    worker_concurrency: int = _whole_number(256, default=96)
    job_ttl_seconds: float = Field(
        7 * 24 * 3600.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds, or 0 to keep every job that there is memory for",
    )
    crashed_uploads: Annotated[Literal["retry", "fail"], values.LowerCase] = "retry"
    max_attempts: int = _whole_number(100, default=4)

    ca_file: values.Authorities | None = Field(
        None, description="the path of a file with certificates in PEM form"
    )

    # --- webhooks ---------------------------------------------------------------------------
    webhook_secret: secret_values.WebhookSecrets = Field(
        (),
        description="whsec_ and the base64 form of 24 to 64 random bytes; several, separated by "
        "commas, while receivers change over",
    )
    webhook_retry_seconds: values.Waits = Field(
        RETRY_SECONDS,
        description="1 to 20 waits in seconds, separated by commas, such as 5,300; or none",
    )

    # --- sources ----------------------------------------------------------------------------
    source_allowed_networks: values.Networks = ()
    source_refused_networks: values.Networks = ()
    source_allowed_ports: values.Ports = Field(
        (80, 443), min_length=1, description="ports separated by commas, such as 80,443"
    )
    source_proxy: values.Proxy = None
    source_concurrency: int = Field(
        32, ge=0, le=10_000, description="a whole number from 1 to 10000, or 0 for no limit"
    )
    dedupe: Annotated[Literal["off", "content"], values.LowerCase] = "off"
    image_memory_bytes: values.Size = Field(
        256 * 1000**2, ge=0, le=1024**4, description="a size from 0 to 1024GiB, such as 256MB"
    )
    pages: Annotated[Literal["off", "on"], values.LowerCase] = "off"
    convert: Annotated[Literal["auto", "off"], values.LowerCase] = "auto"
    convert_processes: int = _whole_number(
        _MAX_WORKERS, default_factory=lambda: max(1, _default_worker_count() // 2)
    )
    convert_seconds: values.Seconds = 20.0
    convert_max_pixels: int = _whole_number(1_000_000_000, default=100_000_000)
    strip_metadata: Annotated[Literal["off", "location", "all"], values.LowerCase] = "off"
    max_image_bytes: values.Size = Field(
        default_factory=_default_image_bytes,
        ge=1,
        le=values.MAX_IMAGE_BYTES,
        description="a size from 1 byte to 1GiB, such as 20MB",
    )
    download_seconds: values.Seconds = 30.0

    # --- Imgur ------------------------------------------------------------------------------
    imgur_client_id: secret_values.Credential = Field(
        None, description="the application's client id, of printable ASCII characters"
    )
    imgur_client_secret: secret_values.Credential = Field(
        None, description="the application's client secret, of printable ASCII characters"
    )
    imgur_refresh_token: secret_values.Credential = Field(
        None, description="the account's refresh token, of printable ASCII characters"
    )
    imgur_album: values.Album = Field(
        None, description="an album id (or deletehash) of letters and digits"
    )
    imgur_max_bytes: values.ImgurBytes = Field(
        values.DEFAULT_IMGUR_BYTES,
        description="sizes of up to 1GiB by kind, such as still=20MB,animation=10MB",
    )
    imgur_accepted_types: values.ImageTypes = Field(
        ImgurLimits().types,
        description=f"image types separated by commas, of {', '.join(IMAGE_TYPES)}",
    )
    imgur_api_url: values.Origin = Field(
        "https://api.imgur.com",
        description="http:// or https:// with host and port only, such as https://api.imgur.com",
    )
    imgur_proxy: values.Proxy = None
    upload_seconds: values.Seconds = 60.0
    imgur_uploads_per_day: values.Uploads = 1250
    imgur_uploads_per_hour: values.Uploads = 1250
    imgur_blocked_seconds: float = Field(
        86_400.0, ge=0, allow_inf_nan=False, description="seconds, or 0 to wait for ever"
    )

    # --- the sandbox ------------------------------------------------------------------------
    sandbox: Annotated[Literal["auto", "on", "off"], values.LowerCase] = "auto"
    sandbox_host: values.Host = "127.0.0.1"
    sandbox_port: values.Port = Field(default_factory=_next_port)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.imgur_client_id is None:
            if self.imgur_client_secret or self.imgur_refresh_token:
                given = "IMGUR_REFRESH_TOKEN" if self.imgur_refresh_token else "IMGUR_CLIENT_SECRET"
                raise ValueError(
                    f"{given} is set without IMGUR_CLIENT_ID: set that too, or unset it"
                )
            if self.sandbox == "off":
                raise ValueError(
                    "SANDBOX=off needs an Imgur application: set IMGUR_CLIENT_ID, "
                    "or leave SANDBOX at auto to try the service without one"
                )
        elif self.imgur_refresh_token and not self.imgur_client_secret:
            raise ValueError(
                "IMGUR_REFRESH_TOKEN is set without IMGUR_CLIENT_SECRET: Imgur gives access "
                "tokens only for all three of client id, client secret and refresh token"
            )
        if self.worker_count_max and self.worker_count_max < self.worker_count:
            raise ValueError(
                f"WORKER_COUNT_MAX is {self.worker_count_max}, and WORKER_COUNT "
                f"{self.worker_count}: set one that is not below the other"
            )
        if self.admin_key and self.admin_key in [key.secret for key in self.api_keys]:
            raise ValueError("ADMIN_KEY is one of API_KEYS: set another, or its holder is an admin")
        if self.rate_limit_burst and self.rate_limit is None:
            raise ValueError(
                "RATE_LIMIT_BURST is set without RATE_LIMIT: set that too, or unset it"
            )
        if self.sandbox_applies and self.port and self.port == self.sandbox_port:
            raise ValueError(
                f"PORT and SANDBOX_PORT are both {self.port}: they need different ports"
            )
        return self

    @property
    def sandbox_applies(self) -> bool:
        """Whether images go to the sandbox instead of Imgur."""
        return self.sandbox == "on" or (self.sandbox == "auto" and self.imgur_client_id is None)

    @property
    def sandbox_remedy(self) -> str:
        """What has images go to Imgur instead of the sandbox."""
        return "set IMGUR_CLIENT_ID" if self.imgur_client_id is None else "set SANDBOX to auto"

    @property
    def is_on_cluster(self) -> bool:
        """Whether state and workers are on a Ray cluster that this process only joins."""
        return self.backend == "ray" and bool(self.ray_address)

    @property
    def backend_bytes(self) -> int:
        """The part of MAX_STATE_BYTES for jobs, links and the queue; responses have the rest."""
        return self.max_state_bytes // 2

    @property
    def views_bytes(self) -> int:
        """The size of the cache of rendered jobs, and of that of rendered lists of links."""
        return min(_MAX_ANSWERS_BYTES // 2, self.max_state_bytes // 8)

    @property
    def answers_bytes(self) -> int:
        """The memory for large responses that are being sent."""
        return min(_MAX_ANSWERS_BYTES, self.max_state_bytes // 4)

    @property
    def max_workers(self) -> int:
        """The maximum number of workers."""
        return self.worker_count_max or _MAX_WORKERS

    @property
    def webhook_secret_values(self) -> tuple[bytes, ...]:
        """The secrets; empty if webhooks are disabled."""
        return tuple(secret.get_secret_value() for secret in self.webhook_secret)
