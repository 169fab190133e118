"""A model comes from a folder or a bucket, whole and unchanged, or not at all (faults 34, 35, 72, 74, 77, 78, 79)."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from workbench.errors import ModelError, Transient
from workbench.serving import artifact


def test_a_folder_an_artifact_around_it_and_an_address(saved: Any, tmp_path: Path) -> None:
    one = saved["3"]
    around = tmp_path / "an artifact"
    shutil.copytree(one.folder, around / "data/model")
    (around / "MLmodel").write_text("flavors: {python_function: {loader_module: os.system}}")
    for place in (str(one.folder), str(around), around.as_uri()):
        model, sha256 = artifact.load(place, one.sha256, where="w")
        assert (model.columns, sha256) == (one.model.columns, one.sha256)
    assert artifact.load(str(one.folder), None, where="w")[1] == one.sha256


def test_what_was_changed_or_is_something_else_is_refused(saved: Any, tmp_path: Path) -> None:
    one = saved["3"]
    more = Path(shutil.copytree(one.folder, tmp_path / "more"))
    (more / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ModelError, match="not those that were registered"):
        artifact.load(str(more), one.sha256, where="w")
    flipped = Path(shutil.copytree(one.folder, tmp_path / "flipped"))
    content = bytearray((flipped / "model.json").read_bytes())
    content[10] ^= 1
    (flipped / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match="changed since the model was written"):
        artifact.load(str(flipped), None, where="w")
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "model.pkl").write_bytes(b"x")
    with pytest.raises(ModelError, match="there is no model"):
        artifact.load(str(pickled), None, where="w")
    for address in ("http://127.0.0.1/m", "s3://bucket/m", "file://elsewhere/m"):
        with pytest.raises(ModelError, match="neither a path"):
            artifact.load(address, None, where="w")


def test_a_folder_that_is_too_large_is_not_copied(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "LARGEST", 1000)
    with pytest.raises(ModelError, match="its folder holds more than 1,000 bytes"):
        artifact.load(str(saved["3"].folder), None, where="w")


def hashes(content: bytes) -> str:
    """As Cloud Storage sends them."""
    import google_crc32c

    crc32c = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
    return f"crc32c={crc32c},md5={base64.b64encode(hashlib.md5(content).digest()).decode()}"


class Bucket:
    """Cloud Storage on loopback, for listing and downloading: "JSON API", resources Objects: list and get."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.spoil = ""
        bucket = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/storage/v1/b/models/o":
                    prefix = parse_qs(parts.query)["prefix"][0]
                    items = [bucket.item(name) for name in sorted(bucket.objects) if name.startswith(prefix)]
                    self.reply(200, json.dumps({"kind": "storage#objects", "items": items}).encode())
                elif parts.path.startswith("/download/storage/v1/b/models/o/"):
                    name = unquote(parts.path.removeprefix("/download/storage/v1/b/models/o/"))
                    content = bucket.objects[name]
                    digest = hashes(content)
                    if bucket.spoil == "bytes" and name.endswith(".safetensors"):
                        content = content[:-1] + b"\0"
                    if bucket.spoil == "html" and name.endswith(".json"):
                        content, digest = b"<html>Sign in</html>", ""
                    if bucket.spoil == "unavailable":
                        self.reply(403, b"{}")
                        return
                    self.reply(200, content, **({"X-Goog-Hash": digest} if digest else {}))
                else:
                    self.reply(404, b'{"error": {"code": 404, "message": "The specified bucket does not exist."}}')

            def reply(self, status: int, content: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def item(self, name: str) -> dict[str, str]:
        content = self.objects[name]
        return {
            "kind": "storage#object",
            "name": name,
            "bucket": "models",
            "size": str(len(content)),
            "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        }

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def bucket(saved: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    made = Bucket()
    for path in saved["3"].folder.iterdir():
        made.objects[f"clinic/3/{path.name}"] = path.read_bytes()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{made.server.server_port}")
    yield made
    made.close()


@pytest.mark.filterwarnings("default")
def test_a_bucket(bucket: Bucket, saved: Any) -> None:
    bucket.objects["clinic/30/model.json"] = b"of another version"
    bucket.objects["clinic/3/"] = b""  # what consoles make for a folder
    model, sha256 = artifact.load("gs://models/clinic/3", saved["3"].sha256, where="w")
    assert (model.columns, sha256) == (saved["3"].model.columns, saved["3"].sha256)
    with pytest.raises(ModelError, match="nothing below"):
        artifact.load("gs://models/clinic/4", None, where="w")
    with pytest.raises(ModelError, match="no bucket elsewhere"):
        artifact.load("gs://elsewhere/clinic/4", None, where="w")


@pytest.mark.filterwarnings("default")
def test_a_bucket_that_is_too_large_is_not_downloaded(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "LARGEST", 1000)
    with pytest.raises(ModelError, match="gs://models/clinic/3 holds more than 1,000 bytes"):
        artifact.load("gs://models/clinic/3", None, where="w")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("spoil", "error"), [("bytes", Transient), ("html", ModelError), ("unavailable", Transient)])
def test_a_download_that_went_wrong_is_never_loaded(bucket: Bucket, saved: Any, spoil: str, error: type) -> None:
    bucket.spoil = spoil
    with pytest.raises(error):
        artifact.load("gs://models/clinic/3", saved["3"].sha256, where="w")


@pytest.mark.filterwarnings("default")
def test_an_object_whose_name_leads_elsewhere_is_refused(bucket: Bucket, saved: Any, tmp_path: Path) -> None:
    bucket.objects["clinic/3/../../../planted"] = b"x"
    with pytest.raises(ModelError, match="leads elsewhere"):
        artifact.load("gs://models/clinic/3", saved["3"].sha256, where="w")
