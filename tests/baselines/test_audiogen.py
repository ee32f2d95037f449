"""AudioGen beside transformers' own MusicGen, of which it is a relative."""

import pytest
import torch
import yaml
from tiny_rivals.audiogen import CODEC_SETTINGS
from transformers import MusicgenForConditionalGeneration

from auffusion.baselines import load_baseline
from auffusion.baselines.rivals.audiogen import _choose
from auffusion.errors import InputError

FRAMES = 12


@pytest.fixture(scope="module")
def written(published):
    return published("audiogen-v2-medium")


@pytest.fixture(scope="module")
def rival(written):
    return load_baseline("audiogen-v2-medium", model=written[0]).rival


@pytest.fixture(scope="module")
def musicgen(written):
    """transformers' composite of the networks that were written."""
    made = written[1]
    model = MusicgenForConditionalGeneration(
        text_encoder=made.text_encoder, audio_encoder=made.codec, decoder=made.language
    ).eval()
    model.enc_to_dec_proj.load_state_dict(made.projection.state_dict())
    blank = made.language.config.vocab_size
    model.generation_config.decoder_start_token_id = blank
    model.generation_config.pad_token_id = blank
    model.generation_config.bos_token_id = blank
    return model


@torch.no_grad()
@pytest.mark.parametrize("prompt", ["a dog barks", "rain"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_the_likeliest_codes_are_those_of_transformers(rival, musicgen, written, prompt, guidance):
    tokens = written[1].tokenizer([prompt], return_tensors="pt")
    # Its sound is that of its codes alone; it takes a step more for each late codebook.
    expected = musicgen.generate(
        **tokens,
        do_sample=False,
        guidance_scale=guidance,
        max_new_tokens=FRAMES + 3,
    )
    codes = rival.codes(prompt, FRAMES, None, guidance=guidance)
    assert len(codes.unique()) > 3
    found = musicgen.audio_encoder.decode(codes[None, None], [None]).audio_values
    assert found.shape == expected.shape == (1, 1, FRAMES * 320)
    assert (found - expected).abs().max() <= 1e-5


@torch.no_grad()
def test_the_codec_gives_the_same_sound(rival, written):
    codes = torch.randint(64, (1, 1, 4, 10), generator=torch.Generator().manual_seed(0))
    expected = written[1].codec.decode(codes, [None]).audio_values
    assert torch.equal(rival._codec.decode(codes, [None]).audio_values, expected)


@torch.no_grad()
def test_only_the_likeliest_250_codes_are_drawn(rival, monkeypatch):
    monkeypatch.setattr("auffusion.baselines.rivals.audiogen._TOP", 1)
    drawn = rival.codes("rain", FRAMES, torch.Generator().manual_seed(0), guidance=3.0)
    assert torch.equal(drawn, rival.codes("rain", FRAMES, None, guidance=3.0))


@torch.no_grad()
def test_codes_are_drawn_as_often_as_they_are_likely():
    scores = torch.tensor([[0.0, 1.0, 2.0]])
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([_choose(scores, generator) for _ in range(3000)])
    shares = drawn.bincount(minlength=3) / 3000
    # Three deviations of the binomial are 0.027 at most.
    assert (shares - scores.softmax(dim=-1)[0]).abs().max() < 0.03


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("${sample_rate}", "${nowhere.at_all}", "does not describe its network"),
        ("sample_rate: 16000", "sample_rate: ${sample_rate}", "refers to itself"),
        ("true_skip: true", "skip: true", "has no seanet.true_skip"),
        ("rvq:", "vq:", "has no rvq.n_q"),
    ],
)
def test_settings_that_do_not_tell_enough_are_refused(written, tmp_path, old, new, said):
    assert old in CODEC_SETTINGS
    folder = written[0]
    content = torch.load(folder / "compression_state_dict.bin", weights_only=True)
    content["xp.cfg"] = CODEC_SETTINGS.replace(old, new)
    assert isinstance(yaml.safe_load(content["xp.cfg"]), dict)
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "compression_state_dict.bin").unlink()
    torch.save(content, tmp_path / "compression_state_dict.bin")
    with pytest.raises(InputError, match=said):
        load_baseline("audiogen-v2-medium", model=tmp_path)
