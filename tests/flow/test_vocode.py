import re

import numpy as np
import pytest
import soundfile as sf


@pytest.fixture
def sound(tmp_path):
    """A chirp of 0.7 s at 44.1 kHz in stereo, quiet."""
    t = np.arange(30_870) / 44_100
    chirp = 0.1 * np.sin(2 * np.pi * (300 + 2_000 * t) * t)
    sf.write(tmp_path / "in.wav", np.stack([chirp, chirp], 1), 44_100)
    return tmp_path / "in.wav"


def losses(out):
    return [float(number) for number in re.findall(r"(-?\d+\.\d\d) dB", out)]


def test_a_sound_comes_back_as_long_and_as_loud(auffusion, tiny_model, sound, tmp_path):
    stage_losses = {}
    for stage in ("mel", "image", "latent"):
        path = tmp_path / f"{stage}.flac"
        words = ("-o", path, "--through", stage, "--model", tiny_model)
        status, out, err = auffusion("vocode", sound, *words)
        assert (status, err) == (0, "")
        assert out.startswith(f"{path}: log-mel error ")
        samples, rate = sf.read(path)
        assert (rate, len(samples)) == (16_000, 11_200)
        assert np.isfinite(samples).all()
        stage_losses[stage] = losses(out)
    # Neither the spectrogram itself nor the picture of the fixed range loses anything.
    assert stage_losses["mel"][0] == 0.0
    assert stage_losses["image"][0] == 0.0
    assert stage_losses["latent"][0] > 1.0
    assert stage_losses["mel"][1:] == stage_losses["image"][1:]


def test_silence_comes_back_finite(auffusion, tiny_model, tmp_path):
    sf.write(tmp_path / "in.wav", np.zeros(4_000), 16_000)
    status, _, _ = auffusion(
        "vocode", tmp_path / "in.wav", "-o", tmp_path / "a.wav", "-m", tiny_model
    )
    assert status == 0
    assert not sf.read(tmp_path / "a.wav")[0].any()


def test_the_shortest_sound_comes_back(auffusion, tiny_model, tmp_path):
    sf.write(tmp_path / "in.wav", np.array([0.5]), 16_000)
    words = ("-o", tmp_path / "a.wav", "-m", tiny_model, "--through", "latent")
    assert auffusion("vocode", tmp_path / "in.wav", *words)[0] == 0
    assert sf.info(tmp_path / "a.wav").frames == 1
