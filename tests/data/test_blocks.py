import json
import pickle

import numpy as np
import pytest

from auffusion.data.blocks import (
    Block,
    BlockReader,
    block_name,
    finish_cache,
    has_block,
    write_block,
)
from auffusion.errors import InputError


@pytest.fixture
def cache(tmp_path):
    """Two blocks of two clips; clip i has i + 1 rows, each holding i."""
    for number, clips in enumerate([(0, 1), (2, 3)]):
        rows = np.concatenate([np.full((clip + 1, 3), clip, np.float16) for clip in clips])
        starts = np.cumsum([0, *(clip + 1 for clip in clips)]).tolist()
        block = Block(arrays={"rows": rows, "other": rows[:1]}, starts=starts)
        write_block(tmp_path, block_name(number), block, f"made of {clips}")
    finish_cache(tmp_path, ["000000", "000001"], {"block_clips": 2, "kind": "test"})
    return tmp_path


def test_the_rows_of_a_clip_are_found_by_its_number(cache):
    reader = BlockReader(cache)
    for clip in range(4):
        np.testing.assert_array_equal(reader.rows(clip, "rows"), np.full((clip + 1, 3), clip))
    assert reader.whole(3, "other").shape == (1, 3)
    assert isinstance(reader.rows(0, "rows").base, np.memmap)


def test_a_reader_can_be_sent_to_another_process(cache):
    reader = pickle.loads(pickle.dumps(BlockReader(cache)))
    np.testing.assert_array_equal(reader.rows(1, "rows"), np.full((2, 3), 1))


def test_a_block_is_there_only_when_whole_and_made_of_the_same(cache):
    assert has_block(cache, "000000", "made of (0, 1)")
    assert not has_block(cache, "000000", "made of (0, 2)")
    assert not has_block(cache, "000009", "made of (0, 1)")
    with (cache / "000000.rows.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    assert not has_block(cache, "000000", "made of (0, 1)")


def test_a_block_whose_record_is_gone_or_garbled_is_not_there(cache):
    (cache / "000000.json").write_text("{")
    assert not has_block(cache, "000000", "made of (0, 1)")
    with pytest.raises(InputError, match=r"block 000000 .* cannot be read"):
        BlockReader(cache).rows(0, "rows")


def test_blocks_that_no_longer_belong_are_removed(cache):
    finish_cache(cache, ["000000"], {"block_clips": 2})
    assert {path.name for path in cache.iterdir()} == {
        "000000.json",
        "000000.rows.npy",
        "000000.other.npy",
        "cache.json",
    }


def test_a_cache_that_is_not_finished_is_not_read(cache):
    (cache / "cache.json").unlink()
    with pytest.raises(InputError, match="holds no finished cache"):
        BlockReader(cache)


def test_arrays_of_objects_are_never_read(cache):
    np.save(cache / "000000.rows.npy", np.array([{}], object), allow_pickle=True)
    record = json.loads((cache / "000000.json").read_text())
    assert record["arrays"].keys() == {"rows", "other"}
    with pytest.raises(InputError, match="cannot be read"):
        BlockReader(cache).rows(0, "rows")
