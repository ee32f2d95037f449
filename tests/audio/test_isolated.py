"""A decoder in a process of its own: whatever it is given, this process goes on."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from auffusion.audio.decoder import Stretch, read_mono
from auffusion.audio.isolated import DecoderDiedError, IsolatedDecoder
from auffusion.errors import InputError

SOUNDS = sorted((Path(__file__).parents[1] / "sounds").glob("*.flac"))


@pytest.fixture
def decoder():
    with IsolatedDecoder() as one:
        yield one


def child_of(decoder):
    return decoder._child.pid


@pytest.mark.parametrize("path", SOUNDS, ids=lambda path: path.stem)
def test_it_reads_what_the_decoder_here_reads(decoder, path):
    found = decoder.read(path)
    samples, info = read_mono(path)
    np.testing.assert_array_equal(found.samples, samples)
    assert (found.source_rate, found.source_seconds) == (info.sample_rate, info.duration_s)


@pytest.mark.parametrize(
    ("name", "format", "subtype"),
    [
        ("a.au", "AU", "PCM_16"),
        ("a.aiff", "AIFF", "PCM_24"),
        ("a.wav", "WAV", "MS_ADPCM"),
        ("b.wav", "WAV", "IMA_ADPCM"),
    ],
)
def test_old_formats_are_read_here_and_nowhere_else(decoder, tmp_path, name, format, subtype):
    tone = 0.5 * np.sin(np.arange(16_000) / 5)
    sf.write(tmp_path / name, tone, 16_000, format=format, subtype=subtype)
    found = decoder.read(tmp_path / name).samples
    np.testing.assert_array_equal(found, sf.read(tmp_path / name, dtype="float32")[0])
    with pytest.raises(InputError, match="WAV"):
        read_mono(tmp_path / name)


def test_a_stretch_is_what_the_whole_has_there(decoder, tmp_path):
    path = tmp_path / "a.wav"
    sf.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48_000), 16_000, subtype="FLOAT")
    whole = decoder.read(path).samples
    part = decoder.read(path, stretch=Stretch(start_s=1.0, seconds=0.5)).samples
    np.testing.assert_array_equal(part, whole[16_000:24_000])
    rest = decoder.read(path, stretch=Stretch(start_s=2.5, seconds=30.0)).samples
    np.testing.assert_array_equal(rest, whole[40_000:])


def test_bad_input_is_a_sentence_and_the_child_lives_on(decoder, tmp_path):
    decoder.read(SOUNDS[0])
    before = child_of(decoder)
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match="not a WAV"):
        decoder.read(tmp_path / "a.wav")
    assert len(decoder.read(SOUNDS[0]).samples)
    assert child_of(decoder) == before


def test_a_file_that_kills_the_decoder_costs_itself_only(decoder):
    decoder.read(SOUNDS[0])
    os.kill(child_of(decoder), signal.SIGKILL)
    with pytest.raises(DecoderDiedError, match="ended its decoder"):
        decoder.read(SOUNDS[0])
    assert len(decoder.read(SOUNDS[0]).samples)


def test_a_decoder_that_hangs_is_ended_after_its_time():
    with IsolatedDecoder(seconds=0.5) as decoder:
        decoder.read(SOUNDS[0])
        os.kill(child_of(decoder), signal.SIGSTOP)
        with pytest.raises(DecoderDiedError, match="took longer than 0"):
            decoder.read(SOUNDS[0])
        assert len(decoder.read(SOUNDS[0]).samples)


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path):
    path = tmp_path / "a.flac"
    with sf.SoundFile(path, "w", 48_000, 1, "PCM_16", format="FLAC") as sound:
        for _ in range(560):
            sound.write(np.zeros(48_000, np.int16))
    assert path.stat().st_size < 1 << 20
    with (
        IsolatedDecoder(memory_mb=24) as decoder,
        pytest.raises(DecoderDiedError, match="needs more than 24 MB"),
    ):
        decoder.read(path)


def test_the_child_ends_with_its_decoder():
    decoder = IsolatedDecoder()
    decoder.read(SOUNDS[0])
    pid = child_of(decoder)
    decoder.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_mp3_file_without_a_length_tag_is_read_to_its_end(decoder, tmp_path):
    """Its header's length is an estimate; cut at an estimate, or refused, it would be no good."""
    rng = np.random.default_rng(0)
    # It begins at the lowest bit rate, which makes a guess from the file's size far too long.
    rising = np.concatenate([np.zeros(88_200), rng.uniform(-0.9, 0.9, 88_200)])
    sf.write(tmp_path / "a.mp3", rising, 44_100, format="MP3", bitrate_mode="VARIABLE")
    data = (tmp_path / "a.mp3").read_bytes()
    first, second = data[:2], data.index(data[:2], 4)
    assert first[0] == 0xFF
    assert any(tag in data[:second] for tag in (b"Xing", b"Info"))
    (tmp_path / "b.mp3").write_bytes(data[second:])
    whole = decoder.read(tmp_path / "a.mp3").samples
    untagged = decoder.read(tmp_path / "b.mp3").samples
    assert sf.info(tmp_path / "b.mp3").duration > 5  # the guess, of four seconds
    # Without the tag the encoder's delay is not known either, and one frame more is heard.
    assert abs(len(untagged) - len(whole)) < 0.1 * 16_000
