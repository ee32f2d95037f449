import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from auffusion.errors import InputError
from auffusion.pipeline import pack_state, packed, unpack_state


@given(st.integers(0, 1000), st.floats(-12, 4))
def test_a_number_is_off_by_at_most_half_a_step_of_its_row(seed, exponent):
    rows = torch.logspace(exponent - 2, exponent, 8)[:, None]
    exact = torch.randn(8, 16, generator=torch.Generator().manual_seed(seed)) * rows
    restored = unpack_state(pack_state({"w": exact}, minimum=1))["w"]
    # Half a step is 1/254 of the row's largest; float16 rounds the step up by at most 2⁻¹⁰, or
    # by its smallest number where it has no more digits.
    step = exact.abs().amax(dim=1) / 127 * (1 + 2**-10) + 6e-8
    assert ((restored - exact).abs() <= step[:, None] / 2 * (1 + 1e-5)).all()


def test_what_was_packed_once_packs_again_without_loss():
    state = {"w": torch.randn(64, 3, 5, 5, generator=torch.Generator().manual_seed(0))}
    once = unpack_state(pack_state(state))
    twice = unpack_state(pack_state(once))
    assert (twice["w"] - once["w"]).abs().max() <= 2e-3 * once["w"].abs().max()


def test_small_tensors_vectors_and_integers_stay_as_they_are():
    state = {
        "small": torch.randn(8, 8),
        "vector": torch.randn(5000),
        "numbers": torch.arange(5000).reshape(50, 100),
        # The name of a parameter, not of a scale: no tensor "block" is packed.
        "block.scale": torch.randn(16),
    }
    restored = unpack_state(pack_state(state))
    assert restored.keys() == state.keys()
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


def test_a_row_of_zeros_stays_zero():
    state = {"w": torch.zeros(4, 2000)}
    assert torch.equal(unpack_state(pack_state(state))["w"], state["w"])


def test_a_packed_matrix_takes_a_quarter():
    state = {"w": torch.randn(256, 256)}
    size = sum(tensor.nbytes for tensor in pack_state(state).values())
    assert size == 256 * 256 + 2 * 256


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), 1e30])
def test_weights_that_are_no_numbers_are_refused(bad):
    with pytest.raises(InputError, match="cannot be packed"):
        pack_state({"w": torch.full((64, 64), bad)})


def test_no_shard_is_larger_than_it_may_be(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "SHARD_BYTES", 30_000)
    monkeypatch.setattr(packed, "_HEADER_BYTES", 2_000)
    state = {f"w{i}": torch.randn(100, 100) for i in range(7)}
    packed.write_packed(tmp_path, state)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [f"packed-{i:04d}.safetensors" for i in range(1, 5)]
    assert all(path.stat().st_size <= 30_000 for path in tmp_path.iterdir())
    assert packed.read_packed(tmp_path).keys() == state.keys()


def test_a_missing_scale_is_named(tmp_path):
    packed.write_packed(tmp_path, {"w": torch.randn(100, 100)})
    file = tmp_path / "packed.safetensors"
    kept = load_file(file)
    save_file({"w": kept["w"]}, file)
    with pytest.raises(InputError, match="'w' lacks a scale"):
        packed.read_packed(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "packed.safetensors").write_bytes(b"not tensors")
    with pytest.raises(InputError, match=r"packed\.safetensors' is damaged"):
        packed.read_packed(tmp_path)


def test_a_folder_without_packed_weights_has_none(tmp_path):
    assert packed.read_packed(tmp_path) is None
