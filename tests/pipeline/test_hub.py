"""Models by name: a small hub of our own on this machine, and none at all."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest

from auffusion import AuffusionPipeline
from auffusion.errors import InputError
from auffusion.pipeline import HubOptions, model_folder
from auffusion.pipeline.hub import wanted_files

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/tiny-auffusion"


class Hub(BaseHTTPRequestHandler):
    """Those answers of a hub that a download needs."""

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
        listed = f"/api/models/{NAME}"
        if path in (listed, f"{listed}/revision/main", f"{listed}/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in self.files]
            self.send_json({"id": NAME, "sha": COMMIT, "siblings": siblings}, body=body)
        elif path == f"{listed}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": digest(content)}
                for name, content in self.files.items()
            ]
            self.send_json(tree, body=body)
        elif (name := path.partition(f"/resolve/{COMMIT}/")[2]) in self.files:
            if body:
                self.fetched.append(name)
            self.send(self.files[name], {"ETag": f'"{digest(self.files[name])}"'}, body=body)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send_json(self, content, *, body):
        self.send(json.dumps(content).encode(), {"Content-Type": "application/json"}, body=body)

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
def hub(published, monkeypatch):
    """A hub with one model, in the adapter layout, and much that nobody needs."""
    folder, _ = published["adapter"]
    Hub.files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    Hub.files |= {"v1-5-pruned.ckpt": b"huge", "safety_checker/pytorch_model.bin": b"huge"}
    Hub.fetched = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield Hub
    server.shutdown()
    server.server_close()


def test_a_hub_id_is_fetched_once_and_only_what_is_needed(hub, tmp_path):
    read = AuffusionPipeline.from_pretrained(NAME, cache_dir=tmp_path)
    assert read.config["text_convention"] == "adapter"
    assert "v1-5-pruned.ckpt" not in hub.fetched
    assert "safety_checker/pytorch_model.bin" not in hub.fetched
    assert "vocoder/vocoder.pt" in hub.fetched
    hub.fetched.clear()
    options = HubOptions(cache_dir=tmp_path, revision="main")
    assert (model_folder(NAME, options) / "condition_config.json").is_file()
    assert hub.fetched == []


@pytest.mark.usefixtures("hub")
def test_what_was_fetched_is_there_offline(tmp_path, monkeypatch):
    online = model_folder(NAME, HubOptions(cache_dir=tmp_path))
    assert model_folder(NAME, HubOptions(cache_dir=tmp_path, local_files_only=True)) == online
    pinned = HubOptions(cache_dir=tmp_path, local_files_only=True, revision=COMMIT)
    assert model_folder(NAME, pinned) == online
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert model_folder(NAME, HubOptions(cache_dir=tmp_path)) == online


@pytest.mark.usefixtures("hub")
def test_a_name_that_the_hub_does_not_know_is_said(tmp_path):
    with pytest.raises(InputError, match=r"'no/such' was not downloaded .*NotFound"):
        model_folder("no/such", HubOptions(cache_dir=tmp_path))


@pytest.mark.parametrize("only_local", [True, False])
def test_offline_what_was_never_fetched_is_said(tmp_path, only_local):
    # The tests themselves run with HF_HUB_OFFLINE=1.
    options = HubOptions(cache_dir=tmp_path, local_files_only=only_local)
    with pytest.raises(InputError, match=f"'{NAME}' was not downloaded before"):
        AuffusionPipeline.from_pretrained(
            NAME, cache_dir=tmp_path, local_files_only=options.local_files_only
        )


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "/nowhere", "../up", "embeded"])
def test_a_name_of_nothing_says_what_is_expected(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected 'embedded', a model folder or a hub id"):
        model_folder(name)


def test_a_folder_wins_over_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "someone" / "model").mkdir(parents=True)
    assert model_folder("someone/model").samefile(tmp_path / "someone" / "model")


def test_pickles_are_wanted_only_where_there_is_nothing_safer():
    names = [
        "model_index.json",
        "README.md",
        "text_encoder/model.safetensors",
        "text_encoder/pytorch_model.bin",
        "text_encoder/model.fp16.safetensors",
        "text_encoder/openvino_model.bin",
        "tokenizer/merges.txt",
        "unet/diffusion_pytorch_model.non_ema.bin",
        "unet/diffusion_pytorch_model-00001-of-00002.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
        "vae/packed-0001.safetensors",
        "unet/deep/model.safetensors",
        "condition_adapter_0/condition_adapter.pt",
    ]
    assert wanted_files(names) == [
        "condition_adapter_0/condition_adapter.pt",
        "model_index.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "unet/diffusion_pytorch_model-00001-of-00002.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
        "vae/packed-0001.safetensors",
    ]
