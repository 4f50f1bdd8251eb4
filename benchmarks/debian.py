"""The programs that no Python package brings: nginx with its echo module, and Redis."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_PACKAGES = ("nginx-light", "libnginx-mod-http-echo", "redis-server")
_ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")


@dataclass(frozen=True)
class Programs:
    """Where they are."""

    nginx: str
    echo_module: str
    redis: str


def programs() -> Programs:
    """Find them; as root, install what is missing.

    Raises:
        SystemExit: something is missing and cannot be installed.
    """
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = _find()
    if found is None:
        raise SystemExit(
            "bench: nginx with its echo module and Redis are needed. On Debian, as root: "
            f"apt-get install --no-install-recommends {' '.join(_PACKAGES)}"
        )
    return found


def _find() -> Programs | None:
    nginx = shutil.which("nginx", path=_FOLDERS)
    redis = shutil.which("redis-server", path=_FOLDERS)
    if nginx is None or redis is None or not _ECHO_MODULE.exists():
        return None
    return Programs(nginx, str(_ECHO_MODULE), redis)


def _install() -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=True)
    subprocess.run(
        ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *_PACKAGES],
        env=quiet,
        check=True,
    )
