import io
import os
import shutil
import subprocess
import zipfile

import pytest

from auffusion.data.packages import download_package, fetch_package, unpack_archive
from auffusion.errors import InputError

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def build_deb(folder, files, links=()):
    """A Debian package, built by Debian's own tool."""
    root = folder / "root"
    control = "Package: tiny-sounds\nVersion: 1.0-1\nArchitecture: all\nMaintainer: A <a@b.org>\n"
    for name, content in {**files, "DEBIAN/control": f"{control}Description: sounds\n"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, goal in links:
        (root / name).symlink_to(goal)
    deb = folder / "tiny-sounds_1.0-1_all.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(root), str(deb)]
    subprocess.run(command, check=True, capture_output=True)
    return deb


def from_here(archive):
    """A download that takes the archive from this machine."""

    def download(_, folder):
        return shutil.copy(archive, folder / archive.name)

    return download


@pytest.fixture
def deb(tmp_path):
    inside = zipped({"sound/bark.wav": b"bark"})
    return build_deb(tmp_path, {"usr/share/tiny/base.pk3": inside, "usr/share/tiny/a.txt": "a"})


@needs_dpkg
def test_a_package_is_unpacked_with_its_containers_open(tmp_path, deb):
    folder = fetch_package("tiny-sounds", tmp_path / "packages", download=from_here(deb))
    assert folder == tmp_path / "packages/tiny-sounds"
    assert (folder / "usr/share/tiny/base.pk3.d/sound/bark.wav").read_bytes() == b"bark"
    assert (folder / "usr/share/tiny/a.txt").read_text() == "a"
    assert (folder / "PACKAGE").read_text() == "tiny-sounds_1.0-1_all.deb\n"
    assert not list((tmp_path / "packages").rglob("*.deb"))
    assert [path.name for path in (tmp_path / "packages").iterdir()] == ["tiny-sounds"]


def test_a_package_that_is_there_is_not_fetched_again(tmp_path):
    (tmp_path / "tiny-sounds").mkdir()

    def download(name, folder):
        pytest.fail(f"{name} was fetched into {folder}")

    assert fetch_package("tiny-sounds", tmp_path, download=download) == tmp_path / "tiny-sounds"


@needs_dpkg
def test_what_an_interrupted_fetch_left_is_not_in_the_way(tmp_path, deb):
    (tmp_path / "p/tiny-sounds.partial/old").mkdir(parents=True)
    folder = fetch_package("tiny-sounds", tmp_path / "p", download=from_here(deb))
    assert not (folder / "old").exists()


@needs_dpkg
def test_links_to_containers_are_not_followed(tmp_path):
    secret = tmp_path / "secret.pk3"
    secret.write_bytes(zipped({"a": b"secret"}))
    deb = build_deb(tmp_path, {"usr/a.txt": "a"}, links=[("usr/base.pk3", secret)])
    folder = fetch_package("tiny-sounds", tmp_path / "p", download=from_here(deb))
    assert not (folder / "usr/base.pk3.d").exists()


@needs_dpkg
def test_a_container_cannot_write_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    files = {"usr/base.pk3": zipped({"bark.wav": b"bark"})}
    deb = build_deb(tmp_path, files, links=[("usr/base.pk3.d", outside)])
    with pytest.raises(InputError, match=r"'bark\.wav', which leads out of its folder"):
        fetch_package("tiny-sounds", tmp_path / "p", download=from_here(deb))
    assert not list(outside.iterdir())
    assert not list((tmp_path / "p").iterdir())


@needs_dpkg
@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"usr/base.pk3": zipped({"../../evil.wav": b"x"})}, "leads out of its folder"),
        ({"usr/base.pk3": b"PK but no more"}, "base.pk3 is damaged"),
        ({"usr/base.pk3": zipped({"a": b"", "a/b": b""})}, "cannot unpack the package tiny-sounds"),
    ],
)
def test_a_bad_container_leaves_no_package_behind(tmp_path, files, sentence):
    deb = build_deb(tmp_path, files)
    with pytest.raises(InputError, match=sentence):
        fetch_package("tiny-sounds", tmp_path / "p", download=from_here(deb))
    assert not list((tmp_path / "p").iterdir())


@needs_dpkg
def test_a_package_cut_short_is_told_by_name(tmp_path, deb):
    deb.write_bytes(deb.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"tiny-sounds.* could not be had with 'dpkg-deb'"):
        fetch_package("tiny-sounds", tmp_path / "p", download=from_here(deb))
    assert not list((tmp_path / "p").iterdir())


def test_a_wheel_is_unpacked_and_its_version_kept(tmp_path):
    wheel = tmp_path / "arcade-3.3.3-py3-none-any.whl"
    wheel.write_bytes(zipped({"arcade/coin.wav": b"coin"}))
    folder = fetch_package("arcade", tmp_path / "p", download=from_here(wheel))
    assert (folder / "arcade/coin.wav").read_bytes() == b"coin"
    assert (folder / "PACKAGE").read_text() == f"{wheel.name}\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (zipped({"../evil.py": b"x"}), r"'../evil.py', which leads out of its folder"),
        (zipped({"/tmp/evil.py": b"x"}), "leads out of its folder"),
        (b"no zip", "is damaged"),
    ],
)
def test_a_bad_wheel_is_refused_before_anything_is_written(tmp_path, content, sentence):
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=sentence):
        unpack_archive(wheel, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["", "-o=x", "../x", "a/b", "Upper", "a"])
def test_what_is_no_package_name_never_reaches_a_command(tmp_path, name):
    with pytest.raises(InputError, match="is no package name"):
        fetch_package(name, tmp_path)


def test_a_missing_client_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="needs the command 'apt-get', which is not installed"):
        download_package("tiny-sounds", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_client_that_fails_is_quoted(tmp_path, monkeypatch):
    script = tmp_path / "apt-get"
    script.write_text(
        "#!/bin/sh\necho Reading >&2\necho 'E: Unable to locate package' >&2\nexit 100\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(InputError, match="'apt-get': E: Unable to locate package"):
        fetch_package("tiny-sounds", tmp_path / "p")
    assert not list((tmp_path / "p").iterdir())
