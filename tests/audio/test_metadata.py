import json
import wave

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from auffusion.audio import METADATA_KEYS, read_audio, read_metadata, write_audio
from auffusion.errors import InputError

SOUND = torch.linspace(-0.5, 0.5, 400)
KINDS = ["wav", "flac"]
EVERY = {key: f"the {key}, naïve and “quoted”" for key in METADATA_KEYS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_comes_back(tmp_path, kind):
    write_audio(tmp_path / f"a.{kind}", SOUND, metadata=EVERY)
    assert read_metadata(tmp_path / f"a.{kind}") == EVERY


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 2_000, 70_000, 1_000_001])
def test_a_long_comment_comes_back_whole(tmp_path, kind, length):
    comment = json.dumps({"prompt": "ü" * length}, ensure_ascii=False)
    write_audio(tmp_path / f"a.{kind}", SOUND, metadata={"comment": comment})
    assert read_metadata(tmp_path / f"a.{kind}")["comment"] == comment


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(comment=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=200))
def test_any_text_comes_back(tmp_path, kind, comment):
    write_audio(tmp_path / f"a.{kind}", SOUND, metadata={"comment": comment})
    assert read_metadata(tmp_path / f"a.{kind}").get("comment", "") == comment


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_words_has_none(tmp_path, kind):
    write_audio(tmp_path / f"a.{kind}", SOUND)
    assert read_metadata(tmp_path / f"a.{kind}") == {}


def test_words_do_not_disturb_other_readers_of_wav(tmp_path):
    path = tmp_path / "a.wav"
    write_audio(path, SOUND, metadata=EVERY | {"comment": "x" * 70_001})
    with wave.open(str(path)) as theirs:
        assert (theirs.getframerate(), theirs.getnchannels(), theirs.getsampwidth()) == (
            16000,
            1,
            2,
        )
        samples = np.frombuffer(theirs.readframes(400), "<i2")
    np.testing.assert_array_equal(samples, wavfile.read(path)[1])
    np.testing.assert_array_equal(samples, sf.read(path, dtype="int16")[0])
    np.testing.assert_array_equal(samples / 32768, read_audio(path)[0].numpy())


def test_another_reader_sees_a_short_title(tmp_path):
    for kind in KINDS:
        write_audio(tmp_path / f"a.{kind}", SOUND, metadata={"title": "a dog barking"})
        with sf.SoundFile(tmp_path / f"a.{kind}") as theirs:
            assert theirs.title == "a dog barking"


def test_words_that_another_program_wrote_are_read(tmp_path):
    for kind in ["wav", "flac", "ogg"]:
        with sf.SoundFile(tmp_path / f"a.{kind}", "w", 16_000, 1) as theirs:
            theirs.title, theirs.software = "rain", "elsewhere 2.0"
            theirs.write(np.zeros(400))
        stored = read_metadata(tmp_path / f"a.{kind}")
        assert stored["title"] == "rain"
        assert stored["software"].startswith("elsewhere 2.0")


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"prompt": "x"}, "no field 'prompt', the fields are title, artist"),
        ({"comment": "a\0b"}, "free of NUL"),
        ({"comment": "x" * (9 << 20)}, "under 8 MB"),
    ],
)
def test_what_a_file_would_lose_is_refused(tmp_path, metadata, sentence):
    for kind in KINDS:
        with pytest.raises(InputError, match=sentence):
            write_audio(tmp_path / f"a.{kind}", SOUND, metadata=metadata)
    assert not list(tmp_path.iterdir())


def test_words_of_what_is_no_sound_are_refused(tmp_path):
    (tmp_path / "a.wav").write_text("hello, this is not a sound")
    with pytest.raises(InputError, match="not a WAV, FLAC, OGG or MP3"):
        read_metadata(tmp_path / "a.wav")
