"""Targets that fsspec opens: sftp, smb, webdav and s3, each as a folder that files are written into.

fsspec connects; what it has no word for (appending, renaming without writing over) is asked of the library below it.
Connections are made anew for each copy, never taken from fsspec's cache, and every wait has an end.
"""

import contextlib
import errno
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.transfer.addresses import Root
from app.transfer.hostkeys import connect
from app.transfer.naming import part_name

BLOCK_BYTES = 1 << 20
WAIT_S = 60.0
CONNECT_S = 15.0
SMALLEST_PART_BYTES, MOST_PARTS = 8 << 20, 9_000  # S3 takes 10,000 parts of 5 MiB or more
SFTP_AT_ONCE = 64  # requests on the way while reading: of 32 KiB each
INSECURE_S3 = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}


class SftpTarget:
    """A folder of an SSH server. Absolute paths: `sftp://host/srv/x` is `/srv/x` there."""

    can_append = True
    shows_only_whole = False

    def __init__(self, root: Root, below: Sequence[str], known_hosts: Path) -> None:
        """Connect, and make the folder. Raises what paramiko does, CopyRefused for a host key that changed."""
        self._fs = connect(root, known_hosts, CONNECT_S, WAIT_S)
        self._ftp: Any = self._fs.ftp
        self._folder = ""
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)  # paramiko's thread would keep the connection alive
            self._make_folder(root, below)
            undo.pop_all()

    def _make_folder(self, root: Root, below: Sequence[str]) -> None:
        for number, part in enumerate([*root.parts, *below]):
            self._folder += f"/{part}"
            if number >= len(root.parts) and self._stat(self._folder) is None:
                with contextlib.suppress(OSError):  # another copy may just have made it; if not, writing says why
                    self._ftp.mkdir(self._folder)

    def _stat(self, path: str) -> Any:
        try:
            return self._ftp.stat(path)
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none."""
        found = self._stat(f"{self._folder}/{name}")
        return None if found is None else int(found.st_size)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        with self._ftp.open(f"{self._folder}/{name}", "rb") as file:
            file.prefetch(max_concurrent_requests=SFTP_AT_ONCE)
            yield from _blocks(file.read)

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Write the blocks from `begin` on; yield up to where the server has taken them."""
        with self._ftp.open(f"{self._folder}/{name}", "r+b" if begin else "wb") as file:
            if begin:
                file.truncate(begin)
                file.seek(begin)
            file.set_pipelined(True)  # else each 32 KiB wait for an answer
            position = begin
            for block in blocks:
                file.write(block)
                position += len(block)
                yield position

    def publish(self, part: str, name: str) -> None:
        """Rename a file; SFTP's plain rename fails where the name is taken."""
        self._ftp.rename(f"{self._folder}/{part}", f"{self._folder}/{name}")

    def replace(self, name: str, data: bytes) -> None:
        """Make a small file, or one in the place of what was there, whole at once."""
        part = f"{self._folder}/{part_name(name)}"
        with self._ftp.open(part, "wb") as file:
            file.write(data)
        self.remove(name)
        self._ftp.rename(part, f"{self._folder}/{name}")

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        with contextlib.suppress(FileNotFoundError):
            self._ftp.remove(f"{self._folder}/{name}")

    def close(self) -> None:
        """End the connection."""
        self._fs.client.close()


class SmbTarget:
    """A folder of a Windows share."""

    can_append = True
    shows_only_whole = False

    def __init__(self, root: Root, below: Sequence[str]) -> None:
        """Connect, and make the folder. Raises what smbprotocol does."""
        from fsspec.implementations.smb import SMBFileSystem

        self._fs: Any = SMBFileSystem(
            root.host,
            port=root.port,
            username=root.user,
            password=root.password,
            timeout=CONNECT_S,
            encrypt={"true": True, "false": None}.get(root.options.get("encrypt", "false")),
            register_session_retries=0,
            skip_instance_cache=True,
        )
        self._folder = "/" + "/".join([*root.parts, *below])
        self._fs.makedirs(self._folder, exist_ok=True)

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none."""
        with _no_file():
            return int(self._fs.info(f"{self._folder}/{name}")["size"])
        return None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        with self._fs.open(f"{self._folder}/{name}", "rb", block_size=BLOCK_BYTES) as file:
            yield from _blocks(file.read)

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Write the blocks from `begin` on; yield up to where the server has taken them."""
        with self._fs.open(f"{self._folder}/{name}", "r+b" if begin else "wb", block_size=BLOCK_BYTES) as file:
            if begin:
                file.truncate(begin)
                file.seek(begin)
            position = begin
            for block in blocks:
                file.write(block)
                file.flush()
                position += len(block)
                yield position

    def publish(self, part: str, name: str) -> None:
        """Rename a file; a share refuses where the name is taken."""
        self._fs.mv(f"{self._folder}/{part}", f"{self._folder}/{name}")

    def replace(self, name: str, data: bytes) -> None:
        """Make a small file, or one in the place of what was there, whole at once."""
        part = part_name(name)
        with self._fs.open(f"{self._folder}/{part}", "wb") as file:
            file.write(data)
        self.remove(name)
        self.publish(part, name)

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        with _no_file():
            self._fs.rm_file(f"{self._folder}/{name}")

    def close(self) -> None:
        """Leave the connection to smbclient, which shares one among all copies to a host."""


