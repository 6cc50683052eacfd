"""Real servers to copy to, each on a free port of loopback and in a folder of its own: OpenSSH, Samba, S3, WebDAV.

`why_no_sshd()` and `why_no_samba()` say why a test cannot run here, and are empty where it can.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.service import wait_for

USER, PASSWORD = "copier", "s3cr+t/pass"  # the password has what must be percent-encoded
QUOTED = "s3cr%2Bt%2Fpass"


def _program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def why_no_sshd() -> str:
    return "" if _program("sshd") and _program("ssh-keygen") else "no sshd: install openssh-server"


def why_no_samba() -> str:
    return "" if _program("smbd") and _program("smbpasswd") else "no smbd: install samba"


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def descendants(pid: int) -> list[int]:
    """Return the pids of all processes below one: each connection of sshd is in a session of its own."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in pairs if its_parent == parent]
    return found[1:]


class Sshd:
    """An OpenSSH server of the current user, who signs in with the key `key`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        self.key = folder / "key"
        self._process: subprocess.Popen[bytes] | None = None
        self._make_key(self.key)
        self.new_host_key()
        (folder / "authorized").write_bytes((folder / "key.pub").read_bytes())
        config = [
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {folder / 'host'}",
            f"AuthorizedKeysFile {folder / 'authorized'}",
            "StrictModes no",
            "UsePAM no",
            "PidFile none",
            "PermitRootLogin yes",
            "Subsystem sftp internal-sftp",
        ]
        (folder / "config").write_text("\n".join(config) + "\n", "utf-8")

    @property
    def address(self) -> str:
        """The root for the setting."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{self.files}?key={self.key}"

    def new_host_key(self, kind: str = "ed25519") -> None:
        """Make the server's key anew."""
        (self.folder / "host").unlink(missing_ok=True)
        self._make_key(self.folder / "host", kind)

    def _make_key(self, path: Path, kind: str = "ed25519") -> None:
        command = [_program("ssh-keygen"), "-q", "-t", kind, "-N", "", "-f", str(path)]
        subprocess.run(command, check=True, input=b"y\n")

    def start(self) -> None:
        """Start the server and wait until it listens."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # without it sshd of root ends at once
        with (self.folder / "log").open("ab") as log:
            command = [_program("sshd"), "-D", "-e", "-f", str(self.folder / "config")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(lambda: _listens(self.port), "sshd", 10)

    def stop(self) -> None:
        """End the server and every connection at once, as a machine that goes away."""
        if self._process is not None:
            for pid in [self._process.pid, *descendants(self._process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Sshd":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def samba(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the root of a share for the setting, and the folder behind it."""
    port, user = free_port(), getpass.getuser()
    files = folder / "files"
    for name in ("files", "private", "lock", "state", "cache", "pid", "rpc"):
        (folder / name).mkdir(parents=True)
    config = folder / "smb.conf"
    config.write_text(
        f"""[global]
server role = standalone server
passdb backend = tdbsam:{folder}/private/passdb.tdb
private dir = {folder}/private
lock directory = {folder}/lock
state directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/pid
ncalrpc dir = {folder}/rpc
log file = {folder}/log
smb ports = {port}
interfaces = 127.0.0.1
bind interfaces only = yes
disable netbios = yes
disable spoolss = yes
load printers = no
[share]
path = {files}
read only = no
""",
        "utf-8",
    )
    given = f"{PASSWORD}\n{PASSWORD}\n".encode()
    command = [_program("smbpasswd"), "-c", str(config), "-s", "-a", user]
    subprocess.run(command, input=given, check=True, capture_output=True)
    with (folder / "out").open("wb") as log:
        command = [_program("smbd"), "--foreground", "--no-process-group", "-s", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: _listens(port), "smbd", 20)
        yield f"smb://{user}:{QUOTED}@127.0.0.1:{port}/share/copies", files
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def webdav(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the root of a WebDAV server for the setting, and the folder behind it."""
    from cheroot.wsgi import Server
    from wsgidav.wsgidav_app import WsgiDAVApp

    files, port = folder / "files", free_port()
    files.mkdir(parents=True)
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(files)},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )
    server = Server(("127.0.0.1", port), app, numthreads=4)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"webdav://{USER}:{QUOTED}@127.0.0.1:{port}", files
    finally:
        server.stop()
        thread.join(10)


@contextmanager
def s3() -> Iterator[tuple[str, str]]:
    """Yield the root of a bucket for the setting, and the address of the server."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id=USER, aws_secret_access_key=PASSWORD, region_name="us-east-1"
        )
        client.create_bucket(Bucket="copies")
        client.close()
        yield f"s3://{USER}:{QUOTED}@copies/site?endpoint_url={endpoint}&region=us-east-1", endpoint
    finally:
        server.stop()
