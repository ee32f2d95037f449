import errno
import fcntl
import hashlib
import os
import subprocess
import sys

import pytest

from auffusion.errors import InputError
from auffusion.executor import is_output, locked, sweep, write_output

HOLDER = """
import sys
from auffusion.executor import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path):
    """Another process that has the folder's lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_an_output_is_known_by_its_hash(tmp_path):
    digest = write_output(tmp_path / "a.bin", b"some sound")
    assert digest == hashlib.sha256(b"some sound").hexdigest()
    assert is_output(tmp_path / "a.bin", digest)
    (tmp_path / "a.bin").write_bytes(b"some sOund")
    assert not is_output(tmp_path / "a.bin", digest)
    assert not is_output(tmp_path / "b.bin", digest)
    assert not is_output(tmp_path, digest)


def test_only_what_killed_writers_left_is_swept(tmp_path):
    write_output(tmp_path / "a.bin", b"x")
    (tmp_path / "mine.tmp").write_bytes(b"")
    (tmp_path / ".auffusion-0123456789abcdef.tmp").write_bytes(b"half")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".auffusion-0123456789abcdef.tmp").write_bytes(b"another run's")
    with locked(tmp_path):
        assert sweep(tmp_path) == 1
        assert sweep(tmp_path) == 0
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    left = {"a.bin", "mine.tmp", "below/.auffusion-0123456789abcdef.tmp", ".auffusion.lock"}
    assert names == left


def test_what_a_killed_write_left_is_what_is_swept(tmp_path):
    code = (
        "import os, signal, sys; from auffusion.executor import write_output;"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL);"
        "write_output(sys.argv[1], b'x' * 100)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.bin")], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert sweep(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_is_of_one_run_at_a_time(tmp_path, other_run):
    told = pytest.raises(InputError, match=r"another run is writing to .*; let it end")
    with told, locked(tmp_path):
        pass
    other_run.kill()
    other_run.wait()
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_the_lock_is_not_handed_to_processes_started_under_it(tmp_path):
    with locked(tmp_path):
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with locked(tmp_path):
        pass
    sleeper.communicate(b"\n")


@pytest.mark.usefixtures("other_run")
def test_another_folder_is_free(tmp_path):
    (tmp_path / "b").mkdir()
    with locked(tmp_path / "b"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path):
    told = pytest.raises(InputError, match=r"cannot write to .*missing: No such file")
    with told, locked(tmp_path / "missing"):
        pass


def test_a_disk_without_locks_is_told_of(tmp_path, monkeypatch):
    def no_locks(_handle, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(InputError, match="name a folder on a disk with locks"), locked(tmp_path):
        pass
