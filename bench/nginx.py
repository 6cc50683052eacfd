"""nginx as the yardstick of delivery: one process that sends plain files with sendfile, logs nothing."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import children
from tests.ports import free_port
from tests.service import wait_for

CONFIGURATION = """\
{user}
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running server: its port, and all its processes."""

    port: int
    pids: list[int]


@contextmanager
def serve_files(root: Path, folder: Path) -> Iterator[Nginx]:
    """Serve a folder's files until the end of the block; `folder` takes nginx's own. Raises OSError without nginx."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    folder.mkdir()
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # else it becomes one who may not read the files
    path = folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(user=user, folder=folder, root=root, port=port), "utf-8")
    with subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(path)]) as master:
        try:
            workers = wait_for(lambda: children(master.pid), "the start of nginx")
            yield Nginx(port, [master.pid, *workers])
        finally:
            master.send_signal(signal.SIGTERM)
            master.wait(20)
