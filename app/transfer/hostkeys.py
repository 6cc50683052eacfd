"""SSH servers and their keys: fsspec would take any key; here a key is remembered, and a changed one refused.

A server met for the first time is trusted, its key written to `known_hosts` in the instance folder and logged with its
fingerprint (SHA-256, as `ssh-keygen -lf` shows it). From then on another key ends the copy: somebody may be in between.
What OpenSSH's own file of the service's user knows counts too, and comes first.
"""

import base64
import fcntl
import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from app.transfer.addresses import Root
from app.transfer.copying import CopyRefused

log = logging.getLogger(__name__)
KEEP_ALIVE_S = 15


def connect(root: Root, known_hosts: Path, connect_s: float, wait_s: float) -> Any:
    """Return fsspec's file system of an SSH server, connected. Raises CopyRefused for a key that changed."""
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class KnownHosts(SFTPFileSystem):  # type: ignore[misc]
        """As fsspec's, but for what it believes of hosts, and with an end to each wait."""

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            if known_hosts.exists():
                self.client.load_host_keys(str(known_hosts))
            self.client.set_missing_host_key_policy(_Remember(known_hosts))
            try:
                self.client.connect(self.host, **self.ssh_kwargs)
                self.ftp = self.client.open_sftp()
            except BaseException:
                self.client.close()
                raise
            self.client.get_transport().set_keepalive(KEEP_ALIVE_S)
            self.ftp.get_channel().settimeout(wait_s)

    try:
        return KnownHosts(root.host.strip("[]"), skip_instance_cache=True, **_credentials(root, connect_s))
    except paramiko.BadHostKeyException as error:
        raise _changed(root.host, error.key.asbytes(), known_hosts) from None


def _credentials(root: Root, connect_s: float) -> dict[str, Any]:
    """Return what paramiko's `connect` takes besides the host; with neither password nor key: the user's own keys."""
    key = root.options.get("key")
    return {
        "port": root.port,
        "username": root.user,
        "password": None if key else root.password,
        "passphrase": root.password if key else None,
        "key_filename": key,
        "timeout": connect_s,
        "banner_timeout": connect_s,
        "auth_timeout": connect_s,
        "allow_agent": False,
        "look_for_keys": not key and root.password is None,
    }


def _changed(host: str, key: bytes, known_hosts: Path) -> CopyRefused:
    return CopyRefused(
        f"the server {host} shows another key than before, {fingerprint(key)}: if it was changed on purpose, remove "
        f"the host's line from {known_hosts.name} in the instance folder; if not, somebody may be in between"
    )


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a public key as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


class _Remember:
    """paramiko's MissingHostKeyPolicy: write a new host's key down; asked only for hosts that no file knows."""

    def __init__(self, known_hosts: Path) -> None:
        self._path = known_hosts

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        """Append the key under a lock: other copies may do the same now.

        paramiko also asks for a known host that shows a key of another type: that is a changed key too.
        """
        if client.get_host_keys().lookup(hostname) or client._system_host_keys.lookup(hostname):
            raise _changed(hostname, key.asbytes(), self._path)
        line = f"{hostname} {key.get_name()} {key.get_base64()}\n"
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if line not in file.read():
                file.write(line)
                log.warning("%s is new, and trusted from now on: %s", hostname, fingerprint(key.asbytes()))
