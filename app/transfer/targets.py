"""Opening a target by its kind, and telling in one line, without secrets, why that or a copy to it failed."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from app.logs import mask_secrets
from app.transfer.addresses import FOLDER, Root
from app.transfer.copying import CopyFailed, CopyRefused, Target
from app.transfer.folder import FolderTarget
from instance.config import Config

MASK = "***"
MAX_ERROR = 500
KNOWN_HOSTS = "known_hosts"


def open_target(root: Root, below: Sequence[str], config: Config) -> Target:
    """Return the folder `below` a root, made where it is missing. Raises what its library raises."""
    if root.scheme == FOLDER:
        if root.text == str(config.instance_path / "sync"):
            (config.instance_path / "sync").mkdir(exist_ok=True)
        return FolderTarget(root, below)
    from app.transfer import remote

    if root.scheme == "sftp":
        return remote.SftpTarget(root, below, config.instance_path / KNOWN_HOSTS)
    if root.scheme == "smb":
        return remote.SmbTarget(root, below)
    if root.scheme == "s3":
        return remote.S3Target(root, below)
    return remote.WebdavTarget(root, below)


def told(error: BaseException, root: Root) -> str:
    """Return one line about an error: what it says, or its kind where it says nothing; no secret of the root."""
    if isinstance(error, CopyRefused | CopyFailed):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    for secret in root.secrets:
        for spelling in {secret, quote(secret, safe=""), quote(secret)}:
            text = text.replace(spelling, MASK)
    line = re.sub(r"[\s\x00-\x1f\x7f]+", " ", mask_secrets(text)).strip()
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 1]}…"
