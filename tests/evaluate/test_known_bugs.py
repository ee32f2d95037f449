"""The seven ways in which audioldm_eval changes a score without a word; ours is right or refuses.

They were found in haoheliu/audioldm_eval at 8dc07ee; each test says where.
"""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch
from small_extractor import Bands

from auffusion.errors import InputError
from auffusion.evaluate.embedding import EmbeddingOptions
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Conditions, evaluate
from auffusion.evaluate.protocol import protocol_names, read_protocol
from auffusion.evaluate.scoring import Certainty
from auffusion.executor import SerialExecutor

PLAIN = Conditions(certainty=Certainty(replicates=0), controls=False)
SCORES = read_protocol("audioldm-eval")


@pytest.fixture
def sides(recordings, noisy, tmp_path):
    """A folder of generated sounds and one of recordings that a test may spoil."""
    shutil.copytree(recordings, tmp_path / "real")
    shutil.copytree(noisy(0.05), tmp_path / "made")
    return tmp_path / "made", tmp_path / "real"


def values(result):
    return {score.name: score.value for score in result.scores}


def test_1_layers_of_a_network_are_no_clips(sides, means):
    """The default backbone became MERT (`eval.py`): 13 layers a clip were counted as 13 clips."""
    for name in protocol_names():
        assert not any("mert" in extractor for extractor in read_protocol(name).extractors)

    class Layers(Bands):
        def __call__(self, waveform):
            found = super().__call__(waveform)["logits"]
            return {"logits": torch.stack([found, found + 1.0, 2.0 * found], dim=1)}

    only = SCORES.only(["kl_softmax_cnn14", "is_cnn14"])
    found = evaluate(*sides, only, replace(means, load=Layers), PLAIN)
    # A number for each clip, not for each layer.
    assert len(found.score("kl_softmax_cnn14").values) == 12
    plain = evaluate(*sides, only, replace(means, load=_mean_of_layers), PLAIN)
    assert values(found) == pytest.approx(values(plain), rel=1e-5)


def _mean_of_layers(name):
    class Mean(Bands):
        def __call__(self, waveform):
            found = super().__call__(waveform)["logits"]
            return {"logits": (found + found + 1.0 + 2.0 * found) / 3}

    return Mean(name, version=2)


def test_2_a_slash_at_the_end_puts_no_cache_among_the_sounds(sides, means):
    """Caches were called `path + suffix` (`eval.py`): with `dir/`, they became sounds next time."""
    made, real = sides
    before = sorted(made.iterdir()) + sorted(real.iterdir())
    first = evaluate(made, real, SCORES, means, PLAIN)
    slashed = evaluate(type(made)(f"{made}/"), type(real)(f"{real}/"), SCORES, means, PLAIN)
    assert sorted(made.iterdir()) + sorted(real.iterdir()) == before
    assert values(slashed) == values(first)
    # And if some other suite left one there, it is no sound.
    (made / "classifier_logits_feature_cache.pkl").write_bytes(b"x")
    assert evaluate(made, real, SCORES, means, PLAIN).generated.clips == 12


def test_3_an_unreadable_file_is_not_replaced_by_the_next(sides, means):
    """`datasets/load_mel.py` went on to the next file, so that clips counted twice."""
    made, real = sides
    content = (made / "door.wav").read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"no sound at all"):
        (made / "door.wav").write_bytes(damaged)
        with pytest.raises(InputError, match=r"1 of 12 files of \S+made cannot be read.*door\.wav"):
            evaluate(made, real, SCORES, means, PLAIN)
    # Damage that no header tells.
    sf.write(made / "door.wav", np.array([0.1, np.nan, 0.1] * 9_000), 16_000, subtype="FLOAT")
    with pytest.raises(InputError, match=r"1 of 12 files of \S+made cannot be read.*NaN"):
        evaluate(made, real, SCORES, means, PLAIN)