class WebdavTarget:
    """A collection of a WebDAV server. There is no appending: a file is begun anew."""

    can_append = False
    shows_only_whole = False

    def __init__(self, root: Root, below: Sequence[str]) -> None:
        """Make the collection. Raises what webdav4 does."""
        from webdav4.fsspec import WebdavFileSystem

        base = Root("https" if root.scheme == "webdavs" else "http", root.host, root.port, ()).text
        auth = (root.user, root.password or "") if root.user else None
        headers = {"Accept-Encoding": "identity"}
        options = {"timeout": WAIT_S, "headers": headers, "retry": False, "skip_instance_cache": True}
        self._client: Any = WebdavFileSystem(base, auth=auth, **options).client
        self._folder = ""
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._make_folder(root, below)
            undo.pop_all()

    def _make_folder(self, root: Root, below: Sequence[str]) -> None:
        from webdav4.client import ResourceAlreadyExists

        for number, part in enumerate([*root.parts, *below]):
            self._folder += f"/{quote(part, safe='')}"
            if number >= len(root.parts) and not self._client.exists(self._folder):
                with contextlib.suppress(ResourceAlreadyExists):
                    self._client.mkdir(self._folder)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{quote(name, safe='')}"

    def size(self, name: str) -> int | None:
        """Return the size of a file, None where there is none."""
        answer = self._client.http.head(self._client.join_url(self._path(name)))
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return int(answer.headers["Content-Length"])

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        with self._client.http.stream("GET", self._client.join_url(self._path(name))) as answer:
            answer.raise_for_status()
            yield from answer.iter_bytes(BLOCK_BYTES)

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Send the whole file as one request; yield its size."""
        self._client.upload_fileobj(_Reader(blocks), self._path(name), overwrite=True, size=size_bytes)
        yield size_bytes

    def publish(self, part: str, name: str) -> None:
        """Move a file; with `Overwrite: F` the server refuses where the name is taken."""
        self._client.move(self._path(part), self._path(name), overwrite=False)

    def replace(self, name: str, data: bytes) -> None:
        """Make a small file, or one in the place of what was there."""
        part = self._path(part_name(name))
        self._client.upload_fileobj(io.BytesIO(data), part, overwrite=True, size=len(data))
        self._client.move(part, self._path(name), overwrite=True)

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        from webdav4.client import ResourceNotFound

        with contextlib.suppress(ResourceNotFound):
            self._client.remove(self._path(name))

    def close(self) -> None:
        """End the connection."""
        self._client.http.close()


class S3Target:
    """A prefix in a bucket. An object appears when its upload is completed, whole; before that nothing is seen."""

    can_append = False
    shows_only_whole = True

    def __init__(self, root: Root, below: Sequence[str]) -> None:
        """Name the prefix; the first request connects."""
        from s3fs import S3FileSystem

        region = root.options.get("region")
        self._fs: Any = S3FileSystem(
            key=root.user,
            secret=root.password,
            endpoint_url=root.options.get("endpoint_url"),
            client_kwargs={"region_name": region} if region else {},
            config_kwargs={"connect_timeout": CONNECT_S, "read_timeout": WAIT_S, **INSECURE_S3},
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._folder = "/".join([root.host, *root.parts, *below])

    def size(self, name: str) -> int | None:
        """Return the size of an object, None where there is none."""
        try:
            return int(self._fs.info(f"{self._folder}/{name}")["size"])
        except FileNotFoundError:
            return None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object."""
        with self._fs.open(f"{self._folder}/{name}", "rb", block_size=SMALLEST_PART_BYTES) as file:
            yield from _blocks(file.read)

    def write(self, name: str, begin: int, blocks: Iterator[bytes], size_bytes: int) -> Iterator[int]:
        """Upload the blocks in parts, and complete; an upload that fails is given up, so that nothing costs on."""
        path = f"{self._folder}/{name}"
        self._abort_earlier(path)
        part_bytes = max(SMALLEST_PART_BYTES, -(-size_bytes // MOST_PARTS))
        file = self._fs.open(path, "wb", block_size=part_bytes)
        position = 0
        try:
            for block in blocks:
                file.write(block)
                position += len(block)
                yield position
            file.close()
        finally:
            if not file.closed:
                file.closed = True  # else its end as an object would complete the upload of a part of the file
                with contextlib.suppress(Exception):
                    file.discard()

    def _abort_earlier(self, path: str) -> None:
        """Give up uploads of this very name that a killed worker left."""
        bucket, key, _ = self._fs.split_path(path)
        found = self._fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key)
        for upload in found.get("Uploads", []):
            if upload["Key"] == key:
                self._fs.abort_mpu(bucket, key, upload["UploadId"])

    def publish(self, part: str, name: str) -> None:
        """Do nothing: the object has its name already."""

    def replace(self, name: str, data: bytes) -> None:
        """Make a small object."""
        self._fs.pipe_file(f"{self._folder}/{name}", data)

    def remove(self, name: str) -> None:
        """Remove an object; none is fine."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._folder}/{name}")

    def close(self) -> None:
        """End the connections."""
        if self._fs._s3 is not None:
            self._fs.close_session(self._fs.loop, self._fs._s3creator)


@contextlib.contextmanager
def _no_file() -> Iterator[None]:
    """Pass over the error of a file that is not there; smbclient's has the number, but not the class."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


class _Reader(io.RawIOBase):
    """Blocks as a file that an HTTP client reads."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._blocks, b"")
        given, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return given


def _blocks(read: Callable[[int], Any]) -> Iterator[bytes]:
    while block := read(BLOCK_BYTES):
        yield bytes(block)
