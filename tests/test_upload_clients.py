"""Real clients of tus against the real server: tuspy, and tus-js-client under node.

tus-js-client is the one that the operator's pages upload with (web/node_modules).
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.conftest import missing
from tests.service import Service, wait_for

PACKAGES = Path(__file__).resolve().parent.parent / "web" / "node_modules"
DATA = os.urandom(2_500_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
# Uploads, is aborted in the middle, finds the upload again by what it has stored, and goes on with it.
SEND = """
const fs = require('fs');
const {PassThrough} = require('stream');
const tus = require('tus-js-client');
const [endpoint, path, storage, mode] = process.argv.slice(1);
const urlStorage = new tus.FileUrlStorage(storage);
const offsets = [];
let isAborted = false;
const file = fs.createReadStream(path);
const upload = new tus.Upload(mode === 'deferred' ? file.pipe(new PassThrough()) : file, {
  endpoint, urlStorage, chunkSize: 300000, retryDelays: [100, 200, 400],
  metadata: {filename: 'фильм.bin'},
  uploadSize: mode === 'deferred' ? null : fs.statSync(path).size,
  uploadLengthDeferred: mode === 'deferred',
  uploadDataDuringCreation: mode === 'with creation',
  overridePatchMethod: mode === 'override',
  onChunkComplete: (size, accepted) => {
    offsets.push(accepted);
    if (mode === 'abort' && accepted >= 900000 && !isAborted) {
      isAborted = true;
      upload.abort(false).then(() => console.log(JSON.stringify({url: upload.url, offsets})));
    }
  },
  onError: (error) => { console.log(JSON.stringify({error: String(error)})); process.exit(1); },
  onSuccess: () => console.log(JSON.stringify({url: upload.url, offsets})),
});
upload.findPreviousUploads().then((found) => {
  if (found.length > 0) upload.resumeFromPreviousUpload(found[0]);
  upload.start();
});
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield a web server of two processes: the pieces of an upload come to either."""
    found = Service(tmp_path_factory.mktemp("clients"), "web", WEB_WORKERS=2)
    try:
        found.start()
        wait_for(lambda: found.answers("/healthz"), "the web server's start", 30)
        yield found
    finally:
        found.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file to send."""
    path = tmp_path / "film.bin"
    path.write_bytes(DATA)
    return path


def check(service: Service, url: str | None) -> dict[str, Any]:
    """Check that an upload is complete and right; return what is told of it."""
    assert url is not None
    shown: dict[str, Any] = service.call("GET", url.removeprefix(service.base))
    assert (shown["status"], shown["sha256"], shown["size_bytes"]) == ("ready", SHA256, len(DATA))
    return shown


@pytest.mark.parametrize("chunk", [200_000, 10**9], ids=["in pieces", "at once"])
def test_tuspy_uploads(service: Service, chunk: int) -> None:
    uploader = TusClient(f"{service.base}/files/").uploader(
        file_stream=io.BytesIO(DATA), chunk_size=chunk, metadata={"filename": "кино.bin"}, upload_checksum=True
    )
    uploader.upload()
    assert check(service, uploader.url)["name"] == "кино.bin"


def test_tuspy_goes_on_with_an_upload(service: Service) -> None:
    client = TusClient(f"{service.base}/files/")
    first = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=500_000)
    first.upload(stop_at=1_000_000)
    again = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=500_000, url=first.url)
    assert again.offset == 1_000_000
    again.upload()
    check(service, again.url)


def test_tuspy_is_told_of_a_wrong_checksum(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    uploader = TusClient(f"{service.base}/files/").uploader(
        file_stream=io.BytesIO(DATA), chunk_size=500_000, upload_checksum=True
    )
    uploader.upload_chunk()
    liar = property(lambda self: lambda data: hashlib.sha1(b"other"))
    monkeypatch.setattr(type(uploader), "checksum_algorithm", liar)
    with pytest.raises(TusCommunicationError) as caught:
        uploader.upload_chunk()
    assert caught.value.status_code == 460
    assert uploader.get_offset() == 500_000


@pytest.fixture(scope="module")
def tus_js() -> Path:
    """Return where tus-js-client is installed."""
    if not (PACKAGES / "tus-js-client").is_dir() or shutil.which("node") is None:
        missing("no node, or no tus-js-client in web/node_modules")
    return PACKAGES


def send(tus_js: Path, service: Service, path: Path, mode: str) -> dict[str, Any]:
    """Upload a file by tus-js-client; return what it says."""
    done = subprocess.run(
        ["node", "-e", SEND, f"{service.base}/files/", str(path), str(path.with_suffix(".json")), mode],
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(tus_js)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("mode", ["plain", "deferred", "with creation", "override"])
def test_tus_js_client_uploads(service: Service, path: Path, tus_js: Path, mode: str) -> None:
    assert check(service, send(tus_js, service, path, mode)["url"])["name"] == "фильм.bin"


def test_tus_js_client_goes_on_in_another_process(service: Service, path: Path, tus_js: Path) -> None:
    """As after a tab was closed: what it knows of the upload is what it had stored."""
    first = send(tus_js, service, path, "abort")
    assert first["offsets"][-1] < len(DATA)
    again = send(tus_js, service, path, "plain")
    assert again["url"] == first["url"]
    assert again["offsets"][0] > first["offsets"][-1]
    check(service, again["url"])
