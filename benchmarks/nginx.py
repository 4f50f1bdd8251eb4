"""Source and sink: one nginx worker on loopback; serves one picture, answers as Imgur does."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000; client_max_body_size 50m;
  client_body_buffer_size 1m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location /images/ {{ default_type image/jpeg; root {folder}; try_files /picture.jpg =404; }}
    location /3/image {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""
ANSWER = (
    '{"data":{"id":"bench","type":"image/jpeg","deletehash":"hash",'
    '"link":"https://i.imgur.com/bench.jpg"},"success":true,"status":200}'
)


class Nginx:
    """Runs while entered; `origin` is where it listens."""

    def __init__(self, picture: bytes) -> None:
        self._picture = picture

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
        self._folder.chmod(0o755)
        (self._folder / "picture.jpg").write_bytes(self._picture)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        config = self._folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=self._folder, port=port, answer=ANSWER))
        self.origin = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [nginx_path(), "-p", str(self._folder), "-c", str(config)], stderr=subprocess.DEVNULL
        )
        give_up = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def nginx_path() -> str:
    """Where nginx is.

    Raises:
        SystemExit: it is not installed.
    """
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise SystemExit("bench: nginx is missing; install it with: apt-get install nginx-light")
    return found
