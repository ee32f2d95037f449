import errno
import os
import resource
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from auffusion.errors import InputError
from auffusion.files import write_file


@contextmanager
def size_limit():
    """The process may write files of 4096 bytes, as when the disk is full.

    Not a fixture: those outlast the test by the report of its outcome, which may go to a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def closed_folder():
    """A folder that this process may enter but not write to, even when it runs as root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
            yield Path(name)
            os.seteuid(0)
        else:
            yield Path(name)
        Path(name).chmod(0o755)


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.bin"
    write_file(path, b"first")
    write_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_file(tmp_path / "a.bin", b"x")
    (tmp_path / "b.bin").write_bytes(b"x")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    write_file(path, b"old")
    told = pytest.raises(InputError, match=r"cannot write .*a\.bin: the file would exceed")
    with size_limit(), told:
        write_file(path, b"x" * 10_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_really_full_is_said_to_be_full(tiny_disk):
    write_file(tiny_disk / "old.bin", b"old")
    with pytest.raises(InputError, match="the disk is full"):
        write_file(tiny_disk / "a.bin", b"x" * 100_000)
    assert [file.name for file in tiny_disk.iterdir()] == ["old.bin"]


def test_a_disk_that_fills_up_at_the_last_moment_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_file(tmp_path / "a.bin", b"x")
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(_handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a.bin", b"x")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_to_is_named(closed_folder):
    with pytest.raises(InputError, match="its folder may not be written to"):
        write_file(closed_folder / "a.bin", b"x")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/a.bin", "its folder does not exist"),
        ("file/a.bin", "its folder is not a folder"),
        ("folder", "it is a folder or a device"),
        ("pipe", "it is a folder or a device"),
        ("n" * 300, "its name is too long"),
        ("nul\0.bin", "null"),
    ],
)
def test_a_place_where_no_file_can_be_is_refused(tmp_path, name, reason):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=reason):
        write_file(tmp_path / name, b"x")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_as_long_as_names_can_be_is_written(tmp_path):
    write_file(tmp_path / ("n" * 255), b"x")
    assert len(list(tmp_path.iterdir())) == 1
