"""WavCaps from a hub on this machine, by the real huggingface_hub, unpacked and prepared."""

import hashlib
import json
import shutil
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "datasets/cvssp/WavCaps"
UNZIPPED = "mnt/fast/nobackup/scratch4weeks/xm00178/WavCaps/data/waveforms"

needs_zip = pytest.mark.skipif(
    shutil.which("zip") is None, reason="only Info-ZIP makes a split archive"
)


class Hub(BaseHTTPRequestHandler):
    """Those answers of a hub that a download of a data set needs."""

    files: dict[str, bytes]
    fetched: list[str]

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = unquote(urlsplit(self.path).path)
        name = path.partition(f"/{NAME}/resolve/{COMMIT}/")[2]
        if path in {f"/api/{NAME}", f"/api/{NAME}/revision/main", f"/api/{NAME}/revision/{COMMIT}"}:
            siblings = [{"rfilename": one} for one in self.files]
            told = {"id": "cvssp/WavCaps", "sha": COMMIT, "siblings": siblings}
            self.send(json.dumps(told).encode(), {"Content-Type": "application/json"}, body=body)
        elif path == f"/api/{NAME}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": one, "size": len(content), "oid": digest(content)}
                for one, content in self.files.items()
            ]
            self.send(json.dumps(tree).encode(), {"Content-Type": "application/json"}, body=body)
        elif name in self.files:
            if body:
                self.fetched.append(name)
            self.send(self.files[name], {"ETag": f'"{digest(self.files[name])}"'}, body=body)
        else:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, content, headers, *, body):
        self.send_response(200)
        for name, value in {"X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


def digest(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with the lists of all four sources, SoundBible's zip and FreeSound's in parts."""
    from imitations import imitate

    folder = tmp_path / "imitation"
    imitate("wavcaps-freesound", folder)
    publish(folder)
    Hub.files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] in {"json_files", "Zip_files"}
    }
    Hub.fetched = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield Hub
    server.shutdown()
    server.server_close()


def publish(folder):
    """Put the sounds back into zips, as they are published."""
    shutil.rmtree(folder / "Zip_files", ignore_errors=True)
    for source in ("SoundBible", "FreeSound"):
        (folder / "Zip_files" / source).mkdir(parents=True)
    with zipfile.ZipFile(folder / "Zip_files/SoundBible/SoundBible.zip", "w") as file:
        for path in (folder / "Audio/SoundBible").iterdir():
            file.write(path, f"{UNZIPPED}/SoundBible_flac/{path.name}")
    if shutil.which("zip"):
        words = ["zip", "-q", "-r", "-0", "-s", "64k", "Zip_files/FreeSound/FreeSound.zip"]
        subprocess.run([*words, f"{UNZIPPED}/FreeSound_flac"], cwd=folder, check=True)


def sources(clips):
    return {clip["source"] for clip in clips.values()}


def test_one_source_is_fetched_unpacked_and_prepared(hub, auffusion, prepare, tmp_path):
    words = ("data", "fetch", "wavcaps-soundbible", "--to", tmp_path / "set", "--workers", 2)
    status, out, err = auffusion(*words)
    assert status == 0, err
    assert f"--source {tmp_path / 'set'} --output" in out
    assert all("SoundBible" in name or "blacklist" in name for name in hub.fetched)
    place = f"sounds/SoundBible/{UNZIPPED}/SoundBible_flac"
    assert sources(prepare("wavcaps-soundbible", tmp_path / "set")) == {f"{place}/2219.flac"}
    hub.fetched.clear()
    assert auffusion(*words)[0] == 0
    assert hub.fetched == []


@needs_zip
def test_a_split_source_is_joined_and_prepared(hub, auffusion, prepare, tmp_path):
    status, _, err = auffusion("data", "fetch", "wavcaps-freesound", "--to", tmp_path / "set")
    assert status == 0, err
    assert any(name.endswith("FreeSound.z01") for name in hub.fetched)
    found = sources(prepare("wavcaps-freesound", tmp_path / "set"))
    place = f"sounds/FreeSound/{UNZIPPED}/FreeSound_flac"
    assert found
    assert found <= {f"{place}/{number}.flac" for number in ("180913", "117790", "185374")}


@pytest.mark.usefixtures("hub")
def test_a_source_without_zips_is_told(auffusion, tmp_path):
    status, _, err = auffusion("data", "fetch", "wavcaps-bbc", "--to", tmp_path / "set")
    assert status == 2
    assert "BBC_Sound_Effects holds no zip: the data set on the hub has changed" in err


def test_without_a_connection_one_sentence_says_so(auffusion, tmp_path):
    # The tests run with HF_HUB_OFFLINE=1.
    status, out, err = auffusion("data", "fetch", "wavcaps-bbc", "--to", tmp_path / "set")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "cvssp/WavCaps could not be fetched from the hub (OfflineModeIsEnabled)" in err
