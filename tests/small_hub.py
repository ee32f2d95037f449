"""A small hub on this machine, for the real huggingface_hub."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Those answers of a hub that a download needs."""

    kind: str
    name: str
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
        listed = f"/api/{self.kind}/{self.name}"
        if path in (listed, f"{listed}/revision/main", f"{listed}/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in self.files]
            self.send_json({"id": self.name, "sha": COMMIT, "siblings": siblings}, body=body)
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


@contextmanager
def serving(kind, name, files, monkeypatch):
    """A hub with one repository of `models` or `datasets`; gives what was fetched, in order."""
    words = {"kind": kind, "name": name, "files": files, "fetched": []}
    hub = type("OneHub", (Hub,), words)
    server = ThreadingHTTPServer(("127.0.0.1", 0), hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield hub
    server.shutdown()
    server.server_close()


def files_of(folder):
    """Contents of all files of a folder, by path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