def test_4_a_changed_file_or_network_meets_no_stale_cache(sides, means):
    """Caches were found again by the folder's name, whatever had changed (`eval.py`, `fad.py`)."""
    made, real = sides
    first = values(evaluate(made, real, SCORES, means, PLAIN))
    samples, rate = sf.read(made / "door.wav")
    sf.write(made / "door.wav", samples[::-1] * 0.1, rate)
    changed = values(evaluate(made, real, SCORES, means, PLAIN))
    # Of ten parts of twelve clips most have one clip, of which the inception score knows nothing.
    assert all(changed[name] != first[name] for name in first if name != "is_cnn14")
    fresh = replace(means, cache=EmbeddingCache(means.cache.folder.with_name("fresh")))
    assert changed == pytest.approx(values(evaluate(made, real, SCORES, fresh, PLAIN)), rel=1e-6)

    class Louder(Bands):
        def __call__(self, waveform):
            return {name: 2.0 * x for name, x in super().__call__(waveform).items()}

    other = replace(means, load=lambda name: Louder(name, version=2))
    doubled = values(evaluate(made, real, SCORES, other, PLAIN))
    assert doubled["fad_vggish"] == pytest.approx(4.0 * changed["fad_vggish"], rel=1e-4)


def test_5_a_network_that_fails_on_one_clip_gives_no_score_of_the_others(sides, means):
    """`metrics/fad.py` stopped at an exception, used the clips before it, or returned -1."""

    class Failing(Bands):
        def __call__(self, waveform):
            if float(waveform.abs().max()) > 0.99:
                raise InputError("this sound is too loud for the network")
            return super().__call__(waveform)

    made, real = sides
    samples, rate = sf.read(made / "door.wav")
    sf.write(made / "door.wav", samples / np.abs(samples).max(), rate)
    with pytest.raises(InputError, match="too loud for the network"):
        evaluate(made, real, SCORES, replace(means, load=Failing), PLAIN)


class Backwards:
    """Several workers, each unit by another of them, and the last unit first."""

    def map(self, make_worker, units):
        for unit in reversed(list(units)):
            yield from SerialExecutor().map(make_worker, [unit])


def test_6_many_workers_give_the_scores_of_one_whatever_their_order(sides, means):
    """A distributed sampler reordered clips and padded with duplicates (PR #14: 1.38, not 1.41)."""
    made, real = sides
    alone = evaluate(made, real, SCORES, means, PLAIN)
    for files in (5, 7):  # twelve are no multiple of either
        many = replace(
            means,
            cache=EmbeddingCache(means.cache.folder.with_name(f"by {files}")),
            executor=Backwards(),
            options=EmbeddingOptions(unit_files=files),
        )
        found = evaluate(made, real, SCORES, many, PLAIN)
        assert found.generated.clips == 12
        assert values(found) == pytest.approx(values(alone), rel=1e-6)


def test_7_what_cannot_be_had_is_refused_and_neither_nan_nor_minus_one(sides, means):
    """Under 10 clips IS was NaN (`isc.py`), with names that differ KL was -1 (`kl.py`)."""
    made, real = sides
    (made / "door.wav").rename(made / "gate.wav")
    with pytest.raises(InputError, match=r"\(door\) and 1 of \S+ have no reference \(gate\)"):
        evaluate(made, real, SCORES, means, PLAIN)
    found = evaluate(made, real, SCORES, means, replace(PLAIN, allow_missing=2))
    assert (found.missing, found.extra, found.generated.clips) == (("door",), ("gate",), 11)
    for name in ("bell", "burp"):
        (made / f"{name}.wav").unlink()
    with pytest.raises(InputError, match=r"IS \(Cnn14\) needs at least 10 clips and there are 9"):
        evaluate(made, real, SCORES, means, replace(PLAIN, allow_missing=4))
    others = SCORES.only([score.name for score in SCORES.scores if score.name != "is_cnn14"])
    left = evaluate(made, real, others, means, replace(PLAIN, allow_missing=4))
    assert all(math.isfinite(value) for value in values(left).values())
