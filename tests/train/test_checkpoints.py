"""Checkpoints are whole or not there; damaged ones are named and passed over."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from auffusion.errors import InputError
from auffusion.train import checkpoints
from auffusion.train.checkpoints import LATEST, MANIFEST, CheckpointStore


def tensors(step):
    return {"network.weights.a": torch.full((64, 64), float(step)), "count": torch.tensor(step)}


def saved(folder, *steps, keep=3):
    store = CheckpointStore(folder, keep)
    for step in steps:
        store.save(step, tensors(step), {"log_bytes": step})
    return store


def newest(store):
    """(step or None, what was said)."""
    told = []
    found = store.newest(told.append)
    if found is not None:
        assert torch.equal(found.tensors["count"], torch.tensor(found.step))
        assert found.notes == {"log_bytes": found.step}
    return (found and found.step), told


def flip_a_bit(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


DAMAGES = {
    "a bit of the weights": lambda folder: flip_a_bit(folder / "state.safetensors"),
    "a bit of their header": lambda folder: flip_a_bit(folder / "state.safetensors", 9),
    "a bit of the notes": lambda folder: flip_a_bit(folder / "notes.json", 3),
    "half of the weights": lambda folder: truncate(folder / "state.safetensors"),
    "half of the notes": lambda folder: truncate(folder / "notes.json"),
    "half of the manifest": lambda folder: truncate(folder / MANIFEST),
    "no weights": lambda folder: (folder / "state.safetensors").unlink(),
    "no notes": lambda folder: (folder / "notes.json").unlink(),
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "an empty manifest": lambda folder: (folder / MANIFEST).write_bytes(b""),
    "a manifest of something else": lambda folder: (folder / MANIFEST).write_text("[1, 2]"),
    "a manifest without hashes": lambda folder: (folder / MANIFEST).write_text(
        '{"state.safetensors": 1, "notes.json": {"size": 3}}'
    ),
    "a manifest of brackets": lambda folder: (folder / MANIFEST).write_text("[" * 100_000),
    "nothing": lambda folder: [path.unlink() for path in folder.iterdir()],
    "a folder for a file": lambda folder: (
        (folder / "notes.json").unlink(),
        (folder / "notes.json").mkdir(),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(tmp_path, damage):
    store = saved(tmp_path, 1, 2, 3)
    DAMAGES[damage](store.folder / "step-00000003")
    step, told = newest(CheckpointStore(tmp_path, 3))
    assert step == 2
    assert str(store.folder / "step-00000003") in told[0]
    assert "is damaged" in told[0]
    assert "passed over" in told[0]


@pytest.mark.parametrize("text", [b"", b"step-00000009\n", b"\xff\x00garbage", b"../../etc", None])
def test_a_latest_that_says_something_else_is_told_and_changes_nothing(tmp_path, text):
    store = saved(tmp_path, 1, 2)
    if text is None:
        (store.folder / LATEST).unlink()
    else:
        (store.folder / LATEST).write_bytes(text)
    step, told = newest(store)
    assert step == 2
    assert len(told) == 1
    assert "LATEST says" in told[0]
    assert "step-00000002 is the newest whole one" in told[0]


def test_latest_names_the_newest(tmp_path):
    store = saved(tmp_path, 1, 2)
    assert (store.folder / LATEST).read_text() == "step-00000002\n"
    assert newest(store) == (2, [])


def test_without_any_whole_checkpoint_the_run_does_not_begin_again_by_itself(tmp_path):
    store = saved(tmp_path, 1)
    (store.folder / "step-00000001" / MANIFEST).unlink()
    with pytest.raises(InputError, match="no whole checkpoint left"):
        newest(store)
    shutil.rmtree(store.folder)
    assert newest(CheckpointStore(tmp_path)) == (None, [])


def test_only_the_newest_stay(tmp_path):
    store = saved(tmp_path, 1, 2, 3, 4, keep=2)
    names = sorted(path.name for path in store.folder.iterdir())
    assert names == [LATEST, "step-00000003", "step-00000004"]


def test_a_damaged_newer_one_does_not_push_out_what_is_saved_after_it(tmp_path):
    """With one to keep, the one just saved would be the one to go."""
    store = saved(tmp_path, 10, 30, keep=2)
    flip_a_bit(store.folder / "step-00000030/state.safetensors")
    again = CheckpointStore(tmp_path, 1)
    assert newest(again)[0] == 10
    again.save(20, tensors(20), {"log_bytes": 20})
    assert newest(CheckpointStore(tmp_path, 1)) == (20, [])


def test_a_damaged_one_is_replaced_by_the_same_step(tmp_path):
    store = saved(tmp_path, 1, 2)
    flip_a_bit(store.folder / "step-00000002/state.safetensors")
    assert newest(store)[0] == 1
    saved(tmp_path, 2)
    assert newest(CheckpointStore(tmp_path)) == (2, [])


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    store = saved(tmp_path, 1)
    (store.folder / ".auffusion-00.tmp").mkdir()
    (store.folder / ".auffusion-00.tmp/state.safetensors").write_bytes(b"half")
    (store.folder / ".auffusion-01.tmp").write_bytes(b"step-0")
    assert newest(store) == (1, [])
    assert not [*store.folder.glob(".auffusion-*")]


FULL_DISK = """
import resource, sys
from pathlib import Path
import torch
from auffusion.errors import InputError
from auffusion.train.checkpoints import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]))
store.save(1, {"a": torch.ones(1000)}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    store.save(2, {"a": torch.ones(1_000_000)}, {})
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("most", [100, 5_000, 3_000_000])
def test_a_limit_on_file_sizes_leaves_the_old_checkpoint_and_no_half_one(tmp_path, most):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(most)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "cannot write" in done.stdout
    assert "goes on from its last checkpoint" in done.stdout
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {"step-00000001", LATEST}
    CheckpointStore(tmp_path).read(1)


@pytest.mark.parametrize("place", ["fsync", "rename", "save_file"])
def test_a_full_disk_at_any_moment_leaves_the_old_checkpoint(tmp_path, monkeypatch, place):
    store = saved(tmp_path, 1)

    def full(*_args, **_settings):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        owner = {"fsync": os, "rename": Path, "save_file": checkpoints}[place]
        patch.setattr(owner, place, full)
        with pytest.raises(InputError, match=r"No space left on device.*make room"):
            store.save(2, tensors(2), {})
    assert {path.name for path in store.folder.iterdir()} == {"step-00000001", LATEST}
    assert newest(store) == (1, [])


def test_a_run_that_would_not_fit_on_the_disk_does_not_begin(tmp_path):
    store = CheckpointStore(tmp_path / "not/yet/there", keep=2)
    free = shutil.disk_usage(tmp_path).free
    store.check_room(free // 10)
    with pytest.raises(InputError, match=r"3 more checkpoints of this run take .* make room"):
        store.check_room(free // 2)
    assert not (tmp_path / "not").exists()


def test_checkpoints_that_are_there_are_not_counted_again(tmp_path):
    store = saved(tmp_path, 1, 2, keep=2)
    free = shutil.disk_usage(tmp_path).free
    store.check_room(int(free * 0.7))
    with pytest.raises(InputError, match="1 more"):
        store.check_room(int(free * 1.5))


def test_all_kinds_of_tensors_come_back(tmp_path):
    kept = {
        "weights": torch.randn(3, 2, generator=torch.Generator().manual_seed(0)),
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "a number": torch.tensor(7.0),
        "nothing": torch.empty(0, 3),
        "whole": torch.tensor([1 << 40]),
        "short": torch.tensor([0.1], dtype=torch.bfloat16),
    }
    CheckpointStore(tmp_path).save(1, kept, {"text": "ä"})
    found = CheckpointStore(tmp_path).read(1)
    assert found.notes == {"text": "ä"}
    assert found.tensors.keys() == kept.keys()
    for name, value in kept.items():
        assert torch.equal(found.tensors[name], value), name
        assert found.tensors[name].dtype == value.dtype


def test_the_manifest_tells_sizes_and_hashes(tmp_path):
    folder = saved(tmp_path, 1).folder / "step-00000001"
    files = json.loads((folder / MANIFEST).read_text())
    assert {name: told["size"] for name, told in files.items()} == {
        name: (folder / name).stat().st_size for name in ("state.safetensors", "notes.json")
    }
    digest = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
    assert digest == files["state.safetensors"]["sha256"]


def test_a_run_keeps_at_least_one(tmp_path):
    with pytest.raises(InputError, match="keep is 0"):
        CheckpointStore(tmp_path, 0)
