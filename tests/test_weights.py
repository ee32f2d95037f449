import contextlib
import json
import pickle
import random

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from auffusion.errors import InputError
from auffusion.weights import (
    NUMPY_VALUES,
    load_strictly,
    read_content,
    read_state,
    read_weights,
)

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


class Canary:
    """Unpickled by plain pickle, it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def assert_same(found, expected=STATE):
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def write_shards(folder, ending, save):
    first, second = ({name: STATE[name]} for name in STATE)
    names = [f"part-{i}{ending}" for i in (1, 2)]
    save(first, folder / names[0])
    save(second, folder / names[1])
    stem = "model.safetensors" if ending == ".safetensors" else "pytorch_model.bin"
    index = {"weight_map": dict(zip(STATE, names, strict=True))}
    (folder / f"{stem}.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("old_format", [False, True])
def test_pickled_weights_of_either_format_are_read(tmp_path, old_format):
    path = tmp_path / "pytorch_model.bin"
    torch.save(STATE, path, _use_new_zipfile_serialization=not old_format)
    assert_same(read_weights(tmp_path))


def test_safetensors_are_preferred(tmp_path):
    save_file(STATE, tmp_path / "model.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"not read")
    assert_same(read_weights(tmp_path))


@pytest.mark.parametrize(("ending", "save"), [(".safetensors", save_file), (".bin", torch.save)])
def test_shards_are_joined(tmp_path, ending, save):
    write_shards(tmp_path, ending, save)
    assert_same(read_weights(tmp_path))


def test_other_file_names_may_be_asked_for(tmp_path):
    torch.save(STATE, tmp_path / "diffusion_pytorch_model.bin")
    assert_same(read_weights(tmp_path, ("diffusion_pytorch_model",)))


def test_a_nested_dict_of_tensors_is_read_as_it_is(tmp_path):
    torch.save({"generator": STATE}, tmp_path / "vocoder.pt")
    assert_same(read_state(tmp_path / "vocoder.pt")["generator"])


@pytest.mark.parametrize("plant", ["torch", "torch, old format", "pickle", "inside a state dict"])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, plant):
    canary, path = tmp_path / "canary", tmp_path / "pytorch_model.bin"
    trap = Canary(canary)
    if plant == "pickle":
        path.write_bytes(pickle.dumps(trap))
    else:
        content = {**STATE, "x": trap} if plant == "inside a state dict" else trap
        torch.save(content, path, _use_new_zipfile_serialization="old" not in plant)
    with pytest.raises(InputError, match=r"pytorch_model\.bin was refused"):
        read_weights(tmp_path)
    assert not canary.exists()


def test_the_trap_of_these_tests_would_spring(tmp_path):
    pickle.loads(pickle.dumps(Canary(tmp_path / "canary"))).close()
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["../outside.bin", "/outside.bin", "sub/outside.bin"])
def test_an_index_cannot_name_files_elsewhere(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    torch.save(STATE, tmp_path / "outside.bin")
    index = {"weight_map": {"a.weight": name}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="lies outside its folder"):
        read_weights(folder)


@pytest.mark.parametrize(
    "index", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": [1]}}', "\udcff"]
)
def test_a_damaged_index_is_refused(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_bytes(index.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match="is not an index"):
        read_weights(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    write_shards(tmp_path, ".bin", torch.save)
    (tmp_path / "part-2.bin").unlink()
    with pytest.raises(InputError, match=r"no weight file .*part-2\.bin"):
        read_weights(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no weights"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    "content", [[1, 2], torch.ones(2), {"a": 1.0}, {"a": {"b": torch.ones(1)}}]
)
def test_what_is_not_a_dict_of_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="expected"):
        read_weights(tmp_path)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "old"])
def test_no_damage_gives_anything_but_one_sentence(tmp_path, kind):
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "pytorch_model.bin")
    if kind == "safetensors":
        save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=kind == "zip")
    whole, chance = path.read_bytes(), random.Random(0)
    damaged = [b"", whole[: len(whole) // 2], whole[:-1], b"\0" * 64, b"\x80\x04" + whole]
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(min(len(broken), 600))] = chance.randrange(256)
        damaged.append(bytes(broken))
    for content in damaged:
        path.write_bytes(content)
        # Damage to the numbers themselves has no mark and loads.
        with contextlib.suppress(InputError):
            read_weights(tmp_path)
    path.write_bytes(whole[:-1])
    with pytest.raises(InputError, match=path.name):
        read_weights(tmp_path)


def test_numbers_of_numpy_are_read_only_where_they_are_allowed(tmp_path):
    path = tmp_path / "checkpoint.pth"
    content = ({"model": STATE}, {"head": (np.int64(3), 4), "order": np.arange(3)})
    torch.save(content, path)
    with pytest.raises(InputError, match=r"checkpoint\.pth was refused"):
        read_content(path)
    state, table = read_content(path, allowed=NUMPY_VALUES)
    assert_same(state["model"])
    assert table["head"] == (3, 4)
    assert table["order"].tolist() == [0, 1, 2]


def test_allowing_numpy_lets_nothing_else_in(tmp_path):
    canary, path = tmp_path / "canary", tmp_path / "checkpoint.pth"
    torch.save({"a": np.arange(3), "x": Canary(canary)}, path)
    with pytest.raises(InputError, match="was refused"):
        read_content(path, allowed=NUMPY_VALUES)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("bias"), r"1 missing \(bias\)"),
        (lambda state: state.update(extra=torch.ones(1)), r"1 left over \(extra\)"),
        (lambda state: state.update(bias=torch.ones(4)), r"1 of another shape \(bias\)"),
        (lambda state: state["weight"].fill_(float("nan")), r"1 not finite \(weight\)"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(change, told):
    network, other = nn.Linear(2, 3), nn.Linear(2, 3)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    state = dict(other.state_dict())
    load_strictly(other, state, complaint="it does not fit", advice="fetch it again")
    change(state)
    with pytest.raises(InputError, match=rf"it does not fit: {told}; fetch it again"):
        load_strictly(network, state, complaint="it does not fit", advice="fetch it again")
    assert_same(network.state_dict(), before)
