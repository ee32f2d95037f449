import contextlib

import pytest
import torch

from auffusion.errors import InputError
from auffusion.train.checkpoint import read_checkpoint, write_checkpoint


@contextlib.contextmanager
def files_no_larger_than(size):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_tensors_and_notes_come_back(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.ones(2, 3).T}
    write_checkpoint(tmp_path / "c.safetensors", tensors, {"step": "4"})
    got, notes = read_checkpoint(tmp_path / "c.safetensors")
    assert notes == {"step": "4"}
    assert got.keys() == tensors.keys()
    assert all(torch.equal(got[name], tensors[name]) for name in tensors)


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path):
    path = tmp_path / "c.safetensors"
    write_checkpoint(path, {"a": torch.zeros(10)}, {"step": "1"})
    with files_no_larger_than(20_000), pytest.raises(InputError, match=r"cannot save .*make room"):
        write_checkpoint(path, {"a": torch.zeros(100_000)}, {"step": "2"})
    assert read_checkpoint(path)[1] == {"step": "1"}
    assert [file.name for file in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(InputError, match=r"cannot save .*c\.safetensors"):
        write_checkpoint(tmp_path / "no/c.safetensors", {"a": torch.zeros(1)}, {})


@pytest.mark.parametrize("content", [b"", b"short", bytes(100), b"\xff" * 100])
def test_what_is_no_checkpoint_is_told(tmp_path, content):
    (tmp_path / "c.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"c\.safetensors is damaged"):
        read_checkpoint(tmp_path / "c.safetensors")
