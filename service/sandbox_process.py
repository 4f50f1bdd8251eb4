"""Runs the sandbox as a child process."""

import ipaddress
import socket
import subprocess
import sys
import threading

import structlog

_RESTART_SECONDS = 1.0
_STOP_SECONDS = 3.0


class SandboxProcess:
    """Starts the sandbox on a socket bound here, and restarts it when it dies.

    The service keeps the socket: connections queue while the sandbox starts, and a new process
    continues at the same address. Port 0 means any free one.

    Raises:
        OSError: cannot listen.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        bound_host, self.port = self._listener.getsockname()[:2]
        self._address = _address_to_reach(bound_host)
        self._log = structlog.get_logger("sandbox")
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, name="sandbox-keeper", daemon=True)

    @property
    def origin(self) -> str:
        """The sandbox's URL on this machine: ``http://127.0.0.1:8001``."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"http://{host}:{self.port}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """The address and port that the download guard allows."""
        return self._address, self.port

    def start(self) -> None:
        """Start the process; it accepts requests at once."""
        self._keeper.start()

    def stop(self) -> None:
        """End the process and close the socket."""
        self._stopping.set()
        if self._process is not None:
            _close_stdin(self._process)
        if self._keeper.is_alive():
            # It waits for the process; a second wait, with a limit, would poll.
            self._keeper.join(_STOP_SECONDS)
            if self._keeper.is_alive() and self._process is not None:
                self._process.kill()
            self._keeper.join()
        self._listener.close()

    def _spawn(self) -> subprocess.Popen[bytes]:
        number = self._listener.fileno()
        command = [sys.executable, "-m", "sandbox", "--fd", str(number), "--leave-with-stdin"]
        # A session of its own: the service handles Ctrl-C, and stops the sandbox last.
        return subprocess.Popen(  # noqa: S603 - our own module, nothing from outside
            command, stdin=subprocess.PIPE, pass_fds=[number], start_new_session=True
        )

    def _keep(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._spawn() as self._process:
                    if self._stopping.is_set():  # too late for `stop` to see the process
                        _close_stdin(self._process)
                    code = self._process.wait()
            except OSError as error:  # no process or descriptor is left
                self._log.error("sandbox could not be started; trying again", cause=error.strerror)
            else:
                if not self._stopping.is_set():
                    self._log.error("sandbox died; starting it again", exit_code=code)
            self._stopping.wait(_RESTART_SECONDS)


def _close_stdin(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the sandbox ends with its standard input


def _address_to_reach(bound_host: str) -> str:
    address = ipaddress.ip_address(bound_host.partition("%")[0])
    if not address.is_unspecified:
        return str(address)
    return "::1" if address.version == 6 else "127.0.0.1"  # noqa: PLR2004 - IP version
