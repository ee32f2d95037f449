import numpy as np
import pytest
import soundfile as sf

from auffusion.errors import InputError
from auffusion.evaluate.controls import derangement, halves, write_noise, write_silence
from auffusion.evaluate.pairing import list_sounds


@pytest.fixture
def sounds(tmp_path):
    place = tmp_path / "real"
    place.mkdir()
    sf.write(place / "a.wav", np.ones(8_000) * 0.1, 16_000)
    sf.write(place / "b.wav", np.ones((11_025, 2)) * 0.1, 22_050)
    return list_sounds(place).sounds


def test_halves_share_no_clip_and_are_of_one_size():
    for clips in (4, 5, 100, 101):
        first, second = halves(clips, seed=1)
        assert len(first) == len(second) == clips // 2
        assert not set(first) & set(second)
        assert set(first) | set(second) <= set(range(clips))
    assert halves(50, seed=1)[0].tolist() != halves(50, seed=2)[0].tolist()
    with pytest.raises(InputError, match="3 clips have no halves"):
        halves(3, seed=0)


def test_no_clip_keeps_its_caption():
    orders = [derangement(5, seed).tolist() for seed in range(200)]
    for order in orders:
        assert sorted(order) == [0, 1, 2, 3, 4]
        assert all(place != clip for place, clip in enumerate(order))
    assert len({tuple(order) for order in orders}) == 44  # all that there are
    assert derangement(2, seed=0).tolist() == [1, 0]
    with pytest.raises(InputError, match="1 clips cannot change places"):
        derangement(1, seed=0)


def test_silence_and_noise_have_the_names_and_lengths_of_the_reference(sounds, tmp_path):
    for kind in ("silence", "noise"):
        (tmp_path / kind).mkdir()
    write_silence(tmp_path / "silence", sounds)
    write_noise(tmp_path / "noise", sounds, seed=0)
    for kind in ("silence", "noise"):
        found = list_sounds(tmp_path / kind)
        assert found.names == ("a", "b")
        assert [sound.info.duration_s for sound in found.sounds] == [0.5, 0.5]
    assert not sf.read(tmp_path / "silence" / "a.wav")[0].any()
    noise, _ = sf.read(tmp_path / "noise" / "a.wav")
    assert noise.std() == pytest.approx(0.1, rel=0.03)
    assert noise.mean() == pytest.approx(0.0, abs=4e-3)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    assert spectrum[:2_000].mean() == pytest.approx(spectrum[2_000:].mean(), rel=0.1)


def test_noise_depends_on_seed_and_name_and_not_on_the_list(sounds, tmp_path):
    read = {}
    for folder, chosen, seed in (("x", sounds, 0), ("y", sounds[1:], 0), ("z", sounds, 1)):
        (tmp_path / folder).mkdir()
        write_noise(tmp_path / folder, chosen, seed)
        read[folder] = sf.read(tmp_path / folder / "b.wav")[0]
    assert (read["x"] == read["y"]).all()
    assert abs(np.corrcoef(read["x"], read["z"])[0, 1]) < 0.05
    other = sf.read(tmp_path / "x" / "a.wav")[0]
    assert abs(np.corrcoef(read["x"], other)[0, 1]) < 0.05
