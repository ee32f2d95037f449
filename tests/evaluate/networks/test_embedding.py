from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch

from auffusion.audio.decoder import read_all_channels
from auffusion.errors import InputError
from auffusion.evaluate.cnn14 import Cnn14Extractor
from auffusion.evaluate.embedding import EmbeddingOptions, embed_sounds
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.weights import FoundWeights
from auffusion.executor import LocalExecutor


@pytest.fixture(scope="module")
def extractors(tiny_cnn14):
    """Two networks of different rates, one of them after the last one's preparation."""
    return [tiny_cnn14()[0], tiny_cnn14(32_000)[0]]


@pytest.fixture
def folder(tmp_path, noise):
    """Seven sounds: of two lengths, mono and stereo, at three rates."""
    plan = [
        ("a", 16_000, 40_000, 1),
        ("b", 16_000, 40_000, 1),
        ("c", 16_000, 40_000, 2),
        ("d", 16_000, 33_000, 1),
        ("e", 44_100, 90_000, 1),
        ("f", 8_000, 20_000, 2),
        ("g", 16_000, 40_000, 1),
    ]
    for seed, (name, rate, samples, channels) in enumerate(plan):
        sf.write(tmp_path / f"{name}.wav", noise(seed, samples, channels).numpy().T, rate)
    return tmp_path


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "cache")


def wavs(folder):
    return sorted(folder.glob("*.wav"))


def test_features_are_those_of_each_sound_by_itself(folder, extractors, cache, assert_close):
    files = wavs(folder)
    embedded = embed_sounds(files, extractors, cache)
    assert [sound.path for sound in embedded.sounds] == [str(path) for path in files]
    assert embedded.computed == 14
    for extractor in extractors:
        alone = []
        for path in files:
            samples, info = read_all_channels(path)
            waveform = extractor.hearing.prepare(samples.T.astype("f4"), info.sample_rate)
            alone.append(extractor(waveform)["embedding"])
        found = embedded.rows(extractor.name, "embedding")
        assert_close(found, torch.cat(alone), 3e-6)
        assert not np.allclose(found[0], found[1])


def test_what_is_there_is_not_computed_again_wherever_the_files_are(
    folder, extractors, cache, tmp_path
):
    first = embed_sounds(wavs(folder), extractors, cache)
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in wavs(folder):
        path.rename(moved / f"renamed-{path.name}")
    again = embed_sounds(wavs(moved), extractors, cache)
    assert again.computed == 0
    name = extractors[0].name
    assert np.array_equal(again.rows(name, "logits"), first.rows(name, "logits"))
    # The same name with other samples is another sound.
    sf.write(wavs(moved)[0], np.full(33_000, 0.25), 16_000)
    assert embed_sounds(wavs(moved), extractors, cache).computed == 2


def test_other_weights_never_meet_old_features(folder, extractors, cache, tiny_cnn14):
    embed_sounds(wavs(folder), extractors, cache)
    other, _ = tiny_cnn14(seed=5)
    assert embed_sounds(wavs(folder), [other], cache).computed == 7


def test_a_run_that_was_stopped_goes_on_where_it_was(folder, extractors, cache):
    done = []

    def stop(sounds):
        done.extend(sounds)
        if len(done) >= 4:
            raise KeyboardInterrupt

    options = EmbeddingOptions(unit_files=2)
    with pytest.raises(KeyboardInterrupt):
        embed_sounds(wavs(folder), extractors, cache, options=options, on_sounds=stop)
    assert embed_sounds(wavs(folder), extractors, cache, options=options).computed == 6


def test_a_damaged_entry_is_told_and_computed_again(folder, extractors, cache):
    first = embed_sounds(wavs(folder), extractors, cache)
    victim = sorted(cache.folder.rglob("*.features"))[3]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    again = embed_sounds(wavs(folder), extractors, cache)
    assert again.computed == 1
    assert len(again.damaged) == 1
    assert str(victim) in again.damaged[0]
    for extractor in extractors:
        rows = (run.rows(extractor.name, "embedding") for run in (first, again))
        np.testing.assert_allclose(*rows, rtol=0, atol=1e-5)


def test_two_processes_find_what_one_finds(folder, extractors, cache, tmp_path):
    here = embed_sounds(wavs(folder), extractors, cache)
    there = embed_sounds(
        wavs(folder),
        extractors,
        EmbeddingCache(tmp_path / "other"),
        executor=LocalExecutor(workers=2),
        options=EmbeddingOptions(unit_files=4, threads=1),
    )
    assert there.sounds == here.sounds
    assert there.computed == here.computed
    for extractor in extractors:
        rows = (run.rows(extractor.name, "embedding") for run in (here, there))
        np.testing.assert_allclose(*rows, rtol=0, atol=1e-5)


