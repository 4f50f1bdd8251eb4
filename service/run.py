"""Starts all parts in order, waits for a signal, drains, stops."""

import ipaddress
import os
import time
from contextlib import ExitStack

import structlog
from pydantic import SecretStr

from imgup.version import VERSION
from service.app import create_app
from service.closed_streams import open_closed_streams
from service.exit_codes import EXIT_DONE, EXIT_STATE_LOST, cannot_start, log_lost, log_unfinished
from service.http.connection_limits import raise_file_limit
from service.http.server import ServerStartError, WebServer, listen_fault
from service.middleware.api_keys import HEALTH_PATHS, LIVENESS_PATHS
from service.sandbox_process import SandboxProcess
from service.settings.environment import (
    SettingsError,
    ignored_proxies,
    load_settings,
    temporary_directory_instead,
    withhold_secrets,
)
from service.settings.machine import memory_limit, usable_cores
from service.settings.settings import Settings
from service.stop_signals import StopSignals
from workers import (
    BackendConfig,
    BackendError,
    BackendLostError,
    ClusterAddress,
    ConversionPolicy,
    DownloadPolicy,
    ImgurAccess,
    ImgurLimits,
    JournalError,
    LocalBackend,
    LogConfig,
    ManagedBackend,
    QuotaRules,
    ScalingRules,
    WebhookPolicy,
    WorkerConfig,
    configure_logging,
    prepare_for_many_threads,
    ray_backend,
)

_SANDBOX_CLIENT_ID = "sandbox"
_LAST_ANSWERS_SECONDS = 2.0  # for requests in flight when the state is lost


def main() -> int:
    """Run the service until a stop signal.

    Returns:
        The exit code: 0 stopped and drained, 1 the state was lost, 2 could not start.
    """
    open_closed_streams()
    prepare_for_many_threads()
    try:
        settings = load_settings(os.environ)
        instead_of_tmpdir = temporary_directory_instead(os.environ)
    except SettingsError as error:
        return cannot_start(str(error))
    withhold_secrets(os.environ)
    configure_logging(LogConfig(settings.log_format, settings.log_level), "service")
    if ignored := ignored_proxies(os.environ):
        structlog.get_logger("service").warning(
            "proxies of the environment have no effect; set SOURCE_PROXY and IMGUR_PROXY",
            ignored=ignored,
        )
    if instead_of_tmpdir is not None:
        structlog.get_logger("service").warning(
            "TMPDIR cannot be written; large images go to another directory",
            wanted=instead_of_tmpdir[0],
            used=instead_of_tmpdir[1],
        )
    _warn_of_memory(settings, memory_limit())
    raise_file_limit()
    try:
        with StopSignals() as stop, ExitStack() as running:
            return _Service(settings, running).run(stop)
    except (BackendError, JournalError, ServerStartError) as error:
        return cannot_start(str(error))


def _warn_of_memory(settings: Settings, memory_bytes: int) -> None:
    if settings.max_state_bytes > memory_bytes and not settings.is_on_cluster:
        structlog.get_logger("service").warning(
            "MAX_STATE_BYTES is more than the memory: the process with the jobs may be killed "
            "before they are refused",
            max_state_bytes=settings.max_state_bytes,
            memory_bytes=memory_bytes,
        )


class _Service:
    """The running parts; started parts are stopped in reverse order."""

    def __init__(self, settings: Settings, running: ExitStack) -> None:
        self._settings = settings
        self._log = structlog.get_logger("service")
        self._sandbox = _bind_sandbox(settings, running) if settings.sandbox_applies else None
        self._backend = _backend(settings, self._sandbox)
        sandbox_url = None if self._sandbox is None else self._sandbox.origin
        app = create_app(self._backend, settings, sandbox_url)
        # Bound first, so that a port in use is reported at once.
        self._server = WebServer(
            app,
            settings.host,
            settings.port,
            max_body_bytes=settings.max_body_bytes,
            trusted_proxies=settings.trusted_proxies,
            health_paths=HEALTH_PATHS,
            loop_paths=LIVENESS_PATHS,
        )
        running.callback(self._server.close)
        running.callback(self._backend.stop)

    def run(self, stop: StopSignals) -> int:
        self._backend.start()
        self._server.start()
        if self._sandbox is not None:
            self._sandbox.start()  # last: it takes CPU, and its requests wait meanwhile
        self._log_start()
        try:
            self._backend.supervise(stop)
            return self._drain(stop)
        except BackendLostError as error:
            log_lost(
                error,
                journal=self._settings.journal_path,
                outlives_service=self._backend.outlives_service,
            )
            self._server.drain(_LAST_ANSWERS_SECONDS)
            return EXIT_STATE_LOST

    def _log_start(self) -> None:
        settings = self._settings
        self._log.info(
            "service started",
            url=f"http://{_shown_host(settings.host)}:{self._server.port}",
            workers=settings.worker_count,
            lanes_per_worker=settings.worker_concurrency,
            uploads_to=settings.imgur_api_url if self._sandbox is None else "sandbox",
        )
        if not settings.api_keys and not ipaddress.ip_address(self._server.address).is_loopback:
            self._log.warning(
                "OPEN: whoever reaches this address may send jobs and see all of them; set "
                "API_KEYS, or HOST to 127.0.0.1",
                listening=self._server.address,
            )
        if self._sandbox is not None:
            self._log.warning(
                "SANDBOX: nothing is uploaded to the real Imgur",
                to_upload_there=settings.sandbox_remedy,
                sandbox=self._sandbox.origin,
            )

    def _drain(self, stop: StopSignals) -> int:
        began = time.monotonic()
        limit = self._settings.drain_seconds
        signal_name = stop.received.name if stop.received else None
        self._log.info("draining; a second signal ends it at once", signal=signal_name, limit=limit)
        if self._backend.outlives_service:
            self._log.info("jobs go on: the actors stay on the cluster until they are removed")
        self._backend.close()
        answered = self._server.drain(limit)
        unfinished = self._backend.drain(max(0.0, began + limit - time.monotonic()))
        if not answered:
            self._log.warning("some answers were not delivered within the drain time")
        log_unfinished(unfinished, kept=self._settings.journal_path is not None)
        self._log.info("stopped", seconds=round(time.monotonic() - began, 2))
        return EXIT_DONE


