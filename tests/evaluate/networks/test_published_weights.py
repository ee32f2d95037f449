import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from small_hub import COMMIT, serving

from auffusion.errors import InputError
from auffusion.evaluate import weights
from auffusion.evaluate.extractors import EXTRACTORS, Choice, load_extractor
from auffusion.evaluate.weights import (
    CLAP,
    PUBLISHED_FILES,
    WEIGHTS_VARIABLE,
    WeightsPlace,
    find_file,
    find_repository,
)

CONTENT = bytes(range(256)) * 9000


@contextmanager
def web(content, *, length=None):
    """A server that gives one file, and perhaps says that it is longer than it is."""

    class OneFile(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200 if self.path == "/weights.pth" else 404)
            self.send_header("Content-Length", str(length or len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), OneFile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def published(monkeypatch, sha256_of):
    """Put an address and the hash of CONTENT into the table."""

    def put(name="vggish", url="http://127.0.0.1:9/weights.pth"):
        entry = replace(PUBLISHED_FILES[name], sha256=sha256_of(CONTENT))
        if entry.url:
            entry = replace(entry, url=url)
        monkeypatch.setitem(PUBLISHED_FILES, name, entry)
        return entry

    return put


def test_a_file_in_the_folder_is_found_by_its_name_and_hash(published, tmp_path, monkeypatch):
    entry = published()
    (tmp_path / entry.file).write_bytes(CONTENT)
    found = find_file("vggish", WeightsPlace(folder=tmp_path))
    assert (found.path, found.sha256) == (tmp_path / entry.file, entry.sha256)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    assert find_file("vggish") == found


@pytest.mark.parametrize("name", [n for n, entry in PUBLISHED_FILES.items() if entry.url])
def test_what_is_not_here_is_told_with_its_address_and_licence(tmp_path, name):
    entry = PUBLISHED_FILES[name]
    with pytest.raises(InputError) as told:
        find_file(name, WeightsPlace(folder=tmp_path))
    for part in (entry.what, entry.licence, str(tmp_path / entry.file), entry.url):
        assert part in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_another_file_of_that_name_is_refused(published, tmp_path):
    entry = published()
    damaged = bytearray(CONTENT)
    damaged[1000] ^= 1
    (tmp_path / entry.file).write_bytes(damaged)
    with pytest.raises(InputError, match=r"is not VGGish .* remove it and fetch it again"):
        find_file("vggish", WeightsPlace(folder=tmp_path, fetch=True))


def test_it_is_fetched_when_that_is_asked_for(published, tmp_path):
    told = []
    place = WeightsPlace(
        folder=tmp_path / "new", fetch=True, on_progress=lambda *sizes: told.append(sizes)
    )
    with web(CONTENT) as address:
        entry = published(url=f"{address}/weights.pth")
        found = find_file("vggish", place)
    assert found.path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    # And from then on it is here.
    assert find_file("vggish", replace(place, fetch=False)) == found
    assert [path.name for path in found.path.parent.iterdir()] == [entry.file]


@pytest.mark.parametrize(
    ("content", "length", "path", "told"),
    [
        (CONTENT[:-1], None, "weights.pth", "the file was replaced"),
        (CONTENT[:-1], len(CONTENT), "weights.pth", "cannot fetch|broke off"),
        (CONTENT, None, "elsewhere", "cannot fetch .* 404"),
    ],
)
def test_of_a_download_that_failed_nothing_stays(published, tmp_path, content, length, path, told):
    with web(content, length=length) as address:
        published(url=f"{address}/{path}")
        with pytest.raises(InputError, match=told):
            find_file("vggish", WeightsPlace(folder=tmp_path, fetch=True))
    assert list(tmp_path.iterdir()) == []


def test_no_connection_is_one_sentence(published, tmp_path):
    published()
    with pytest.raises(InputError, match="cannot fetch http"):
        find_file("vggish", WeightsPlace(folder=tmp_path, fetch=True))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package aisfx that would fail when it is imported."""
    site = tmp_path / "site"
    (site / "aisfx/models").mkdir(parents=True)
    (site / "aisfx/__init__.py").write_text("raise ImportError('it was imported')")
    (site / "aisfx-0.1.2.dist-info").mkdir()
    (site / "aisfx-0.1.2.dist-info/METADATA").write_text("Name: aisfx\nVersion: 0.1.2\n")
    monkeypatch.syspath_prepend(str(site))
    return site / "aisfx/models/checkpoint.pth"


def test_a_file_in_a_package_is_found_without_importing_it(published, installed, tmp_path):
    installed.write_bytes(CONTENT)
    entry = published("aisfx")
    found = find_file("aisfx", WeightsPlace(folder=tmp_path / "empty"))
    assert (found.path, found.sha256) == (installed, entry.sha256)
    assert "aisfx" not in sys.modules
    installed.write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match="is not the sound-effects network"):
        find_file("aisfx", WeightsPlace(folder=tmp_path / "empty"))


def test_a_package_that_is_not_installed_is_told_with_the_command(published, tmp_path, monkeypatch):
    published("aisfx")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(InputError, match=r"pip install --no-deps aisfx==0\.1\.2 brings them"):
        find_file("aisfx", WeightsPlace(folder=tmp_path, fetch=True))


def test_a_repository_is_found_in_the_folder(tmp_path, sha256_of):
    folder = tmp_path / "clap-htsat-unfused"
    folder.mkdir()
    with pytest.raises(InputError, match=r"has no pytorch_model\.bin"):
        find_repository(CLAP, WeightsPlace(folder=tmp_path))
    (folder / "pytorch_model.bin").write_bytes(CONTENT)
    found = find_repository(CLAP, WeightsPlace(folder=tmp_path))
    assert (found.path, found.sha256) == (folder, sha256_of(CONTENT))


def test_a_repository_is_fetched_at_its_commit_and_only_what_is_needed(
    tmp_path, monkeypatch, sha256_of
):
    files = {name: name.encode() for name in (*CLAP.files, "flax_model.msgpack", "README.md")}
    files["pytorch_model.bin"] = CONTENT
    repository = replace(CLAP, revision=COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with serving("models", CLAP.id, files, monkeypatch) as hub:
        place = WeightsPlace(folder=tmp_path, fetch=True)
        found = find_repository(repository, place)
        assert sorted(hub.fetched) == sorted(CLAP.files)
        again = find_repository(repository, replace(place, fetch=False))
    assert found == again
    assert found.sha256 == sha256_of(CONTENT)


def test_a_repository_that_is_not_here_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(InputError, match=r"laion/clap-htsat-unfused, Apache-2\.0\) are neither"):
        find_repository(CLAP, WeightsPlace(folder=tmp_path))


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_extractor_of_the_table_asks_for_weights_that_are_published(
    name, tmp_path, monkeypatch
):
    asked = []

    def find(what, place):
        asked.append((what, place.folder))
        return weights.FoundWeights(path=tmp_path, sha256="0" * 64)

    monkeypatch.setattr("auffusion.evaluate.extractors.find_file", find)
    monkeypatch.setattr("auffusion.evaluate.extractors.find_repository", find)
    extractor = load_extractor(name, Choice(place=WeightsPlace(folder=tmp_path)))
    [(what, folder)] = asked
    assert what is CLAP or what in PUBLISHED_FILES
    assert folder == tmp_path
    assert (extractor.name, extractor.weights) == (name, "0" * 64)
    assert "embedding" in extractor.dimensions


def test_an_unknown_extractor_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="there is no extractor 'cnn15': choose one of cnn14-16k,"):
        load_extractor("cnn15")
