import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.embedding_cache import (
    DamagedEntryError,
    EmbeddingCache,
    shelf_of,
    sound_digest,
)

FEATURES = {"embedding": np.arange(6, dtype="f4").reshape(2, 3), "logits": np.ones(4, "f4")}
DIGEST = "ab" * 32


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "cache")


def test_what_was_written_is_read(cache):
    assert cache.read("shelf", DIGEST) is None
    cache.write("shelf", DIGEST, FEATURES)
    found = cache.read("shelf", DIGEST)
    assert found.keys() == FEATURES.keys()
    assert all(np.array_equal(found[name], FEATURES[name]) for name in found)
    assert cache.read("other", DIGEST) is None
    assert cache.read("shelf", "cd" * 32) is None


def test_any_flipped_bit_and_any_missing_byte_is_seen(cache):
    cache.write("shelf", DIGEST, FEATURES)
    [path] = [path for path in cache.folder.rglob("*") if path.is_file()]
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DamagedEntryError, match="is damaged"):
            cache.read("shelf", DIGEST)
    path.write_bytes(whole)
    assert cache.read("shelf", DIGEST) is not None


def test_a_cache_in_an_impossible_place_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot create"):
        EmbeddingCache(tmp_path / "file").write("shelf", DIGEST, FEATURES)


def test_a_sound_is_known_by_its_samples_its_channels_and_its_rate():
    samples = np.linspace(-1, 1, 8, dtype="f4")
    digests = {
        sound_digest(samples[None], 16_000),
        sound_digest(samples[None], 8_000),
        sound_digest(samples.reshape(2, 4), 16_000),
        sound_digest(samples.reshape(4, 2).T, 16_000),
        sound_digest(np.nextafter(samples, 2)[None], 16_000),
    }
    assert len(digests) == 5
    assert sound_digest(samples.reshape(1, 8).copy("F"), 16_000) in digests


def test_a_shelf_depends_on_all_that_decides_the_numbers(tiny_cnn14):
    first, _ = tiny_cnn14()
    same, _ = tiny_cnn14()
    others = [tiny_cnn14(seed=1)[0], tiny_cnn14(32_000)[0]]
    for change in ("name", "front_end"):
        changed, _ = tiny_cnn14()
        setattr(changed, change, "another")
        others.append(changed)
    assert shelf_of(first) == shelf_of(same)
    assert len({shelf_of(one) for one in (first, *others)}) == 5
