"""Source and sink: one nginx worker on loopback; serves pictures, answers as Imgur does."""

import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Self

from benchmarks.debian import Programs
from benchmarks.ports import free_port, wait_for_listener

LINK = "https://i.imgur.com/bench.jpg"
SLOW_SECONDS = 0.3

_CONFIG = """
load_module {echo_module};
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 50m; default_type image/jpeg;
  client_body_buffer_size 8m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ ^/images/(?<size>[^/]+)/ {{ root {folder}; try_files /$size.jpg =404; }}
    location /3/image {{ default_type application/json; return 200 '{answer}'; }}
    location = /requests {{ stub_status; }}
  }}
  server {{
    listen 127.0.0.1:{slow_port} backlog=4096;
    location /3/image {{
      default_type application/json;
      echo_read_request_body; echo_sleep {slow_seconds}; echo '{answer}';
    }}
  }}
}}
"""
_ANSWER = (
    '{"data":{"id":"bench","type":"image/jpeg","deletehash":"hash",'
    f'"link":"{LINK}"}},"success":true,"status":200}}'
)


class Nginx:
    """Runs while entered.

    Args:
        programs: where nginx and its module are.
        sizes: bytes of each picture, by its name.
    """

    def __init__(self, programs: Programs, sizes: dict[str, int]) -> None:
        self._programs = programs
        self._sizes = sizes
        self._own_requests = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
        self._folder.chmod(0o755)  # its worker is another user when this one is root
        for name, size in self._sizes.items():
            (self._folder / f"{url_word(name)}.jpg").write_bytes(_picture(size))
        port, slow_port = free_port(), free_port()
        self.origin = f"http://127.0.0.1:{port}"
        self.slow_origin = f"http://127.0.0.1:{slow_port}"
        config = self._folder / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                echo_module=self._programs.echo_module,
                folder=self._folder,
                port=port,
                slow_port=slow_port,
                slow_seconds=SLOW_SECONDS,
                answer=_ANSWER,
            )
        )
        self._process = subprocess.Popen(
            [self._programs.nginx, "-p", str(self._folder), "-c", str(config)],
            stderr=subprocess.DEVNULL,
        )
        wait_for_listener(slow_port)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def requests(self) -> int:
        """How many requests it has had, these calls left out."""
        with urllib.request.urlopen(f"{self.origin}/requests") as answer:
            counters = answer.read().splitlines()[2].split()  # accepts, handled, requests
        self._own_requests += 1
        return int(counters[2]) - self._own_requests

    @property
    def pid(self) -> int:
        return self._process.pid


def url_word(size: str) -> str:
    """How a size's name stands in a URL."""
    return size.replace(" ", "")


def _picture(size: int) -> bytes:
    # Starts as a JPEG does; nobody in this run decodes it.
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
    return head + os.urandom(size - len(head) - 2) + b"\xff\xd9"