def _bind_sandbox(settings: Settings, running: ExitStack) -> SandboxProcess:
    try:
        sandbox = SandboxProcess(settings.sandbox_host, settings.sandbox_port)
    except OSError as error:
        raise ServerStartError(
            f"The sandbox cannot listen on {settings.sandbox_host} port {settings.sandbox_port} "
            f"{listen_fault(error, 'SANDBOX_')}"
        ) from error
    running.callback(sandbox.stop)
    return sandbox


def _backend(settings: Settings, sandbox: SandboxProcess | None) -> ManagedBackend:
    config = _backend_config(settings, sandbox)
    if settings.backend == "ray":
        return ray_backend(config, ClusterAddress(settings.ray_address, settings.ray_namespace))
    return LocalBackend(config)


def _backend_config(settings: Settings, sandbox: SandboxProcess | None) -> BackendConfig:
    download = DownloadPolicy(
        max_image_bytes=settings.max_image_bytes,
        deadline_seconds=settings.download_seconds,
        allowed_networks=settings.source_allowed_networks,
        allowed_ports=settings.source_allowed_ports,
        allowed_origins=() if sandbox is None else (sandbox.endpoint,),
        held_bytes=settings.image_memory_bytes
        // (settings.worker_count_max or settings.worker_count),
        refused_networks=settings.source_refused_networks,
        proxy=_reveal(settings.source_proxy),
        authorities=settings.ca_file,
        with_digest=settings.dedupe == "content",
        resolve_pages=settings.pages == "on",
        user_agent=f"imgup/{VERSION}",
        imgur=ImgurLimits(
            settings.imgur_max_bytes.still,
            settings.imgur_max_bytes.animation,
            settings.imgur_accepted_types,
        ),
    )
    worker = WorkerConfig(
        lanes=settings.worker_concurrency,
        max_attempts=settings.max_attempts,
        download=download,
        imgur=_imgur_access(settings, sandbox),
        webhooks=WebhookPolicy(
            settings.webhook_secret_values, retry_seconds=settings.webhook_retry_seconds
        ),
        conversion=ConversionPolicy(
            enabled=settings.convert != "off",
            processes=settings.convert_processes,
            seconds=settings.convert_seconds,
            max_pixels=settings.convert_max_pixels,
            strip_metadata=settings.strip_metadata,
        ),
        # On a cluster each takes a CPU of its node.
        core_share=1.0
        if settings.is_on_cluster
        else min(1.0, usable_cores() / settings.worker_count),
        logs=LogConfig(settings.log_format, settings.log_level),
    )
    return BackendConfig(
        worker_count=settings.worker_count,
        max_queued_urls=settings.max_queued_urls,
        worker=worker,
        max_state_bytes=settings.backend_bytes,
        job_ttl_seconds=settings.job_ttl_seconds,
        upload_again=settings.crashed_uploads == "retry",
        journal_path=settings.journal_path,
        source_concurrency=settings.source_concurrency,
        scaling=ScalingRules(
            maximum=settings.worker_count_max, heeds_quota=not settings.sandbox_applies
        ),
        quota=_quota(settings),
    )


def _quota(settings: Settings) -> QuotaRules:
    if settings.sandbox_applies:  # its limits are for show
        return QuotaRules(blocked_seconds=settings.imgur_blocked_seconds, heeds_limits=False)
    return QuotaRules(
        settings.imgur_uploads_per_day,
        settings.imgur_uploads_per_hour,
        settings.imgur_blocked_seconds,
    )


def _imgur_access(settings: Settings, sandbox: SandboxProcess | None) -> ImgurAccess:
    if sandbox is not None:
        # The sandbox does not get an account's secrets.
        return ImgurAccess(
            api_url=sandbox.origin,
            client_id=_SANDBOX_CLIENT_ID,
            upload_seconds=settings.upload_seconds,
        )
    return ImgurAccess(
        api_url=settings.imgur_api_url,
        client_id=_reveal(settings.imgur_client_id) or "",
        client_secret=_reveal(settings.imgur_client_secret),
        refresh_token=_reveal(settings.imgur_refresh_token),
        album=settings.imgur_album,
        upload_seconds=settings.upload_seconds,
        proxy=_reveal(settings.imgur_proxy),
        authorities=settings.ca_file,
    )


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
