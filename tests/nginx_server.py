"""A real nginx with the documented site file before a running service."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.ports import free_port
from tests.service import ROOT, wait_for

SITE = ROOT / "docs" / "nginx" / "flask-playback.conf"
MAIN = """{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def find_nginx() -> str | None:
    """Return the path of nginx, which Debian keeps out of a user's PATH, or None where there is none."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Nginx:
    """nginx on a free port, with the site file's paths and ports replaced by those of the test."""

    def __init__(self, folder: Path, service_port: int, media: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        text = SITE.read_text("utf-8")
        for documented, here in (
            ("server 127.0.0.1:8000;", f"server 127.0.0.1:{service_port};"),
            ("listen 80;    ", f"listen 127.0.0.1:{self.port};"),
            ("alias /opt/flask-playback/instance/storage/rec/;", f"alias {media}/;"),
        ):
            assert text.count(documented) == 1, documented
            text = text.replace(documented, here)
        (folder / "site.conf").write_text(text, "utf-8")
        # Started by root, nginx would become a user who may not read what the test has written.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user), "utf-8")
        self.command = [find_nginx() or "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def check(self) -> "subprocess.CompletedProcess[str]":
        """Let nginx check the files."""
        return subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)

    def __enter__(self) -> "Nginx":
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(self.command, stdout=output, stderr=output)
        wait_for((self.folder / "pid").exists, "the start of nginx")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def errors(self) -> list[str]:
        """Return what nginx has logged as wrong."""
        return (self.folder / "error.log").read_text("utf-8").splitlines()