def test_every_file_is_told_of_and_none_is_replaced(folder, extractors, cache):
    (folder / "h.wav").write_bytes(b"RIFF not a sound")
    (folder / "i.wav").write_bytes(b"")
    sf.write(folder / "j.wav", np.zeros(40_000), 16_000)
    sf.write(folder / "k.wav", np.clip(3 * np.sin(0.1 * np.arange(1_000)), -1, 1), 16_000)
    files = [*wavs(folder), folder / "not there.wav"]
    told = []
    embedded = embed_sounds(files, extractors, cache, on_sounds=told.extend)
    assert sorted(told, key=lambda sound: sound.path) == sorted(
        embedded.sounds, key=lambda sound: sound.path
    )
    by_name = {sound.path.rsplit("/", 1)[1]: sound for sound in embedded.sounds}
    assert len(embedded.sounds) == len(files) == 12
    assert [sound.path for sound in embedded.faults] == [
        str(folder / name) for name in ("h.wav", "i.wav", "not there.wav")
    ]
    assert "is empty" in by_name["i.wav"].fault
    assert "cannot read" in by_name["not there.wav"].fault
    assert [name for name, sound in by_name.items() if sound.silent] == ["j.wav"]
    assert by_name["a.wav"].padded_for == ()
    short = by_name["k.wav"]
    assert short.padded_for == ("tiny-16000", "tiny-32000")
    assert short.duration_s == pytest.approx(0.0625)
    assert [name for name, sound in by_name.items() if sound.clipped] == ["k.wav"]
    assert by_name["c.wav"].channels == 2
    # Features of the nine that are sounds, in the order of the files.
    assert len(embedded.rows("tiny-16000", "embedding")) == 9


def test_two_files_of_one_content_are_two_sounds_and_one_entry(folder, extractors, cache):
    twin = folder / "twin.wav"
    twin.write_bytes((folder / "a.wav").read_bytes())
    embedded = embed_sounds([folder / "a.wav", twin], extractors[:1], cache)
    assert embedded.computed == 1
    rows = embedded.rows(extractors[0].name, "embedding")
    assert np.array_equal(rows[0], rows[1])


def test_batches_hold_so_many_seconds_and_one_length(folder, extractors, cache, monkeypatch):
    shapes = []
    network = extractors[0]
    call = Cnn14Extractor.__call__

    def watched(self, waveform):
        shapes.append(tuple(waveform.shape))
        return call(self, waveform)

    monkeypatch.setattr(Cnn14Extractor, "__call__", watched)
    embed_sounds(wavs(folder), [network], cache, options=EmbeddingOptions(batch_s=5.0))
    # Two of the 2.5 s fit, and f is one of them at another rate; e has 2.04 s, d 2.06 s.
    assert sorted(shapes) == [(1, 32_654), (1, 33_000), (1, 40_000), (2, 40_000), (2, 40_000)]


def test_weights_that_do_not_fit_end_the_run_with_one_sentence(folder, cache, tmp_path):
    path = tmp_path / "Cnn14.pth"
    torch.save({"model": {}}, path)
    broken = Cnn14Extractor("broken", FoundWeights(path=path, sha256="-"))
    with pytest.raises(InputError, match=r"could not be embedded .*does not fit Cnn14"):
        embed_sounds(wavs(folder), [broken], cache)


def test_what_was_not_asked_for_is_refused_by_name(folder, extractors, cache):
    embedded = embed_sounds(wavs(folder)[:1], extractors[:1], cache)
    with pytest.raises(InputError, match="'vggish' was not asked for: tiny-16000 were"):
        embedded.rows("vggish", "embedding")
    with pytest.raises(InputError, match="gives no 'odds', but embedding, logits"):
        embedded.rows("tiny-16000", "odds")
    entry = next(cache.folder.rglob("*.features"))
    entry.unlink()
    with pytest.raises(InputError, match="lost the features of"):
        embedded.rows("tiny-16000", "embedding")


def test_nothing_to_measure_is_an_error_where_rows_are_wanted(folder, extractors, cache):
    embedded = embed_sounds([folder / "not there.wav"], extractors, cache)
    assert embedded.computed == 0
    with pytest.raises(InputError, match="no sound to measure among 1 files"):
        embedded.rows("tiny-16000", "embedding")


def test_extractors_of_one_name_and_options_that_do_no_work_are_refused(extractors, cache):
    with pytest.raises(InputError, match="two extractors have one name"):
        embed_sounds([], [extractors[0], extractors[0]], cache)
    for change in ({"batch_s": 0.0}, {"unit_files": 0}, {"threads": 0}):
        with pytest.raises(InputError, match="do no work"):
            replace(EmbeddingOptions(), **change)


def test_a_cache_that_cannot_be_written_ends_the_run(folder, extractors, tmp_path):
    place = tmp_path / "file"
    place.write_bytes(b"")
    with pytest.raises(InputError, match=r"could not be embedded \(cannot read .*Not a directory"):
        embed_sounds(wavs(folder), extractors, EmbeddingCache(place))
