"""Riffusion's pictures as sound, beside librosa and beside the front-end that made them."""

import json
import math

import librosa
import numpy as np
import pytest
import torch

from auffusion.baselines import load_baseline
from auffusion.baselines.griffin_lim import FrontEnd, MelInverter
from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import tiny_pipeline

SMALL = FrontEnd(
    sample_rate=16_000,
    fft_length=1024,
    window_length=400,
    hop_length=100,
    bands=64,
    low_hz=0.0,
    high_hz=8000.0,
    mel_scale="htk",
    area=False,
)


@pytest.fixture(scope="module")
def riffusion(published):
    return load_baseline("riffusion", model=published("riffusion")[0]).rival


@pytest.fixture(scope="module")
def retrained(published):
    return load_baseline("riffusion-retrained", model=published("riffusion-retrained")[0]).rival


def tone(hz, rate, seconds):
    return torch.sin(2 * math.pi * hz * torch.arange(int(rate * seconds)) / rate)


def loudest_hz(waveform, rate):
    spectrum = torch.fft.rfft(waveform[0] * torch.hann_window(waveform.shape[-1]))
    return float(spectrum.abs().argmax()) * rate / waveform.shape[-1]


def seeded():
    return torch.Generator().manual_seed(0)


def test_griffin_lim_is_librosas():
    noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    sizes = {"n_fft": 1024, "hop_length": 100, "win_length": 400}
    magnitude = np.abs(librosa.stft(noise, **sizes))
    expected = librosa.griffinlim(
        magnitude, n_iter=6, momentum=0.99, init=None, pad_mode="reflect", **sizes
    )
    inverter = MelInverter(SMALL, rounds=6, device=torch.device("cpu"))
    start = torch.from_numpy(magnitude)[None]
    found = inverter.griffin_lim(start, torch.zeros_like(start))[0]
    assert np.abs(found.numpy() - expected).max() <= 1e-3 * np.abs(expected).max()


def test_the_spectrum_is_the_least_squares_one():
    inverter = MelInverter(SMALL, rounds=1, device=torch.device("cpu"))
    bank = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=64, htk=True, norm=None)
    mel = torch.rand(64, 3, generator=seeded())
    expected = np.linalg.lstsq(bank.astype(np.float64), mel.double().numpy(), rcond=None)[0]
    found = inverter._inverse @ mel
    assert np.abs(found.numpy() - expected).max() <= 1e-4


def test_a_frame_stays_where_it_was():
    click = torch.zeros(16_000)
    click[8000] = 1.0
    mel = librosa.feature.melspectrogram(
        y=np.roll(click.numpy(), 0),
        sr=16_000,
        n_fft=1024,
        hop_length=100,
        win_length=400,
        n_mels=64,
        htk=True,
        norm=None,
        power=1.0,
    )
    inverter = MelInverter(SMALL, rounds=16, device=torch.device("cpu"))
    # librosa's frame k is centred on sample 100 k, ours in the middle of its hop: 50 later.
    sound = inverter(torch.from_numpy(mel)[None], seeded())[0]
    assert sound.shape[-1] == mel.shape[-1] * 100
    weights = sound.square()
    centre = float((weights * torch.arange(len(sound))).sum() / weights.sum())
    assert abs(centre - 8050) < 60


def test_dark_is_loud_and_the_top_is_high(riffusion):
    picture = torch.ones(1, 512, 2)
    # A grey of 51 of 255 in the lowest band: (204/255)⁴ of the loudest.
    picture[0, -1, 0] = 51 / 255
    magnitude = riffusion.magnitude(picture)
    assert magnitude[0, 0, 0].item() == pytest.approx(0.8**4 * 30e6, rel=1e-5)
    assert magnitude.sum() == magnitude[0, 0, 0]


@pytest.mark.parametrize("hz", [440.0, 3000.0])
def test_a_tone_survives_the_published_picture(riffusion, hz):
    sound = tone(hz, 44_100, 1.0)
    mel = librosa.feature.melspectrogram(
        y=sound.numpy(),
        sr=44_100,
        n_fft=17_640,
        hop_length=441,
        win_length=4410,
        n_mels=512,
        fmin=0,
        fmax=10_000,
        htk=True,
        norm=None,
        power=1.0,
    )
    # https://github.com/riffusion/riffusion-hobby, util/image_util.py.
    levels = (255 - 255 * (mel / mel.max()) ** 0.25).astype(np.uint8)[::-1].copy()
    picture = torch.from_numpy(levels.astype(np.float32) / 255)[None]
    heard = riffusion.listen(picture, seeded())
    assert heard.shape == (1, mel.shape[-1] * 441)
    # A bin is a hertz; a band here 8 Hz wide at most.
    assert abs(loudest_hz(heard, 44_100) - hz) < 10
    assert heard.abs().max().item() == pytest.approx(10 ** (-0.1 / 20), rel=1e-5)


def test_pictures_have_256_levels_and_the_asked_width(riffusion):
    from auffusion.baselines import Sampling

    sampling = Sampling(steps=1, guidance=1.0, length_s=0.3)
    with torch.no_grad():
        picture = riffusion._painter.paint("rain", seeded(), sampling, size=(512, 30))
    assert picture.shape == (1, 512, 30)
    levels = picture * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert len(levels.round().unique()) > 4


def test_the_papers_picture_is_read_as_its_scale_says(retrained, published):
    pipeline = published("riffusion-retrained")[1]
    codec = MelImageCodec.from_config(pipeline.config["image_scale"])
    picture = torch.rand(1, 64, 5, generator=seeded())
    log_mel = codec.decode(picture[:, None].expand(-1, 3, -1, -1))
    expected = (log_mel.exp() - 1e-5).clamp_min(0.0)
    assert (retrained.magnitude(picture) - expected).abs().max() <= 1e-3


def test_a_tone_survives_the_papers_picture(retrained, published):
    pipeline = published("riffusion-retrained")[1]
    mel = MelSpectrogram(pipeline.mel)
    sound = normalise_peak(tone(1000.0, 16_000, 1.0)[None])
    picture = MelImageCodec.from_config(pipeline.config["image_scale"]).encode(mel(sound))[:, 0]
    heard = retrained.listen(picture, seeded())
    assert heard.shape == (1, 16_000)
    # 64 bands up to 8 kHz: some 80 Hz wide at 1 kHz.
    assert abs(loudest_hz(heard, 16_000) - 1000) < 60


def test_another_picture_scale_is_refused(published, tmp_path):
    tiny_pipeline(layout="stable-diffusion").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="not trained on Riffusion's picture scale"):
        load_baseline("riffusion-retrained", model=tmp_path)
    # The published folder is no model of ours at all.
    with pytest.raises(InputError, match="text convention"):
        load_baseline("riffusion-retrained", model=published("riffusion")[0])


def test_a_model_that_speaks_through_adapters_is_refused(tmp_path):
    tiny_pipeline(layout="adapter").save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"leave model\.encoders out"):
        load_baseline("riffusion-retrained", model=tmp_path)


@pytest.mark.parametrize("name", ["NoScheduler", "AutoencoderKL", "../evil", None])
def test_a_folder_does_not_choose_what_is_imported(published, tmp_path, name):
    folder = published("riffusion")[0]
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "scheduler").unlink()
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(InputError, match="which diffusers does not have"):
        load_baseline("riffusion", model=tmp_path)
